"""The process that follows the snapshot store: kept running, and ended with the service."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from seealso.snapshot.layout import current_or_none, snapshot_folder
from seealso.snapshot.store import SnapshotStore
from service.own_follower import OwnFollower
from tests.makers import articles, index_of
from tests.service.test_own_redis import alive
from tests.waiting import wait_until


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SnapshotStore:
    """A store that the environment names, and an index folder that is to follow it."""
    (tmp_path / "store").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", f"file://{tmp_path}/store")
    monkeypatch.setenv("SEEALSO_INDEX", str(tmp_path / "here"))
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE_POLL_S", "0.1")
    return SnapshotStore(f"file://{tmp_path}/store")


def publish(store: SnapshotStore, folder: Path, count: int) -> str:
    snapshot_id = str(index_of(folder, articles(count)).snapshot)
    store.push(snapshot_folder(folder, snapshot_id))
    store.point(snapshot_id)
    return snapshot_id


def wait_until_current(index: Path, snapshot_id: str) -> None:
    wait_until(lambda: current_or_none(index) == snapshot_id)


def test_it_follows_is_started_again_when_it_is_killed_and_takes_its_leave(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.own_follower.STOP_SECONDS_MAX", 60.0)  # as a busy machine may take
    with closing(OwnFollower()) as follower:
        follower.keep_up()
        wait_until_current(tmp_path / "here", publish(store, tmp_path / "night", 4))
        killed = follower.process_id
        os.kill(killed, signal.SIGKILL)
        wait_until_current(tmp_path / "here", publish(store, tmp_path / "night", 5))
        assert follower.process_id != killed
        assert len(store.machines()) == 1
    assert not alive(follower.process_id)
    assert store.machines() == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends it with its parent on Linux alone")
def test_it_ends_with_the_process_that_started_it_even_by_a_kill(store: SnapshotStore) -> None:
    script = """
import time
from service.own_follower import OwnFollower
follower = OwnFollower()
follower.keep_up()
while follower._process is None:
    time.sleep(0.01)
print(follower.process_id, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        parent.wait()
    wait_until(lambda: not alive(child))
