import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.snapshot_commands import rollback, snapshots, verify
from seealso.editorial.keys import create_key
from seealso.editorial.purges import read_purges
from seealso.editorial.store import Store
from seealso.errors import IndexLocked, SnapshotMissing, SnapshotRefused
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.reader import open_current
from seealso.snapshot.retention import remove_snapshot
from seealso.snapshot.store import SnapshotStore
from tests.indexer.test_commands import run
from tests.makers import ANY_NIGHT, articles, index_of


def test_snapshots_are_listed_with_the_current_one_marked(tmp_path: Path) -> None:
    for count in (3, 4):
        index_of(tmp_path / "i", articles(count))
    shown = run(snapshots, "--index", tmp_path / "i").stdout
    assert shown.count("current") == 1
    lines = [json.loads(line) for line in run(snapshots, "--index", tmp_path / "i", "--json").stdout.splitlines()]
    assert [line["counts"]["articles"] for line in lines if line["current"]] == [4]
    assert {line["counts"]["articles"] for line in lines} == {3, 4}


def test_damaged_snapshot_is_listed_with_its_reason(tmp_path: Path) -> None:
    index_of(tmp_path / "i", articles(3))
    manifest = snapshot_folder(tmp_path / "i", open_current(tmp_path / "i").id) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}")
    assert "format None" in run(snapshots, "--index", tmp_path / "i").stdout.replace("\n", " ")
    assert "format None" in json.loads(run(snapshots, "--index", tmp_path / "i", "--json").stdout)["refused"]


def test_verify_checks_the_current_or_the_named_snapshot(tmp_path: Path) -> None:
    index_of(tmp_path / "i", articles(3))
    current = open_current(tmp_path / "i").id
    assert f"{current} is whole: 3 articles, 42 files" in run(verify, "--index", tmp_path / "i").stdout
    assert json.loads(run(verify, current, "--index", tmp_path / "i", "--json").stdout)["whole"] is True
    cards = snapshot_folder(tmp_path / "i", current) / "cards.bin"
    cards.chmod(0o644)
    cards.write_bytes(cards.read_bytes()[:-1] + b"]")
    with pytest.raises(SnapshotRefused, match=r"cards\.bin"):
        run(verify, "--index", tmp_path / "i")


def test_list_has_the_model_beside_or_where_it_is_narrow_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_of(tmp_path, articles(3))
    model = str(open_current(tmp_path).manifest.model.identity())
    _, beside = run(snapshots, "--index", tmp_path).stdout.splitlines()
    assert beside.rstrip().endswith(model)
    monkeypatch.setattr("indexer.snapshot_commands.width_of", lambda _: 80)
    head, first, below = run(snapshots, "--index", tmp_path).stdout.splitlines()
    assert "model" not in head
    assert open_current(tmp_path).id in first
    assert below.strip().startswith(model)
    assert below.rstrip().endswith("passed")
    assert max(map(len, (head, first, below))) <= 80


def test_list_says_how_gates_stood_and_what_was_forced(tmp_path: Path) -> None:
    index_of(tmp_path, articles(20))
    index_of(tmp_path, articles(2), force=True, gates=replace(ANY_NIGHT, articles_min=0.9))
    _, first, second = run(snapshots, "--index", tmp_path).stdout.splitlines()
    assert "passed" in first
    assert "forced" not in first
    assert "forced: articles" in second
    assert "(0 h)" in second


def test_rollback_serves_the_one_before_or_the_one_named(tmp_path: Path) -> None:
    for count in (3, 4, 5):
        index_of(tmp_path, articles(count))
    first, second, third = published_ids(tmp_path)
    assert f"{second} is served now; it was {third}" in run(rollback, "--index", tmp_path).stdout
    assert open_current(tmp_path).id == second
    assert json.loads(run(rollback, "--index", tmp_path, "--json").stdout) == {"current": first, "before": second}
    with pytest.raises(SnapshotMissing, match="none is older"):
        run(rollback, "--index", tmp_path)
    run(rollback, third, "--index", tmp_path)
    assert open_current(tmp_path).id == third


def test_rollback_to_what_is_damaged_or_not_there_is_refused(tmp_path: Path) -> None:
    for count in (3, 4):
        index_of(tmp_path, articles(count))
    first, second = published_ids(tmp_path)
    scores = snapshot_folder(tmp_path, first) / "scores.npy"
    scores.chmod(0o644)
    scores.write_bytes(b"")
    with pytest.raises(SnapshotRefused, match="scores"):
        run(rollback, "--index", tmp_path)
    with pytest.raises(SnapshotMissing, match="none has the id"):
        run(rollback, "20260101T000000Z-0123456789ab", "--index", tmp_path)
    assert open_current(tmp_path).id == second


def test_rollback_of_a_mistyped_folder_makes_none(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing):
        run(rollback, "--index", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_rollback_to_one_that_is_named_needs_no_pointer(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    (only,) = published_ids(tmp_path)
    (tmp_path / "CURRENT").unlink()
    with pytest.raises(SnapshotMissing):
        run(rollback, "--index", tmp_path)
    with pytest.raises(SnapshotMissing):
        run(rollback, only, "--index", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()
    assert f"{only} is served now; it was none" in run(rollback, only, "--index", tmp_path).stdout
    assert open_current(tmp_path).id == only


def test_rollback_stands_in_the_log_and_is_told_to_caches_once_workers_have_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (index_of(tmp_path, articles(count)).snapshot for count in (3, 4))
    with closing(Store(tmp_path, None)) as store:
        create_key(store, "the cms", "index", "ann")
        monkeypatch.setenv("SEEALSO_PURGE_WEBHOOK", "http://127.0.0.1:9/")
        monkeypatch.setattr("getpass.getuser", lambda: "ann")
        assert run(rollback, "--index", tmp_path, "--reason", "a broken feed").stderr == ""
        last = store.changes()[-1]
        assert (last.who, last.action, last.subject) == ("ann, by command", "rolled-back", f"snapshot:{first}")
        assert (last.before, last.after, last.reason) == ({"snapshot": second}, {"snapshot": first}, "a broken feed")
        with store.reading() as connection:
            [purge] = read_purges(connection, "waiting", 9)
    assert purge.message["keys"] == [f"snapshot:{second}"]
    assert purge.next_try is not None
    assert (purge.next_try - purge.since).total_seconds() == 7


def test_rollback_makes_no_store(tmp_path: Path) -> None:
    for count in (3, 4):
        index_of(tmp_path, articles(count))
    run(rollback, "--index", tmp_path)
    assert not (tmp_path / "editorial.db").exists()


@pytest.mark.parametrize("address", ["postgresql://127.0.0.1:9/x", "no address"])
def test_rollback_is_done_whatever_becomes_of_the_store(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = (index_of(tmp_path, articles(count)).snapshot for count in (3, 4))
    monkeypatch.setenv("SEEALSO_EDITORIAL", address)
    told = run(rollback, "--index", tmp_path)
    assert "rolled back, but neither the log nor caches are told: " in told.stderr
    assert f"{first} is served now" in told.stdout
    assert open_current(tmp_path).id == first


def test_rollback_waits_for_no_night(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    with lock_index(tmp_path), pytest.raises(IndexLocked):
        run(rollback, "--index", tmp_path)


def test_rollback_passes_over_what_was_rolled_back_from(tmp_path: Path) -> None:
    good, bad, _ = (index_of(tmp_path, articles(count)).snapshot for count in (3, 4, 3))
    run(rollback, str(good), "--index", tmp_path)
    index_of(tmp_path, articles(5))
    run(rollback, "--index", tmp_path)
    assert open_current(tmp_path).id == good != bad


def test_snapshots_of_the_store_are_listed_and_rolled_back_for_all(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SnapshotStore(store_url)
    for count in (3, 4, 5):
        index_of(tmp_path, articles(count))
    first, second, third = published_ids(tmp_path)
    for each in (first, third):
        store.push(snapshot_folder(tmp_path, each))
    store.point(third)
    remove_snapshot(tmp_path, first)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", store_url)
    found = [json.loads(line) for line in run(snapshots, "--index", tmp_path, "--json").stdout.splitlines()]
    assert [(each["id"], each["current"], each["here"], each["stored"]) for each in found] == [
        (first, False, False, True),
        (second, False, True, False),
        (third, True, True, True),
    ]
    assert [each["counts"]["articles"] for each in found] == [3, 4, 5]
    _, *lines = run(snapshots, "--index", tmp_path).stdout.splitlines()
    marks = [line.split(each)[0].strip() for each, line in zip((first, second, third), lines, strict=True)]
    assert marks == ["only stored", "only here", "current"]
    assert f"{second} is served now; it was {third}" in run(rollback, "--index", tmp_path).stdout
    assert (store.current(), open_current(tmp_path).id, store.ids()) == (second, second, [first, second, third])
