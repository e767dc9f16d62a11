from pathlib import Path

import orjson
import pytest
from pydantic import BaseModel, ValidationError

from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.manifest import FORMAT, Filtered, Searched, encode_manifest, read_manifest
from tests.makers import articles, index_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    report = index_of(tmp_path, articles(5))
    folder = snapshot_folder(tmp_path, str(report.snapshot))
    (folder / "manifest.json").chmod(0o644)
    return folder


def test_manifest_comes_back_as_it_was_written(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert encode_manifest(manifest) == (folder / "manifest.json").read_bytes()
    assert manifest.counts.articles == 5
    assert manifest.model.name == "hash"
    assert manifest.recipe["terms_share"]


def test_every_flipped_byte_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x01]) + whole[place + 1 :])
        with pytest.raises(SnapshotRefused):
            read_manifest(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"format":2}', b"[" * 100_000])
def test_anything_else_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(SnapshotRefused, match=r"manifest\.json"):
        read_manifest(folder)


def test_unknown_format_is_refused_by_its_number(folder: Path) -> None:
    fields = orjson.loads((folder / "manifest.json").read_bytes()) | {"format": FORMAT + 1}
    (folder / "manifest.json").write_bytes(orjson.dumps(fields))
    with pytest.raises(SnapshotRefused, match=f"format {FORMAT + 1}; this version reads the formats 2, 3, 4"):
        read_manifest(folder)


def test_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotRefused, match="cannot be read"):
        read_manifest(tmp_path)


def test_what_is_nested_deeper_than_it_could_be_written_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for depth in (300, 1_000):
        deep = b"[" * depth + b"]" * depth
        path.write_bytes(whole.replace(b'"recipe": {', b'"recipe": {"deep": ' + deep + b","))
        with pytest.raises(SnapshotRefused, match=r"manifest\.json"):
            read_manifest(folder)
        path.write_bytes(b'{"format":' + deep + b"}")
        with pytest.raises(SnapshotRefused, match="has the format"):
            read_manifest(folder)


@pytest.mark.parametrize("name", ["vectors_recall", "terms_recall"])
@pytest.mark.parametrize("kind", [Searched, Filtered])
def test_what_a_search_finds_is_a_share(kind: type[BaseModel], name: str) -> None:
    fields = {"cells": 1, "filters": 1, "probed": 1, "postings_max": 9, "vectors_recall": 0, "terms_recall": 1}
    said = {each: value for each, value in fields.items() if each in kind.model_fields}
    kind.model_validate(said)
    for beyond in (-0.001, 1.001):
        with pytest.raises(ValidationError, match=name):
            kind.model_validate(said | {name: beyond})
