"""The articles that all peers answer from, in files: id, card, text, vector; row number = position.

They are written from a snapshot, and read where Seealso is not installed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seealso.snapshot.snapshot import Snapshot

ARTICLES, VECTORS = "articles.jsonl", "vectors.npy"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Articles: `cards` are JSON objects, as Seealso answers with; `vectors`: float32, articles x dimension, unit."""

    ids: list[str]
    cards: list[str]
    texts: list[str]
    vectors: NDArray[np.float32]


def write_corpus(snapshot: "Snapshot", folder: Path) -> None:
    """Write a snapshot's articles and vectors into a folder."""
    rows = range(len(snapshot))
    with (folder / ARTICLES).open("w", encoding="utf-8") as file:
        for row in rows:
            article = json.loads(snapshot.article(row))
            parts = (article["title"], article.get("summary"), article["body"])
            text = "\n\n".join(part for part in parts if part)
            file.write(json.dumps({"id": article["id"], "card": snapshot.card(row).decode(), "text": text}) + "\n")
    np.save(folder / VECTORS, snapshot.vectors.vectors(np.arange(len(snapshot))))


def read_corpus(folder: Path) -> Corpus:
    """Return what `write_corpus` wrote."""
    with (folder / ARTICLES).open(encoding="utf-8") as file:
        articles: list[dict[str, Any]] = [json.loads(line) for line in file]
    ids, cards, texts = ([article[name] for article in articles] for name in ("id", "card", "text"))
    return Corpus(ids, cards, texts, np.load(folder / VECTORS, allow_pickle=False))
