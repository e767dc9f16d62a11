"""`seealso fetch`: once, for a container that is to start with a snapshot."""

import json
from pathlib import Path

import pytest

from seealso.errors import IndexLocked, SettingsInvalid, SnapshotMissing, SnapshotStoreUnavailable
from seealso.snapshot.layout import current_or_none, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.store import SnapshotStore
from service import fetch_commands
from service.fetch_commands import fetch
from tests.indexer.test_commands import run
from tests.makers import articles, index_of


@pytest.fixture
def pushed(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a snapshot that all machines are to serve, by the store that the environment names."""
    store = SnapshotStore(store_url)
    snapshot_id = str(index_of(tmp_path / "night", articles(4)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    store.point(snapshot_id)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", store_url)
    return snapshot_id


def test_what_all_serve_is_fetched_once(pushed: str, tmp_path: Path) -> None:
    here = tmp_path / "new/here"
    first = json.loads(run(fetch, "--index", here, "--json").stdout)
    assert (first["current"], first["bytes"] > 0, current_or_none(here)) == (pushed, True, pushed)
    again = run(fetch, "--index", here).stdout
    assert f"{pushed} is current here; 0 bytes were copied. Next: seealso serve --index {here}" in again


def test_store_that_holds_none_or_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="unset"):
        run(fetch, "--index", tmp_path)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", f"file://{tmp_path}/store")
    with pytest.raises(SnapshotStoreUnavailable, match="mounted"):
        run(fetch, "--index", tmp_path)
    (tmp_path / "store").mkdir()
    with pytest.raises(SnapshotMissing, match="holds none"):
        run(fetch, "--index", tmp_path)


def test_what_is_here_does_where_the_store_is_gone_if_that_is_said(
    pushed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    run(fetch, "--index", here)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", f"file://{tmp_path}/gone")
    with pytest.raises(SnapshotStoreUnavailable, match="mounted"):
        run(fetch, "--index", here)
    told = run(fetch, "--or-kept", "--index", here, "--json")
    assert json.loads(told.stdout) == {"current": pushed, "bytes": 0}
    assert f"{pushed}, which is here, has to do" in told.stderr
    with pytest.raises(SnapshotStoreUnavailable, match="mounted"):
        run(fetch, "--or-kept", "--index", tmp_path / "new")


@pytest.mark.parametrize("url", ["s3:/bucket", "file://share", "/mnt/share", "gs://bucket/a", "s3://Bucket"])
def test_address_of_no_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", url)
    with pytest.raises(SettingsInvalid, match="SEEALSO_SNAPSHOT_STORE"):
        run(fetch, "--index", tmp_path)


def test_who_writes_here_for_long_is_named(pushed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_commands, "LOCK_SECONDS_MAX", 0.1)
    with lock_index(tmp_path / "here"), pytest.raises(IndexLocked):
        run(fetch, "--index", tmp_path / "here")


def test_of_several_sites_one_is_named(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(store_url)
    snapshot_id = str(index_of(tmp_path / "night", articles(4)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    store.point(snapshot_id)
    tables = (
        f'[sites.coast]\nhosts = ["coast.example"]\nindex = "coast"\nsnapshot_store = "{store_url}"\n',
        '[sites.city]\nhosts = ["city.example"]\nindex = "city"\n',
    )
    (tmp_path / "sites.toml").write_text("".join(tables))
    monkeypatch.setenv("SEEALSO_SITES", str(tmp_path / "sites.toml"))
    assert json.loads(run(fetch, "--site", "coast", "--json").stdout)["current"] == snapshot_id
    assert current_or_none(tmp_path / "coast") == snapshot_id
    with pytest.raises(SettingsInvalid, match="SEEALSO_SNAPSHOT_STORE"):
        run(fetch, "--site", "city")
    for named in ([], ["--site", "lake"]):
        with pytest.raises(SettingsInvalid, match="coast, city"):
            run(fetch, *named)
    monkeypatch.delenv("SEEALSO_SITES")
    with pytest.raises(SettingsInvalid, match="no SEEALSO_SITES"):
        run(fetch, "--site", "coast")
