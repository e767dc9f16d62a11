"""Two snapshots held side by side."""

from pathlib import Path

import pytest

import service.comparing
from seealso.errors import SnapshotRefused, UnknownSnapshot
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from seealso.snapshot.snapshot import Snapshot
from service.comparing import Comparisons, compare
from tests.makers import article, articles, index_of


@pytest.fixture
def ids(tmp_path: Path) -> tuple[str, str]:
    first = articles(30)
    second = [*first[2:], article("new", body="tides moon sea harbour")]
    second[0] = article("a002", title="Piece 2", body="bread yeast oven flour number2")  # it was of chess
    second[1] = article(
        "a003", title="Piece 3", body="tides moon sea harbour number3", section="News"
    )  # text as before
    return str(index_of(tmp_path, first).snapshot), str(index_of(tmp_path, second).snapshot)


def names(snapshot: Snapshot, rows: object) -> list[str]:
    return [snapshot.article_id(int(row)) for row in rows]  # type: ignore[attr-defined]


def opened(index: Path, snapshot_id: str) -> Snapshot:
    return open_snapshot(snapshot_folder(index, snapshot_id))


def test_what_came_went_and_changed_its_text_is_found(tmp_path: Path, ids: tuple[str, str]) -> None:
    found = compare(*(opened(tmp_path, each) for each in ids))
    assert names(found.now, found.came) == ["new"]
    assert names(found.before, found.went) == ["a000", "a001"]
    assert names(found.now, found.changed) == ["a002"]


def test_lists_that_changed_most_come_first_and_are_counted_as_by_hand(tmp_path: Path, ids: tuple[str, str]) -> None:
    before, now = (opened(tmp_path, each) for each in ids)
    found = compare(before, now)
    assert found.rows[0] == now.row_of("a002")
    shares = found.stayed / found.compared
    assert (shares[:-1] <= shares[1:]).all()
    both = set(names(before, range(len(before)))) & set(names(now, range(len(now))))
    for row, stayed, compared in zip(found.rows, found.stayed, found.compared, strict=True):
        name = now.article_id(int(row))
        old = before.row_of(name)
        assert old is not None
        then = [each for each in names(before, before.neighbours_of(old)[0]) if each in both][:10]
        today = [each for each in names(now, now.neighbours_of(int(row))[0]) if each in both][:10]
        assert (stayed, compared) == (len(set(then) & set(today)), len(then)), name
    assert found.overlap == pytest.approx(shares.mean())


def test_snapshot_against_itself_has_no_differences(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    found = compare(snapshot, snapshot)
    assert [len(found.came), len(found.went), len(found.changed)] == [0, 0, 0]
    assert found.overlap == 1.0


def test_snapshots_without_an_article_in_common_have_no_lists_to_compare(tmp_path: Path) -> None:
    pairs = [str(index_of(tmp_path, [article(name)]).snapshot) for name in ("a", "b")]
    found = compare(*(opened(tmp_path, each) for each in pairs))
    assert (len(found.came), len(found.went), len(found.rows), found.overlap) == (1, 1, 0, None)


def test_more_lists_than_are_held_at_once_are_compared_alike(
    tmp_path: Path, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = [opened(tmp_path, each) for each in ids]
    whole = compare(*snapshots)
    monkeypatch.setattr("seealso.overlaps.SLICE", 7)
    parts = compare(*snapshots)
    assert (whole.rows == parts.rows).all()
    assert (whole.stayed == parts.stayed).all()


@pytest.mark.parametrize("name", ["20260101T000000Z-0123456789ab", "../../etc", ""])
def test_what_is_no_snapshot_is_named(tmp_path: Path, ids: tuple[str, str], name: str) -> None:
    comparisons = Comparisons(tmp_path, lambda: None)
    for pair in ((name, ids[0]), (ids[0], name)):
        with pytest.raises(UnknownSnapshot):
            comparisons.of(*pair)
        with pytest.raises(UnknownSnapshot):
            comparisons.ready(*pair)


def test_damaged_snapshot_is_refused_by_file(tmp_path: Path, ids: tuple[str, str]) -> None:
    scores = snapshot_folder(tmp_path, ids[0]) / "scores.npy"
    scores.chmod(0o644)
    scores.write_bytes(b"")
    with pytest.raises(SnapshotRefused, match="scores"):
        Comparisons(tmp_path, lambda: None).of(*ids)


def test_last_comparison_is_kept_for_a_while_and_what_is_served_is_not_opened_again(
    tmp_path: Path, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = open_current(tmp_path)
    comparisons = Comparisons(tmp_path, lambda: served)
    assert comparisons.ready(*ids) is None
    found = comparisons.of(*ids)
    assert found.now is served
    assert comparisons.ready(*ids) is comparisons.of(*ids) is found
    back = comparisons.of(ids[1], ids[0])
    assert back.now is found.before
    assert comparisons.ready(*ids) is None  # one at a time
    comparisons.let_go()
    assert comparisons.ready(ids[1], ids[0]) is back  # it was used a moment ago
    monkeypatch.setattr(service.comparing, "KEPT_SECONDS", 0.0)
    comparisons.let_go()
    assert comparisons.ready(ids[1], ids[0]) is None
