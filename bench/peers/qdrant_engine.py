"""Qdrant's engine inside the process ('Qdrant Edge', a beta): the server's segments and HNSW, in Rust."""

from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    HnswIndexConfig,
    Memory,
    Point,
    Query,
    SearchRequest,
    UpdateOperation,
)

from bench.peers import route
from bench.peers.corpus import Corpus
from bench.peers.qdrant_local import point

BATCH = 500


def build(corpus: Corpus, folder: Path) -> None:
    """Write the shard, its vectors in a graph: by default so few are searched one by one, at twice the time."""
    folder.mkdir()
    config = EdgeConfig(
        vectors=EdgeVectorParams(size=corpus.vectors.shape[1], distance=Distance.Cosine),
        hnsw_config=HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10),
        optimizers=EdgeOptimizersConfig(indexing_threshold=100),
        payload_memory=Memory.Cached,
    )
    shard = EdgeShard.create(str(folder), config)
    points = [
        Point(point(name), vector.tolist(), {"id": name, "card": card})
        for name, card, vector in zip(corpus.ids, corpus.cards, corpus.vectors, strict=True)
    ]
    for start in range(0, len(points), BATCH):
        shard.update(UpdateOperation.upsert_points(points[start : start + BATCH]))
    shard.optimize()
    shard.flush()
    shard.close()


def app() -> Flask:
    """Return the app."""
    shard = EdgeShard.load(str(route.copied_folder()))

    def nearest(article_id: str) -> Iterator[tuple[str, str, float]] | None:
        own = shard.retrieve([point(article_id)], with_payload=False, with_vector=True)
        if not own:
            return None
        query = Query.Nearest(own[0].vector)
        found = shard.search(SearchRequest(query=query, limit=route.LIMIT + 1, with_payload=True))
        return ((each.payload["id"], each.payload["card"], each.score) for each in found)

    return route.create_app(nearest)
