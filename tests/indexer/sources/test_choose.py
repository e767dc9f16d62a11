import json
import os
from pathlib import Path

import pytest

from indexer.sources.choose import choose_source
from indexer.sources.source import Found
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor
from tests.indexer.sources.test_page_text import PAGE as TEXT_PAGE
from tests.seealso.test_page import PAGE as HTML_PAGE


def test_folder_is_read_file_by_file_each_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": "line", "title": "T", "body": "B"}))
    (tmp_path / "a.txt").write_text(TEXT_PAGE)
    (tmp_path / "sub/c.HTML").write_text(HTML_PAGE)
    (tmp_path / "README.md").write_text("not an article")
    with PageExtractor(60) as extractor:
        found = list(choose_source(str(tmp_path), extractor).read())
    assert [item.article.id for item in found if isinstance(item, Found)] == ["a", "line", "sub/c"]


def test_hidden_files_and_what_a_mac_packs_beside_its_files_are_no_pages(tmp_path: Path) -> None:
    root = tmp_path / ".site"
    for name in ("a.txt", "._a.txt", ".git/b.txt", "__MACOSX/a.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(TEXT_PAGE)
    (root / ".lock.txt").symlink_to(tmp_path / "nowhere")  # as editors leave them
    found = list(choose_source(str(root), PageExtractor(1)).read())
    assert [item.article.id for item in found if isinstance(item, Found)] == ["a"]
    assert len(found) == 1


@pytest.mark.parametrize("name", ["none.jsonl", "nowhere/"])
def test_missing_source_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceUnreadable, match="no such file or folder"):
        choose_source(str(tmp_path / name), PageExtractor(1))


def test_unknown_ending_names_the_known(tmp_path: Path) -> None:
    (tmp_path / "articles.docx").write_bytes(b"x")
    with pytest.raises(SourceUnreadable, match=r"\.jsonl"):
        choose_source(str(tmp_path / "articles.docx"), PageExtractor(1))


def test_folder_without_sources_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no file in it ends in"):
        list(choose_source(str(tmp_path), PageExtractor(1)).read())


def test_dash_is_standard_input() -> None:
    assert choose_source("-", PageExtractor(1)).name == "standard input"


def test_link_that_leads_nowhere_is_an_error_not_fewer_articles(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "title": "T", "body": "B"}))
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "gone.jsonl")
    with pytest.raises(SourceUnreadable, match="leads nowhere"):
        list(choose_source(str(tmp_path), PageExtractor(1)).read())


def test_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "title": "T", "body": "B"}))
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceUnreadable, match=r"sub: Permission denied"):
        list(choose_source(str(tmp_path), PageExtractor(1)).read())
