"""LanceDB, embedded: a table of id, vector and card."""

from collections.abc import Iterator
from pathlib import Path

import lancedb
import pyarrow
from flask import Flask
from lancedb.index import HnswFlat

from bench.peers import route
from bench.peers.corpus import Corpus


def build(corpus: Corpus, folder: Path) -> None:
    """Write the table, with the index that answered fastest of those that find all: HNSW over whole vectors.

    LanceDB's own advice for so few articles is none. Tried on 5,084 vectors, processor time of a search: none 10.5 ms,
    IVF_FLAT 4.8, IVF_HNSW_SQ 5.0 (and 4 % of the nearest lost), IVF_HNSW_FLAT 3.6.
    """
    dimension = corpus.vectors.shape[1]
    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(corpus.vectors.ravel()), dimension)
    table = lancedb.connect(folder).create_table(
        "articles", pyarrow.table({"id": corpus.ids, "vector": vectors, "card": corpus.cards})
    )
    table.create_index("vector", config=HnswFlat(distance_type="dot", num_partitions=1))


def app() -> Flask:
    """Return the app. An article's place in the table is known to it, which LanceDB finds it by fastest."""
    table = lancedb.connect(route.folder()).open_table("articles")
    places = {name: place for place, name in enumerate(table.to_arrow()["id"].to_pylist())}

    def nearest(article_id: str) -> Iterator[tuple[str, str, float]] | None:
        place = places.get(article_id)
        if place is None:
            return None
        vector = table.take_offsets([place]).select(["vector"]).to_arrow()["vector"][0].values.to_numpy()
        search = table.search(vector, vector_column_name="vector").distance_type("dot")
        found = search.select(["id", "card", "_distance"]).limit(route.LIMIT + 1).to_arrow()
        columns = (found[name].to_pylist() for name in ("id", "card", "_distance"))
        return ((name, card, 1 - distance) for name, card, distance in zip(*columns, strict=True))

    return route.create_app(nearest)
