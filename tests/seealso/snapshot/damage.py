"""Damage to one file of a snapshot, of every kind, by chance; and with digests that fit, in a process of its own.

`python -m tests.seealso.snapshot.damage WORK SEED COUNT` has an app follow COUNT snapshots, each with one damaged file
and digests that fit it, and asks for blocks of each that is served. What became of them stands in WORK/told.json; that
the process lives to write it is what is tried.
"""

import io
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from flask.testing import FlaskClient

from seealso.article import Article
from seealso.settings import ServiceSettings
from seealso.snapshot import files
from seealso.snapshot.layout import MANIFEST, SNAPSHOTS, publish, snapshot_folder
from seealso.snapshot.vectors import VectorIndex
from service.app import create_app
from tests.makers import HashEncoder, article, articles, forge, index_of

FLIPPED, CUT, SWAPPED, EMPTY, LINK, OTHER_SHAPE = (
    "flipped bits", "cut short", "of another generation", "empty", "a link", "of another dimension",
)  # fmt: skip
KINDS = (FLIPPED, CUT, SWAPPED, EMPTY, LINK, OTHER_SHAPE)
BITS_MAX = 8
# A file that a snapshot has beside its own, to have another id.
OTHERS_TOO = "other.bin"


@dataclass(frozen=True)
class Generations:
    """Two snapshots of one index, by the bytes of their files: the one that is damaged, and the one before."""

    folder: Path
    own: dict[str, bytes]
    other: dict[str, bytes]

    def damaged(self, kind: str, chance: random.Random) -> tuple[str, bytes | None]:
        """Return which file is damaged, and what it holds then; None: it is a link to what it was."""
        name = chance.choice([name for name in self.own if self._may_be(name, kind)])
        whole = self.own[name]
        if kind == FLIPPED:
            bits = chance.sample(range(8 * len(whole)), min(chance.randint(1, BITS_MAX), 8 * len(whole)))
            flipped = bytearray(whole)
            for bit in bits:
                flipped[bit // 8] ^= 1 << bit % 8
            return name, bytes(flipped)
        if kind == CUT:
            return name, whole[: chance.randrange(len(whole))]
        if kind == SWAPPED:
            return name, self.other[name]
        if kind == EMPTY:
            return name, b""
        return name, None if kind == LINK else of_another_shape(name, whole, chance)

    def _may_be(self, name: str, kind: str) -> bool:
        if kind == SWAPPED:
            return self.own[name] != self.other[name]
        if kind == OTHER_SHAPE:
            return name.endswith(".npy") or name == files.VECTORS
        return kind != LINK or name != MANIFEST  # which may be a link


def two_generations(index: Path) -> Generations:
    """Make an index folder with two snapshots, most files of which differ."""
    fields: dict[str, Any] = {"section": "News", "published": "2025-01-02", "language": "en"}
    index_of(index, [*_pieces(30, author="Ann Reed", tags=["Sea", "Air"], **fields), article("z")])
    report = index_of(
        index, [*_pieces(34, author="Otto Reed", tags=["Sea", "Ice"], **fields), article("y"), article("z")]
    )
    [before] = [path for path in (index / SNAPSHOTS).iterdir() if path.is_dir() and path.name != report.snapshot]
    folder = snapshot_folder(index, str(report.snapshot))
    own, other = ({path.name: path.read_bytes() for path in sorted(each.iterdir())} for each in (folder, before))
    return Generations(folder, own, other)


def _pieces(count: int, **fields: Any) -> list[Article]:
    return [each.model_copy(update={"url": f"https://a.example/{each.id}"}) for each in articles(count, **fields)]


def of_another_shape(name: str, whole: bytes, chance: random.Random) -> bytes:
    """Return an array, or the index of vectors, as it would be of more, of fewer, or of others."""
    if name == files.VECTORS:
        vectors = np.eye(chance.randint(1, 16), chance.choice((16, 31, 33, 64)), dtype=np.float32)
        return bytes(faiss.serialize_index(VectorIndex.of(vectors).index))
    array = np.load(io.BytesIO(whole))
    others = [
        np.concatenate([array, array[-1:]]), array[:-1], array[np.newaxis], np.repeat(array, 2, axis=-1),
        array.reshape(-1)[:1], array.reshape(-1)[0],
    ]  # fmt: skip
    file = io.BytesIO()
    np.save(file, chance.choice([each for each in others if each.shape != array.shape]))
    return file.getvalue()


def copied(source: Path, folder: Path, name: str) -> Path:
    """Return a copy of a snapshot, of which a file and the manifest may be written to; the others are one with its."""
    shutil.copytree(source, folder, copy_function=os.link)
    for each in (name, MANIFEST):
        (folder / each).unlink()
        shutil.copyfile(source / each, folder / each)
    return folder


def forged(work: Path, seed: int, count: int) -> None:
    """Follow so many snapshots with a damaged file and digests that fit; see the module."""
    chance, made = random.Random(seed), two_generations(work / "index")
    app = create_app(ServiceSettings(index=work / "index"), HashEncoder)
    current, client = app.extensions["seealso"].current, app.test_client()
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        name, content = made.damaged(kind, chance)
        while name == MANIFEST:
            name, content = made.damaged(kind, chance)
        folder = copied(made.folder, work / "index" / SNAPSHOTS / f"copy-{number}", name)
        if content is not None:
            folder = forge(folder, name, content)
        else:
            folder = forge(folder, OTHERS_TOO, b"x")  # any other id
            (folder / name).unlink()
            (folder / name).symlink_to(made.folder / name)
        publish(work / "index", folder.name)
        began = time.monotonic()
        current.refresh()
        took = time.monotonic() - began
        serves = current.served.id == folder.name
        outcomes[f"{kind}: {'served' if serves else 'refused'}"] += 1
        if serves:
            outcomes.update(asked(client))
        else:
            longest = max(longest, took)
        publish(work / "index", made.folder.name)
        current.refresh()
        assert client.get("/v1/articles/a001/related").status_code == 200
        shutil.rmtree(folder)
    (work / "told.json").write_text(json.dumps({"outcomes": outcomes, "longest_s": longest}))


def asked(client: FlaskClient) -> Iterator[str]:
    """Ask for some blocks and an article; yield how each was answered. To forged cards it may be 500."""
    for path in ("a001/related", "a004/related?section=News", "a002/related.html", "z/related", "a003"):
        try:
            yield f"answered {client.get(f'/v1/articles/{path}').status_code}"
        except Exception:  # a server answers 500 to it
            yield "answered 500 by the server"


if __name__ == "__main__":
    forged(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
