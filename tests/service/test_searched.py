"""What an engine finds is what the snapshot finds, by a real Milvus; and nothing else passes, whatever it says."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.snapshot.expression import shown_of
from seealso.snapshot.files import FACT_ROW, NO_TIME
from seealso.snapshot.milvus import Address, Milvus
from seealso.snapshot.vectors import VectorIndex
from service.searched import SearchedVectors
from tests.milvus import running_milvus

pytestmark = pytest.mark.row("M4")

ROWS, DIMENSION, LIMIT = 4_000, 64, 101
RANDOM = np.random.default_rng(20_261_128)


def unit(count: int) -> NDArray[np.float32]:
    vectors = RANDOM.standard_normal((count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


VECTORS, QUERIES = unit(ROWS), unit(20)
LOCAL = VectorIndex.of(VECTORS)


def made_facts() -> NDArray[Any]:
    facts = np.zeros(ROWS, FACT_ROW)
    facts["section"], facts["language"] = RANDOM.integers(-1, 8, ROWS), RANDOM.integers(0, 3, ROWS)
    facts["published"] = RANDOM.integers(1_500_000_000, 1_700_000_000, ROWS)
    facts["published"][RANDOM.random(ROWS) < 0.05] = NO_TIME
    facts["sensitive"], facts["sponsored"] = RANDOM.random(ROWS) < 0.02, RANDOM.random(ROWS) < 0.02
    return facts


FACTS = made_facts()
SHOWN = shown_of(FACTS)
MASKS: dict[str, Mask | None] = {
    "everything": None,
    "what may be shown": SHOWN,
    "a section": SHOWN & (FACTS["section"] == 3),
    "two sections in a language": SHOWN & np.isin(FACTS["section"], [0, 5]) & (FACTS["language"] == 1),
    "since a day": SHOWN & (FACTS["published"] >= 1_640_000_000),
    "of a year": (FACTS["published"] >= 1_580_000_000) & (FACTS["published"] <= 1_610_000_000),
    "undated": FACTS["published"] == NO_TIME,
    "all but some ids": SHOWN & (np.arange(ROWS) % 97 != 0),
    "some ids": np.arange(ROWS) % 37 == 0,
    "fewer than asked for": np.arange(ROWS) < 40,
    "one": np.arange(ROWS) == 1_234,
    "none": np.zeros(ROWS, np.bool_),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milvus]:
    with running_milvus(tmp_path_factory.mktemp("milvus") / "data") as running:
        connected = running.address().connect(10.0)
        for kind in ("FLAT", "HNSW"):
            connected.create(kind, DIMENSION)
            for first in range(0, ROWS, 1_000):
                connected.put(kind, [entity(row) for row in range(first, first + 1_000)], 30.0)
            connected.finish(kind, kind)
        yield connected
        connected.close()


def entity(row: int) -> dict[str, Any]:
    numbers = {name: int(FACTS[name][row]) for name in ("section", "language", "published")}
    return {
        "row": row,
        "article": f"a{row}",
        "shown": bool(SHOWN[row]),
        "card": "{}",
        "vector": VECTORS[row],
        **numbers,
    }


def asking(engine: Milvus, collection: str) -> Callable[[Any, int, str, float], Rows | None]:
    return lambda vectors, limit, told, share: engine.search(collection, vectors, limit, told, 10.0, share)


def never(*_: object) -> Rows | None:
    raise AssertionError("the engine is not to be asked")


@pytest.mark.parametrize("name", MASKS)
def test_exact_index_finds_what_the_snapshot_finds(engine: Milvus, name: str) -> None:
    told: list[tuple[str, str]] = []
    searched = SearchedVectors(LOCAL, FACTS, asking(engine, "FLAT"), lambda by, why: told.append((by, why)))
    rows, scores = searched.search(QUERIES, LIMIT, MASKS[name])
    wanted, wanted_scores = LOCAL.search(QUERIES, LIMIT, MASKS[name])
    assert (rows == wanted).all()
    known = rows >= 0
    assert np.allclose(scores[known], wanted_scores[known], atol=1e-6)
    assert told == ([] if name == "none" else [("engine", "")])  # for nothing, nobody is asked


@pytest.mark.parametrize("name", MASKS)
def test_graph_finds_nearly_all_of_it_and_nothing_that_may_not_be_found(engine: Milvus, name: str) -> None:
    searched = SearchedVectors(LOCAL, FACTS, asking(engine, "HNSW"))
    rows, scores = searched.search(QUERIES, LIMIT, MASKS[name])
    wanted, _ = LOCAL.search(QUERIES, LIMIT, MASKS[name])
    assert ((rows >= 0) == (wanted >= 0)).all()  # as many
    mask = MASKS[name]
    assert mask is None or mask[rows[rows >= 0]].all()
    assert (np.diff(scores[:, : (rows[0] >= 0).sum()], axis=1) <= 0).all()
    shared = sum(len(np.intersect1d(ours[ours >= 0], theirs)) for ours, theirs in zip(rows, wanted, strict=True))
    # Vectors without any likeness are the hardest there are: 0.9975 of these is found, and all under most filters.
    assert shared >= 0.99 * (wanted >= 0).sum()


LIES: dict[str, Callable[[Rows], Rows]] = {
    "rows that may not be found": lambda rows: np.flatnonzero(~SHOWN)[: rows.size].reshape(rows.shape),
    "rows that are not there": lambda rows: rows + ROWS,
    "negative rows": lambda rows: -2 - rows,
    "one row again and again": lambda rows: np.full_like(rows, rows[0, 0]),
    "nothing": lambda rows: np.full_like(rows, -1),
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_the_engine_says_nothing_else_is_found(lie: str) -> None:
    told: list[tuple[str, str]] = []

    def ask(vectors: Any, limit: int, *_: object) -> Rows:
        return LIES[lie](LOCAL.search(vectors, limit, SHOWN)[0])

    searched = SearchedVectors(LOCAL, FACTS, ask, lambda by, why: told.append((by, why)))
    rows, scores = searched.search(QUERIES[:1], 20, SHOWN)
    wanted, wanted_scores = LOCAL.search(QUERIES[:1], 20, SHOWN)
    assert (rows == wanted).all()
    assert (scores == wanted_scores).all()
    assert told == [("snapshot", "short")]


def test_scores_are_the_snapshots_own_in_its_order() -> None:
    searched = SearchedVectors(LOCAL, FACTS, lambda vectors, limit, *_: LOCAL.search(vectors, limit)[0][:, ::-1])
    rows, scores = searched.search(QUERIES, 30)
    wanted, wanted_scores = LOCAL.search(QUERIES, 30)
    assert (rows == wanted).all()
    assert np.allclose(scores, wanted_scores, atol=1e-6)


def test_without_an_answer_the_snapshot_is_searched() -> None:
    searched = SearchedVectors(LOCAL, FACTS, lambda *_: None)
    for mask in (None, SHOWN):
        assert (searched.search(QUERIES, 30, mask)[0] == LOCAL.search(QUERIES, 30, mask)[0]).all()


def test_a_filter_that_cannot_be_told_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seealso.snapshot.expression.ROWS_NAMED_MAX", 5)
    told: list[tuple[str, str]] = []
    searched = SearchedVectors(LOCAL, FACTS, never, lambda by, why: told.append((by, why)))
    mask = np.arange(ROWS) % 2 == 0
    assert (searched.search(QUERIES, 30, mask)[0] == LOCAL.search(QUERIES, 30, mask)[0]).all()
    assert told == [("snapshot", "long")]


def test_vectors_that_are_none_are_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="not finite"):
        SearchedVectors(LOCAL, FACTS, never).search(np.full((1, DIMENSION), np.nan, np.float32), 5)


def test_all_else_is_the_snapshots(tmp_path: Path) -> None:
    searched = SearchedVectors(LOCAL, FACTS, never)
    assert (searched.count, searched.dimension, searched.all_unit()) == (ROWS, DIMENSION, True)
    assert (searched.vector(3) == VECTORS[3]).all()
    assert (searched.vectors(np.array([3, 4])) == VECTORS[[3, 4]]).all()
    assert np.allclose(searched.products(QUERIES[:1], np.array([[3, 4]])), QUERIES[:1] @ VECTORS[[3, 4]].T, atol=1e-6)
    searched.write(tmp_path / "vectors")
    assert VectorIndex.open(tmp_path / "vectors", ROWS, DIMENSION).count == ROWS


def test_address_names_collections_for_snapshots() -> None:
    named = Address("http://milvus.example:19530", "secret", "news").collection_of("20261128T061500Z-0123456789ab")
    assert named == "news_20261128T061500Z_0123456789ab"
    assert "secret" not in repr(Address("http://milvus.example:19530", "secret"))
