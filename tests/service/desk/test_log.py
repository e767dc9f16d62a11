"""The log at the desk."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from seealso.editorial.store import Store
from service.desk import log as room
from tests.service.desk.conftest import HOSTILE

PIN = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "storm"}, "number": 1}
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


def table(client: FlaskClient, **query: object) -> list[dict[str, str]]:
    answer = client.get("/desk/log.csv", query_string=query)
    assert answer.status_code == 200
    return [*csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig")))]


@pytest.fixture
def busy(editor: FlaskClient) -> FlaskClient:
    editor.post("/v1/rules", json=PIN | {"reason": "the day’s news"})
    editor.post("/v1/articles/storm/takedown", json={"reason": HOSTILE})
    editor.delete("/v1/articles/storm/takedown?reason=mended")
    return editor


def test_changes_are_told_in_words_the_newest_first(busy: FlaskClient) -> None:
    text = busy.get("/desk/log").text
    order = [text.index(words) for words in ("is shown again", "was taken down", "stands at place 1", "was made")]
    assert order == sorted(order)
    assert HOSTILE not in text
    assert "Ann (" in text
    assert "the day’s news" in text


def test_only_what_can_be_undone_can_be_undone(busy: FlaskClient) -> None:
    text = busy.get("/desk/log").text
    assert 'data-to="POST /v1/changes/4/undo"' in text  # shown again
    assert 'data-to="POST /v1/changes/2/undo"' in text  # the pin
    assert text.count("data-to=") == 2  # the takedown was undone, and a key is revoked
    assert busy.post("/v1/changes/2/undo?reason=old").status_code == 200
    text = busy.get("/desk/log").text
    assert 'data-to="POST /v1/changes/2/undo"' not in text
    assert 'data-to="POST /v1/changes/5/undo"' in text
    busy.post("/v1/rules", json=PIN | {"reason": "again"})
    assert 'data-to="POST /v1/changes/5/undo"' not in busy.get("/desk/log").text  # it holds again already


@pytest.mark.parametrize("field", ["subject", "who"])
def test_what_no_database_keeps_is_not_looked_for(editor: FlaskClient, field: str) -> None:
    for path in ("/desk/log", "/desk/log.csv"):
        answer = editor.get(f"{path}?{field}=a%00b", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["field"]) == (400, field)


def test_rule_can_be_brought_back_beside_one_that_ends_otherwise(editor: FlaskClient) -> None:
    wish = {"action": "exclude", "about": {"tag": "Sea"}, "reason": "x"}
    editor.post("/v1/rules", json=wish | {"until": TOMORROW})
    rule = editor.post("/v1/rules", json=wish).get_json()["id"]
    editor.delete(f"/v1/rules/{rule}?reason=old")
    assert f'data-to="POST /v1/changes/{rule + 1}/undo"' in editor.get("/desk/log").text


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ({"subject": "storm"}, {"4", "3", "2"}),
        ({"subject": "rule:2"}, {"2"}),
        ({"who": "ann"}, {"4", "3", "2"}),
        ({"kind": "takedowns"}, {"4", "3"}),
        ({"kind": "keys"}, {"1"}),
        ({"first": TOMORROW}, set()),
        ({"last": TOMORROW, "first": ""}, {"4", "3", "2", "1"}),
    ],
)
def test_filters_hold_for_the_page_and_for_the_table(
    busy: FlaskClient, query: dict[str, str], changes: set[str]
) -> None:
    assert {row["number"] for row in table(busy, **query)} == changes
    text = busy.get("/desk/log", query_string=query).text
    assert text.count('<li class="card">') == len(changes)
    if not changes:
        assert "Nothing like this was ever decided" in text


@pytest.mark.parametrize("query", ["kind=all", "first=yesterday", "before=x", "x=1", f"who={'x' * 201}"])
def test_filter_that_is_wrong_is_refused_in_words(editor: FlaskClient, query: str) -> None:
    for path in ("/desk/log", "/desk/log.csv"):
        answer = editor.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert "A part of the request is wrong" in answer.text


@pytest.mark.parametrize("reason", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil.example")'])
def test_no_cell_is_a_formula(editor: FlaskClient, reason: str) -> None:
    editor.post("/v1/rules", json=PIN | {"reason": reason})
    assert table(editor)[0]["why"] == f"'{reason}"


def test_table_is_utf_8_and_a_file(busy: FlaskClient) -> None:
    answer = busy.get("/desk/log.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="seealso-log.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_data().startswith(b"\xef\xbb\xbfnumber,moment,who,what,why,action,subject\r\n")
    assert "“A storm surge” is shown again" in answer.get_data().decode()


def test_long_log_is_read_part_by_part(editor: FlaskClient, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(index).writing() as writing:
        for number in range(room.PAGE + 5):
            writing.record("x", "rolled-back", f"snapshot:{number}", None, {"snapshot": str(number)})
    text = editor.get("/desk/log").text
    assert text.count('<li class="card">') == room.PAGE
    assert "before=7" in text
    older = editor.get("/desk/log?before=7").text
    assert older.count('<li class="card">') == 6
    assert "Newest" in older
    monkeypatch.setattr(room, "TABLE_PART", 10)
    assert [int(row["number"]) for row in table(editor)] == [*range(room.PAGE + 6, 0, -1)]


def test_store_that_cannot_be_read_is_told_before_anything_is_sent(editor: FlaskClient, index: Path) -> None:
    editor.get("/desk/log")
    editor.application.extensions["seealso"].editorial.store().close()
    (index / "editorial.db").write_bytes(b"no database" * 1_000)
    for name in ("editorial.db-wal", "editorial.db-shm"):
        (index / name).unlink(missing_ok=True)
    for path in ("/desk/log", "/desk/log.csv"):
        assert editor.get(path).status_code == 503
