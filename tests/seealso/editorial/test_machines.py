import threading
import time

import pytest

import seealso.editorial.machines
from seealso.editorial.machines import announce, leave, read_machines, report, wait_until_known
from seealso.editorial.store import Store


def test_each_machine_says_how_much_it_knows(store: Store, other: Store) -> None:
    report(store, "a", 3)
    report(other, "b", 5)
    report(store, "a", 4)
    found = read_machines(other)
    assert [(machine.name, machine.sequence) for machine in found] == [("a", 4), ("b", 5)]
    assert all(machine.silent_s < 60 for machine in found)
    leave(store, "a")
    assert [machine.name for machine in read_machines(store)] == ["b"]
    assert store.sequence() == 0


def test_who_begins_to_read_knows_nothing_and_who_is_known_stays_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(store, "a")
    report(store, "b", 2)
    announce(store, "b")
    assert [(machine.name, machine.sequence) for machine in read_machines(store)] == [("a", 0), ("b", 2)]
    assert [machine.name for machine in wait_until_known(store, 1, 0.1)] == ["a"]
    with monkeypatch.context() as later:  # taken for gone, it is another
        later.setattr(seealso.editorial.machines, "GONE_SECONDS", 0.0)
        time.sleep(0.01)
        announce(store, "b")
    assert [(machine.name, machine.sequence) for machine in read_machines(store)] == [("b", 0)]


def test_who_waits_is_told_when_all_know(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seealso.editorial.machines, "SILENT_SECONDS", 60.0)
    report(store, "a", 3)
    report(store, "b", 2)
    later = threading.Timer(0.3, report, (other, "b", 3))
    began = time.monotonic()
    later.start()
    assert wait_until_known(store, 3, 60) == []
    assert time.monotonic() - began >= 0.3
    later.join()


def test_who_does_not_know_in_time_is_named(store: Store) -> None:
    report(store, "a", 3)
    report(store, "b", 2)
    assert [machine.name for machine in wait_until_known(store, 3, 0.1)] == ["b"]


def test_who_is_silent_is_named_and_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    report(store, "b", 2)
    monkeypatch.setattr(seealso.editorial.machines, "SILENT_SECONDS", 0.0)
    began = time.monotonic()
    assert [machine.name for machine in wait_until_known(store, 3, 120)] == ["b"]
    assert time.monotonic() - began < 60


def test_who_is_silent_for_long_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    report(store, "b", 2)
    monkeypatch.setattr(seealso.editorial.machines, "GONE_SECONDS", 0.0)
    time.sleep(0.01)
    assert read_machines(store) == []
    report(store, "a", 2)
    monkeypatch.undo()
    assert [machine.name for machine in read_machines(store)] == ["a"]
