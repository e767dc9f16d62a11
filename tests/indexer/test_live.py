"""The night takes in what was put and removed, once, and loses nothing that comes while it runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from indexer.report import Report
from seealso.article import Article, format_time
from seealso.editorial.articles import Embedded, put_article_in, read_articles, read_unplaced, remove_article_in
from seealso.editorial.backup import back_up, put_back
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.manifest import TakenIn, read_manifest
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import HashEncoder, article, articles, index_of
from tests.seealso.live.beside import embedded

NOW = datetime.now(UTC)
EARLIER, LATER = format_time(NOW - timedelta(days=2)), format_time(NOW + timedelta(days=2))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def put(store: Store, piece: Article, own: Embedded | None = None) -> None:
    with store.writing() as writing:
        put_article_in(writing, piece, own or embedded(piece), "the cms")


def remove(store: Store, article_id: str) -> None:
    with store.writing() as writing:
        remove_article_in(writing, article_id, "the cms", "gone")


def night(folder: Path, store: Store, pieces: list[Article], encoder: HashEncoder | None = None) -> Snapshot:
    index_of(folder, pieces, encoder, live=store)
    return open_current(folder)


def title_of(snapshot: Snapshot, article_id: str) -> str | None:
    row = snapshot.row_of(article_id)
    return None if row is None else snapshot.title(row)


def live_beside(store: Store, snapshot: Snapshot) -> list[str]:
    with store.reading() as connection:
        return [each.id for each in read_unplaced(connection, snapshot.id, snapshot.manifest.live)]


def test_it_takes_in_what_was_put_and_leaves_out_what_was_removed(tmp_path: Path, store: Store) -> None:
    put(store, article("new", title="New"))
    put(store, article("a001", title="Corrected"))
    remove(store, "a002")
    report = Report()
    index_of(tmp_path, articles(9), live=store, report=report)
    snapshot = open_current(tmp_path)
    assert len(snapshot) == 9 == report.articles
    assert (title_of(snapshot, "new"), title_of(snapshot, "a001")) == ("New", "Corrected")
    assert title_of(snapshot, "a002") is None
    assert live_beside(store, snapshot) == []
    assert (report.sources[-1].read, report.sources[-1].left_out) == (2, 1)


def test_night_that_does_not_find_the_store_of_the_last_one_publishes_nothing(tmp_path: Path, store: Store) -> None:
    put(store, article("new", title="New"))
    snapshot = night(tmp_path, store, articles(9))
    with pytest.raises(StoreUnavailable, match=r"last night.*is not there.*SEEALSO_EDITORIAL.*--force"):
        index_of(tmp_path, articles(9), live=None)
    assert open_current(tmp_path).id == snapshot.id
    report = index_of(tmp_path, articles(9), live=None, force=True)
    assert report.forced == ["editorial store"]
    assert title_of(open_current(tmp_path), "new") is None
    index_of(tmp_path, articles(9), live=None)  # the last one had none


def lost(folder: Path) -> Store:
    """Return the store that a service makes anew where its volume was lost."""
    for name in ("editorial.db", "editorial.db-wal", "editorial.db-shm"):
        (folder / name).unlink(missing_ok=True)
    return Store(folder)


@pytest.mark.parametrize("put_anew", [0, 9])
def test_another_store_than_that_of_the_last_night_is_not_taken_for_it(
    tmp_path: Path, store: Store, put_anew: int
) -> None:
    put(store, article("new", title="New"))
    snapshot = night(tmp_path, store, articles(9))
    store.close()
    another = lost(tmp_path)
    for number in range(put_anew):
        put(another, article(f"anew{number}"))
    with pytest.raises(StoreUnavailable, match=r"last night.*another one is in its place, sqlite:.*--force"):
        index_of(tmp_path, articles(9), live=another)
    assert open_current(tmp_path).id == snapshot.id
    report = index_of(tmp_path, articles(9), live=another, force=True)
    assert report.forced == ["editorial store"]
    assert index_of(tmp_path, articles(9), live=another).forced == []


def test_a_store_that_was_put_back_is_that_of_the_last_night(tmp_path: Path, store: Store) -> None:
    put(store, article("copied"))
    back_up(store, copy := tmp_path / "copy.db")
    put(store, article("new"))
    night(tmp_path, store, articles(9))
    put_back(store, copy)
    assert night(tmp_path, store, articles(9)).row_of("copied") is not None
    store.close()
    put_back(anew := lost(tmp_path), copy)
    assert night(tmp_path, anew, articles(9)).row_of("copied") is not None


def test_a_store_of_which_nothing_could_be_lost_may_be_another(tmp_path: Path, store: Store) -> None:
    night(tmp_path, store, articles(9))
    store.close()
    assert index_of(tmp_path, articles(9), live=lost(tmp_path)).forced == []


def test_what_came_while_it_ran_is_live_beside_it(tmp_path: Path, store: Store) -> None:
    put(store, article("new", title="First"))
    taken_in, _ = read_articles(store)
    put(store, article("new", title="Second"))
    snapshot = night(tmp_path, store, articles(9))
    assert live_beside(store, snapshot) == []
    with store.reading() as connection:  # as if it had been read before the second
        assert [each.id for each in read_unplaced(connection, snapshot.id, taken_in)] == ["new"]


def test_what_only_the_store_has_is_taken_in_night_after_night(tmp_path: Path, store: Store) -> None:
    put(store, article("new", title="New"))
    for _ in range(5):
        snapshot = night(tmp_path, store, articles(9))
        assert title_of(snapshot, "new") == "New"


@pytest.mark.parametrize(
    ("source", "live", "after_one", "after_two"),
    [
        ({"updated": EARLIER}, {}, "live", "live"),
        ({"updated": LATER}, {}, "source", "source"),
        ({"updated": EARLIER}, {"updated": LATER}, "live", "live"),
        ({"updated": LATER}, {"updated": EARLIER}, "source", "source"),
        ({}, {}, "live", "source"),
        ({}, {"updated": EARLIER}, "live", "source"),
    ],
)
def test_the_later_version_counts(
    tmp_path: Path, store: Store, source: dict[str, Any], live: dict[str, Any], after_one: str, after_two: str
) -> None:
    put(store, article("a001", title="live", **live))
    pieces = [piece for piece in articles(9) if piece.id != "a001"] + [article("a001", title="source", **source)]
    assert title_of(night(tmp_path, store, pieces), "a001") == after_one
    assert title_of(night(tmp_path, store, pieces), "a001") == after_two


def test_what_was_removed_comes_back_only_as_a_later_version(tmp_path: Path, store: Store) -> None:
    remove(store, "a001")
    for _ in range(3):
        assert title_of(night(tmp_path, store, articles(9)), "a001") is None
    later = [piece.model_copy(update={"updated": NOW + timedelta(days=1)}) for piece in articles(9)]
    assert title_of(night(tmp_path, store, later), "a001") == "Piece 1"


def test_what_was_removed_does_not_come_back_after_nights_without_it(tmp_path: Path, store: Store) -> None:
    remove(store, "a001")
    pieces = articles(200)
    without = [piece for piece in pieces if piece.id != "a001"]
    for given in (pieces, pieces, pieces, without, without, pieces):
        assert title_of(night(tmp_path, store, given), "a001") is None


def test_nothing_is_embedded_twice(tmp_path: Path, store: Store) -> None:
    night(tmp_path, store, articles(9))
    put(store, article("new", title="New", body="tides moon"))
    encoder = HashEncoder()
    night(tmp_path, store, articles(9), encoder)
    assert encoder.encoded == []


def test_an_article_of_a_section_that_is_left_out_is_left_out(tmp_path: Path, store: Store) -> None:
    from indexer.build import Limits, build_index
    from indexer.progress import Silent
    from tests.makers import ANY_NIGHT, GivenArticles

    put(store, article("ad", section="Off\u00e9rs"))
    limits = Limits(gates=ANY_NIGHT, sections_left_out=("OFFE\u0301RS",))
    build_index([GivenArticles(articles(9))], tmp_path, HashEncoder, limits, Report(), Silent(), live=store)
    assert open_current(tmp_path).row_of("ad") is None


def test_after_a_rollback_it_is_live_again(tmp_path: Path, store: Store) -> None:
    first = night(tmp_path, store, articles(9))
    put(store, article("new"))
    second = night(tmp_path, store, articles(9))
    assert live_beside(store, second) == []
    assert live_beside(store, first) == ["new"]


def test_what_no_snapshot_needs_is_forgotten(tmp_path: Path, store: Store) -> None:
    put(store, article("a001", title="Corrected"))
    remove(store, "elsewhere")
    with store.adding() as connection:
        connection.execute(sa.text("UPDATE articles SET moment = '2020-01-01T00:00:00.000000Z' WHERE id = 'elsewhere'"))
    remove(store, "of-today")
    put(store, article("only-here"))
    for _ in range(5):
        index_of(tmp_path, articles(9), keep=2, live=store)
    _, left = read_articles(store)
    assert [each.id for each in left] == ["of-today", "only-here"]


def test_the_manifest_says_how_far_it_went(tmp_path: Path, store: Store) -> None:
    put(store, article("new"))
    night(tmp_path, store, articles(9))
    manifest = read_manifest(snapshot_folder(tmp_path, published_ids(tmp_path)[-1]))
    assert manifest.live is not None
    assert manifest.live.sequence == store.sequence()


def test_what_comes_after_a_store_was_put_back_by_other_tools_counts(tmp_path: Path, store: Store) -> None:
    """Its numbers begin again below those that the night saw, in the same generation."""
    for number in range(5):
        put(store, article(f"new{number}"))
    snapshot = night(tmp_path, store, articles(9))
    with store.writing() as writing:
        writing.connection.execute(sa.text("DELETE FROM articles"))
        writing.connection.execute(sa.text("DELETE FROM changes WHERE sequence > 1"))
    with store.adding() as connection:
        connection.execute(sa.text("UPDATE head SET sequence = 1"))
    put(store, article("a001", title="Corrected"))
    remove(store, "a002")
    assert live_beside(store, snapshot) == ["a001", "a002"]
    again = night(tmp_path, store, articles(9))
    assert (title_of(again, "a001"), title_of(again, "a002")) == ("Corrected", None)


def test_a_store_of_another_past_is_told_by_the_time(tmp_path: Path, store: Store) -> None:
    put(store, article("new"))
    snapshot = night(tmp_path, store, articles(9))
    assert snapshot.manifest.live is not None
    before = TakenIn(generation="another", sequence=99, read="2020-01-01T00:00:00.000000Z")
    after = TakenIn(generation="another", sequence=0, read="2999-01-01T00:00:00.000000Z")
    with store.reading() as connection:
        assert [each.id for each in read_unplaced(connection, snapshot.id, before)] == ["new"]
        assert read_unplaced(connection, snapshot.id, after) == []
