"""The points of the map as the page's script gets them, and titles of those that are pointed at."""

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.service.desk.conftest import HOSTILE


def snapshot_id(client: FlaskClient) -> str:
    return str(client.application.extensions["seealso"].current.snapshot().id)


def test_points_are_sent_once_for_each_snapshot(editor: FlaskClient) -> None:
    sent = editor.get("/desk/archive/map")
    assert sent.mimetype == "application/octet-stream"
    assert np.frombuffer(sent.data, "<u4", 2).tolist() == [35, 35]
    assert len(sent.data) == 8 + 12 * 35
    assert sent.headers["X-Seealso-Snapshot"] == snapshot_id(editor)
    assert sent.headers["Cache-Control"] == "private, no-cache"
    again = editor.get("/desk/archive/map", headers={"If-None-Match": sent.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_points_of_a_window_are_another_answer(editor: FlaskClient) -> None:
    whole, part = editor.get("/desk/archive/map"), editor.get("/desk/archive/map?left=0.4&right=0.9&top=0&bottom=0.5")
    assert len(part.data) < len(whole.data)
    assert part.headers["ETag"] != whole.headers["ETag"]


@pytest.mark.parametrize("query", ["left=x", "left=-1", "right=nan", "up=1", "left=1e-3"])
def test_window_that_is_none_is_refused_in_words(editor: FlaskClient, query: str) -> None:
    assert editor.get(f"/desk/archive/map?{query}").status_code == 400


def test_titles_are_told_of_rows(editor: FlaskClient) -> None:
    snapshot = editor.application.extensions["seealso"].current.snapshot()
    rows = [snapshot.row_of("storm"), snapshot.row_of("hostile")]
    query = {"snapshot": snapshot.id, "rows": ",".join(map(str, rows))}
    told = editor.get("/desk/archive/titles", query_string=query).get_json()
    assert told["snapshot"] == snapshot.id
    assert [(each["row"], each["id"]) for each in told["articles"]] == [(rows[0], "storm"), (rows[1], "hostile")]
    assert (told["articles"][0]["section"], told["articles"][0]["day"]) == ("Weather", "2 May 2025")
    assert told["articles"][1]["title"] == HOSTILE  # the script puts it in as text


def test_titles_of_another_night_are_not_told(editor: FlaskClient) -> None:
    told = editor.get("/desk/archive/titles?snapshot=another&rows=1").get_json()
    assert told == {"snapshot": snapshot_id(editor), "articles": []}


@pytest.mark.parametrize("rows", ["", "x", "-1", "1,,2", "35", "999999999", ",".join(["1"] * 51), "1 2"])
def test_rows_that_are_none_are_refused_in_words(editor: FlaskClient, rows: str) -> None:
    answer = editor.get("/desk/archive/titles", query_string={"snapshot": snapshot_id(editor), "rows": rows})
    assert answer.status_code == 400
