"""Qdrant's client without a server ('local mode'): exact search in numpy. It has no index."""

from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from flask import Flask
from qdrant_client import QdrantClient, models

from bench.peers import route
from bench.peers.corpus import Corpus

COLLECTION = "articles"


def build(corpus: Corpus, folder: Path) -> None:
    """Write the collection."""
    client = QdrantClient(path=str(folder))
    shape = models.VectorParams(size=corpus.vectors.shape[1], distance=models.Distance.COSINE)
    client.create_collection(COLLECTION, vectors_config=shape)
    client.upload_collection(
        COLLECTION,
        vectors=corpus.vectors,
        payload=[{"id": name, "card": card} for name, card in zip(corpus.ids, corpus.cards, strict=True)],
        ids=[point(name) for name in corpus.ids],
    )
    client.close()


def point(article_id: str) -> str:
    """Return the id of an article's point: Qdrant takes numbers and UUIDs only."""
    return str(uuid5(NAMESPACE_URL, article_id))


def app() -> Flask:
    """Return the app. The vector is read, then searched by: to query by a point's id took four times as long."""
    client = QdrantClient(path=str(route.copied_folder()))

    def nearest(article_id: str) -> Iterator[tuple[str, str, float]] | None:
        own = client.retrieve(COLLECTION, [point(article_id)], with_vectors=True, with_payload=False)
        if not own:
            return None
        found = client.query_points(COLLECTION, query=own[0].vector, limit=route.LIMIT + 1, with_payload=True)
        return ((each.payload["id"], each.payload["card"], each.score) for each in found.points)

    return route.create_app(nearest)
