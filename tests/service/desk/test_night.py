"""The night at the desk."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from indexer.report import Report, write_report
from seealso.editorial.keys import Scope, create_key
from seealso.editorial.purges import add_purge_in
from seealso.editorial.store import Store
from seealso.snapshot.following import StoreState
from seealso.snapshot.layout import published_ids, snapshot_folder
from tests.makers import articles, index_of
from tests.service.desk.conftest import HOSTILE

SignIn = Callable[[Scope], FlaskClient]
FAILED = "20261128T023000Z-failed"


@pytest.fixture
def failed(index: Path) -> Path:
    report = Report()
    report.close("failed", 4, f"the feed is gone {HOSTILE}")
    write_report(index, FAILED, report.as_json(), "<style>p { color: red }</style><p>What came of it</p>")
    return index


def test_night_that_failed_says_how_it_ended(editor: FlaskClient, failed: Path) -> None:
    text = editor.get("/desk/night").text
    assert "exit code 4" in text
    assert "the feed is gone" in text
    assert HOSTILE not in text
    assert f"/desk/night/report/{FAILED}" in text


def test_report_is_shown_as_it_was_drawn_and_nothing_in_it_runs(editor: FlaskClient, failed: Path) -> None:
    answer = editor.get(f"/desk/night/report/{FAILED}")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "What came of it" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_page_of_nights_that_is_not_there_is_the_last(editor: FlaskClient, failed: Path) -> None:
    assert "exit code 4" in editor.get("/desk/night?nights=99").text


@pytest.mark.parametrize("name", ["nothing", "..%2FCURRENT", "20261128T023000Z-failed.html", "20260101T000000Z-failed"])
def test_report_that_is_not_there_is_told_in_the_desks_words(editor: FlaskClient, failed: Path, name: str) -> None:
    answer = editor.get(f"/desk/night/report/{name}")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text


def test_damaged_snapshot_is_listed_with_its_reason_and_cannot_be_rolled_back_to(sign_in: SignIn, index: Path) -> None:
    index_of(index, articles(6))
    first, _ = published_ids(index)
    manifest = snapshot_folder(index, first) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}")
    text = sign_in("admin").get("/desk/night").text
    assert "cannot be read" in text
    assert "format None" in text
    assert "/rollback" not in text


def test_snapshots_are_listed_with_gates_size_and_which_is_current(editor: FlaskClient, index: Path) -> None:
    index_of(index, articles(6))
    text = editor.get("/desk/night").text
    assert text.count(">current</span>") == 1
    assert "passed" in text
    assert "kB" in text
    assert "Compare two" in text


def test_only_who_runs_the_service_is_offered_to_roll_back(sign_in: SignIn, index: Path) -> None:
    first = published_ids(index)[0]
    index_of(index, articles(6))
    assert "Roll back" not in sign_in("editor").get("/desk/night").text
    text = sign_in("admin").get("/desk/night").text
    assert text.count(f'data-to="POST /v1/snapshots/{first}/rollback"') == 1
    assert text.count("data-ask=") == 1  # not to the current one


def test_parts_and_what_waits_are_told(editor: FlaskClient, index: Path) -> None:
    store = Store(index)
    with store.writing() as writing:
        writing.record("x", "x", "x", None, None)
        add_purge_in(writing, {"article": "storm", "reason": "takedown"})
    text = editor.get("/desk/night").text
    for part in ("Snapshot", "Redis", "Encoder", "Store"):
        assert f"<strong>{part}</strong>" in text
    assert "1 waiting, 0 given up" in text
    assert "No model is loaded" in text


def test_snapshot_store_is_a_part(
    index: Path, make_app: Callable[..., APIFlask], tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = make_app(index, snapshot_store=f"file://{tmp_path_factory.mktemp('store')}").test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'admin', 'x')[1]}"

    def told(**known: object) -> str:
        (index / "store.json").write_text(StoreState(reached=time.time(), **known).model_dump_json())
        return client.get("/desk/night").text.partition("<strong>Snapshot store</strong>")[2]

    assert "All machines are to serve 20261128T000000Z-0123456789ab" in told(current="20261128T000000Z-0123456789ab")
    assert "x: 25% is here" in told(fetching="x", here=1, total=4)
    assert "A snapshot of the store is not fetched: damaged" in told(reason="damaged")


def test_store_that_cannot_be_read_is_told_of_and_the_page_comes_all_the_same(editor: FlaskClient, index: Path) -> None:
    editor.get("/desk/night")
    here = editor.application.extensions["seealso"]
    here.editorial.store().close()
    (index / "editorial.db").write_bytes(b"no database" * 1_000)
    for name in ("editorial.db-wal", "editorial.db-shm"):
        (index / name).unlink(missing_ok=True)
    text = editor.get("/desk/night").text
    assert "not reachable" in text
    assert "not known: the store cannot be read" in text


def test_pages_of_the_lists_are_bounded(editor: FlaskClient, index: Path) -> None:
    report = Report()
    report.close("failed", 4, "x")
    for hour in range(17):
        write_report(index, f"20261128T{hour:02}3000Z-failed", report.as_json(), "")
    text = editor.get("/desk/night").text
    assert text.count("Its report") == 15
    assert "Page 1 of 2" in text
    assert editor.get("/desk/night?nights=2").text.count("Its report") == 2
    assert editor.get("/desk/night?nights=0").status_code == 400
