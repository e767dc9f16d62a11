from pathlib import Path

import pytest

import indexer.rankings
from indexer.baselines import BASELINES
from indexer.evaluate import lists_of
from indexer.progress import Silent
from indexer.rankings import encode_as, ranking_of, rankings_named
from seealso.errors import ModelMismatch
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import HashEncoder, articles, index_of


def no_snapshot(name: str) -> Snapshot:
    raise AssertionError(f"no snapshot was asked for, but {name}")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    index_of(tmp_path, articles(12))
    return open_current(tmp_path)


def test_all_is_every_baseline_once_in_order(snapshot: Snapshot) -> None:
    found = rankings_named(["bm25", "all", "bm25"], snapshot, HashEncoder().encode, no_snapshot)
    assert [each.name for each in found] == ["bm25", *(name for name in BASELINES if name != "bm25")]
    assert all(each.does == BASELINES[each.name].does for each in found)
    assert all(set(each.lists) == set(lists_of(snapshot)) for each in found)


def test_vectors_are_made_once_and_only_if_a_baseline_needs_them(snapshot: Snapshot) -> None:
    encoder = HashEncoder()
    rankings_named(["bm25", "tfidf"], snapshot, encoder.encode, no_snapshot)
    assert encoder.encoded == []
    rankings_named(["embedding", "rrf"], snapshot, encoder.encode, no_snapshot)
    assert len(encoder.encoded) == 12


def test_any_other_name_is_a_snapshots(snapshot: Snapshot) -> None:
    asked = []

    def open_named(name: str) -> Snapshot:
        asked.append(name)
        return snapshot

    (found,) = rankings_named(["elsewhere"], snapshot, HashEncoder().encode, open_named)
    assert asked == ["elsewhere"]
    assert (found.name, found.lists) == (snapshot.id, ranking_of(snapshot).lists)
    assert rankings_named([], snapshot, HashEncoder().encode, no_snapshot) == []


def test_model_that_is_no_longer_the_same_is_refused(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.rankings, "load_encoder", HashEncoder)
    assert encode_as(snapshot, Silent())(["tides"]).shape == (1, 32)
    monkeypatch.setattr(indexer.rankings, "load_encoder", lambda name: HashEncoder("changed"))
    with pytest.raises(ModelMismatch, match="changed"):
        encode_as(snapshot, Silent())(["tides"])
