"""What was written comes back from an open snapshot."""

import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from seealso.article import Article
from seealso.snapshot import files
from seealso.snapshot import snapshot as snapshot_module
from seealso.snapshot.reader import open_current, open_snapshot
from tests.makers import article, articles, forge, index_of


def test_articles_are_found_by_id_in_the_order_of_ids(index: Path) -> None:
    snapshot = open_current(index)
    assert len(snapshot) == 31
    ids = [snapshot.article_id(row) for row in range(31)]
    assert ids == sorted(ids)
    for row, article_id in enumerate(ids):
        assert snapshot.row_of(article_id) == row
    assert snapshot.row_of("nobody") is None
    assert snapshot.row_of("\ud800") is None


def test_ids_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "hash_of", lambda article_id: 7)
    index_of(tmp_path, articles(5))
    snapshot = open_current(tmp_path)
    assert [snapshot.row_of(f"a{number:03}") for number in range(5)] == [0, 1, 2, 3, 4]
    assert snapshot.row_of("a005") is None


def test_articles_are_found_in_another_snapshot(index: Path, tmp_path: Path) -> None:
    index_of(tmp_path / "one", [*articles(4), article("b"), article("ümlaut/…")])
    one, other = open_current(tmp_path / "one"), open_current(index)
    assert one.rows_in(other).tolist() == [0, 1, 2, 3, -1, 30]
    assert other.rows_in(one).tolist() == [0, 1, 2, 3, *[-1] * 26, 5]


def test_block_of_a_snapshot_as_it_was_opened_stays_as_it_is(index: Path) -> None:
    snapshot = open_current(index)
    assert snapshot.placed == snapshot.live_count == 0
    assert all(snapshot.still_holds(0, ["a001", "gone"], searched) for searched in (True, False))


def test_cards_and_articles_come_back(index: Path) -> None:
    snapshot = open_current(index)
    card = orjson.loads(snapshot.card(3))
    assert tuple(card) == files.CARD_FIELDS
    assert (card["id"], card["published"], card["url"]) == ("a003", "2025-01-02T00:00:00Z", None)
    whole = orjson.loads(snapshot.article(3))
    assert whole["body"] == "tides moon sea harbour number3"
    assert "url" not in whole


def test_facts_stand_for_labels(index: Path) -> None:
    snapshot = open_current(index)
    assert (snapshot.sections, snapshot.languages) == (("News",), ("en",))
    assert snapshot.facts["section"][:30].tolist() == [0] * 30
    assert snapshot.facts["section"][30] == -1
    assert snapshot.facts["published"][30] == files.NO_TIME


def test_language_is_that_which_an_article_states(index: Path) -> None:
    snapshot = open_current(index)
    assert [snapshot.language_of(row) for row in (0, len(snapshot) - 1)] == ["en", None]


def test_articles_are_found_by_their_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ['https://a.example/"quoted"', "https://a.example/2", "https://a.example/2", None]
    pieces = [each.model_copy(update={"url": url}) for each, url in zip(articles(4), urls, strict=True)]
    for hashed in (files.hash_of, lambda _: 7):
        monkeypatch.setattr(files, "hash_of", hashed)
        index_of(tmp_path, pieces)
        snapshot = open_current(tmp_path)
        for each in (snapshot, replace(snapshot, addresses=None)):  # as formats before 7 have none
            assert [each.row_at(url) for url in urls[:3] if url] == [0, 1, 1]
            assert each.row_at("https://a.example/3") is None
            assert each.row_at("https://a.example/\ud800") is None


def test_tags_and_authors_lead_to_their_articles(index: Path) -> None:
    snapshot = open_current(index)
    assert snapshot.tags is not None
    assert snapshot.authors is not None
    assert snapshot.tags.rows_of("sea").tolist() == [*range(31)]
    assert snapshot.tags.rows_of("AIR").tolist() == [*range(30)]
    assert snapshot.authors.rows_with("reed").tolist() == [*range(31)]
    assert snapshot.authors.rows_with("Otto").tolist() == [30]


def test_archive_without_tags_and_authors_has_none(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    snapshot = open_current(tmp_path)
    assert snapshot.tags is not None
    assert snapshot.authors is not None
    assert len(snapshot.tags.rows_of("sea")) == len(snapshot.authors.rows_with("")) == 0


def test_neighbours_are_of_one_subject_and_never_the_article_itself(index: Path) -> None:
    snapshot = open_current(index)
    for row in range(30):
        rows, scores = snapshot.neighbours_of(row)
        assert row not in rows
        assert len(rows) == 30
        assert (rows[:9] % 3 == row % 3).all()
        assert (np.diff(scores) <= 0).all()


def test_where_an_article_has_fewer_candidates_the_rest_is_none(folder: Path) -> None:
    for name, place, value in ((files.NEIGHBOURS, (0, slice(7, None)), -1), (files.PLAIN_BLOCKS, 0, files.NO_PLACE)):
        array, written = np.load(folder / name), io.BytesIO()
        array[place] = value
        np.save(written, array)
        folder = forge(folder, name, written.getvalue())
    rows, scores = open_snapshot(folder).neighbours_of(0)
    assert len(rows) == len(scores) == 7


def test_passages_and_languages_come_back(tmp_path: Path) -> None:
    index_of(tmp_path, [*articles(6, language="en"), article("long", body="sea harbour " * 100, language="de")])
    snapshot = open_current(tmp_path)
    counts = [len(snapshot.passages_of(row)[0]) for row in range(len(snapshot))]
    assert counts[:6] == [1] * 6
    assert counts[6] > 1
    assert sum(counts) == snapshot.manifest.counts.passages
    lengths = [len(Article.model_validate_json(snapshot.article(row)).text) for row in range(len(snapshot))]
    assert snapshot.text_lengths.tolist() == lengths
    assert snapshot.space.languages == ("de", "en")
    assert snapshot.space.offsets.shape == (2, snapshot.vectors.dimension)


@pytest.mark.parametrize("rows_at_once", [1, 7, 30, 31, 32])
def test_hosts_are_those_among_whose_candidates_an_article_is(
    index: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(snapshot_module, "ROWS_AT_ONCE", rows_at_once)
    snapshot = open_current(index)
    found = [snapshot.hosts_of(row).tolist() for row in range(31)]
    lists = [snapshot.neighbours_of(row)[0].tolist() for row in range(31)]
    assert found == [[host for host, rows in enumerate(lists) if row in rows] for row in range(31)]
    assert any(found)


def test_hosts_are_found_without_as_much_memory_as_all_candidates_take(index: Path) -> None:
    lists = np.broadcast_to(np.arange(100, dtype=np.int32), (1_000_000, 100))
    snapshot = replace(open_current(index), neighbours=lists)
    tracemalloc.start()
    try:
        assert len(snapshot.hosts_of(100)) == 0
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
