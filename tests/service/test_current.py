import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from seealso.errors import ModelMismatch, SnapshotMissing, SnapshotRefused
from seealso.snapshot.layout import publish, snapshot_folder
from seealso.snapshot.reader import open_current
from service.current import Current
from tests.faults.clock import OwnClock
from tests.makers import articles, index_of


def damage(index: Path, snapshot_id: str) -> Path:
    path = snapshot_folder(index, snapshot_id) / "scores.npy"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    return path


def test_new_snapshot_is_swapped_in_whole(tmp_path: Path) -> None:
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, None)
    current.refresh()
    before = current.snapshot()
    current.refresh()
    assert current.snapshot() is before
    index_of(tmp_path, articles(5))
    current.refresh()
    assert (len(before), len(current.snapshot())) == (4, 5)
    assert before.row_of("a003") == 3  # a request that holds the old one ends with it


def test_what_page_views_read_is_brought_in_before_a_snapshot_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, None)
    brought: list[NDArray[Any]] = []

    def bring(folder: Path, *arrays: NDArray[Any]) -> None:
        assert folder.parent.parent == tmp_path
        assert current.served is None
        brought.extend(arrays)

    monkeypatch.setattr("seealso.snapshot.snapshot.bring_in", bring)
    current.refresh()
    snapshot, bytes_brought = current.snapshot(), sum(array.nbytes for array in brought)
    assert any(array is snapshot.neighbours for array in brought)
    assert any(array is snapshot.plain_blocks for array in brought)
    arrays = ("ids.npy", "cards.npy", "facts.npy", "neighbours.npy", "scores.npy", "plain_blocks.npy")
    read = (*arrays, "cards.bin", "vectors.faiss")
    files = sum((snapshot_folder(tmp_path, snapshot.id) / name).stat().st_size for name in read)
    assert 0 < files - bytes_brought < 1_200  # the heads of the files


def test_before_the_first_snapshot_the_reason_is_told(tmp_path: Path) -> None:
    current = Current(tmp_path, None)
    current.refresh()
    with pytest.raises(SnapshotMissing, match="seealso index"):
        current.snapshot()
    index_of(tmp_path, articles(4))
    current.refresh()
    assert len(current.snapshot()) == 4


def test_damaged_snapshot_leaves_the_old_one_serving(tmp_path: Path) -> None:
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, None)
    current.refresh()
    damage(tmp_path, str(index_of(tmp_path, articles(5)).snapshot))
    current.refresh()
    current.refresh()
    assert len(current.snapshot()) == 4
    index_of(tmp_path, articles(6))
    current.refresh()
    assert len(current.snapshot()) == 6


def test_damaged_snapshot_at_the_start_is_named(tmp_path: Path) -> None:
    damage(tmp_path, str(index_of(tmp_path, articles(4)).snapshot))
    current = Current(tmp_path, None)
    current.refresh()
    for _ in range(2):
        with pytest.raises(SnapshotRefused, match=r"scores\.npy"):
            current.snapshot()


def test_refused_snapshot_is_tried_again_once_another_was_current(tmp_path: Path) -> None:
    first = str(index_of(tmp_path, articles(4)).snapshot)
    second = str(index_of(tmp_path, articles(5)).snapshot)
    whole = snapshot_folder(tmp_path, second) / "scores.npy"
    kept = whole.read_bytes()
    damage(tmp_path, second)
    current = Current(tmp_path, None)
    current.refresh()
    publish(tmp_path, first)
    current.refresh()
    assert current.snapshot().id == first
    whole.write_bytes(kept)
    publish(tmp_path, second)
    current.refresh()
    assert current.snapshot().id == second


def test_snapshot_refused_for_a_passing_reason_is_opened_once_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = str(index_of(tmp_path, articles(4)).snapshot)
    cards = snapshot_folder(tmp_path, wanted) / "cards.bin"
    cards.rename(cards.with_name("away"))
    current = Current(tmp_path, None)
    with capture_logs() as logged:
        current.refresh()
        cards.with_name("away").rename(cards)
        current.refresh()  # not at once: opening a large one costs a read of all its files
        with pytest.raises(SnapshotRefused):
            current.snapshot()
        monkeypatch.setattr(current, "_try_again", 0.0)
        current.refresh()
    assert current.snapshot().id == wanted
    assert [line["event"] for line in logged] == ["snapshot_refused", "snapshot_opened"]


def test_snapshot_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, "all-MiniLM-L6-v2")
    current.refresh()
    with pytest.raises(ModelMismatch, match="hash"):
        current.snapshot()


def test_vanished_index_leaves_the_old_snapshot_serving(tmp_path: Path) -> None:
    index_of(tmp_path / "i", articles(4))
    current = Current(tmp_path / "i", None)
    current.refresh()
    shutil.rmtree(tmp_path / "i")
    current.refresh()
    snapshot = current.snapshot()
    assert snapshot.row_of("a002") == 2
    assert snapshot.neighbours_of(0)[0].tolist()


def test_pointer_is_followed_by_itself(tmp_path: Path) -> None:
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, None)
    current.refresh()
    current.follow(10)
    wanted = index_of(tmp_path, articles(5)).snapshot
    deadline = time.monotonic() + 20
    while current.snapshot().id != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    current.stop()
    assert current.snapshot().id == wanted == open_current(tmp_path).id


def test_snapshot_that_grows_old_is_logged_once(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    current = Current(tmp_path, None, age_warning_h=1e-9)
    with capture_logs() as logs:
        for count in (4, 5):
            current.refresh()
            for _ in range(3):
                current.warn_of_age()
            index_of(tmp_path, articles(count))
    warnings = [line for line in logs if line["event"] == "snapshot_old"]
    assert [line["log_level"] for line in warnings] == ["warning", "warning"]
    assert "did the night run?" in warnings[0]["reason"]


def test_snapshot_of_the_future_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_of(tmp_path, articles(3))
    current = Current(tmp_path, None)
    current.refresh()
    clock = OwnClock(monkeypatch)
    clock.step(-60)  # as clocks of two machines differ
    assert current.age_warning(current.snapshot()) is None
    clock.step(-7_200)
    assert "dated 2.0 hours ahead of this machine's clock" in str(current.age_warning(current.snapshot()))


def test_whatever_goes_wrong_the_old_one_serves_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.current.TRY_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("service.watching.PAUSE_SECONDS", 0.001)
    index_of(tmp_path, articles(4))
    current = Current(tmp_path, None)
    current.refresh()
    index_of(tmp_path, articles(5))

    def fail(_: object) -> Callable[[], None]:
        raise MemoryError("no room")

    current.prepare = fail
    with capture_logs() as logged:
        current.refresh()
        current.refresh()
    assert [line["event"] for line in logged] == ["snapshot_not_opened"]
    assert len(current.snapshot()) == 4
    assert "no room" in str(current.problem)
    current.prepare = lambda _: lambda: None
    current.warn_of_age = fail  # type: ignore[assignment,method-assign]
    current.follow(1)
    end = time.monotonic() + 20
    while len(current.snapshot()) != 5:
        assert time.monotonic() < end
        time.sleep(0.01)
    current.stop()
    assert current.problem is None
