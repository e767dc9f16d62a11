"""What nights left in an index folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from indexer.report import Report, write_report
from seealso.snapshot.layout import published_ids, snapshot_folder
from service.nights import made, night_named, nights_of, read_report, report_page, snapshots_of
from tests.makers import ANY_NIGHT, articles, index_of

FAILED = "20261128T023000Z-failed"


def test_folder_without_nights_has_none(tmp_path: Path) -> None:
    assert snapshots_of(tmp_path) == []
    assert nights_of(tmp_path) == []


def test_snapshots_come_newest_first_with_their_gates_in_words(tmp_path: Path) -> None:
    index_of(tmp_path, articles(20))
    index_of(tmp_path, articles(2), force=True, gates=replace(ANY_NIGHT, articles_min=0.9))
    newest, oldest = snapshots_of(tmp_path)
    assert [oldest, newest] == published_ids(tmp_path)
    found, first = made(tmp_path, newest), made(tmp_path, oldest)
    assert (found.current, first.current) == (True, False)
    states = {gate.name: gate.state for gate in found.gates}
    assert states["articles"] == "forced"
    assert "passed" in states.values()
    assert {gate.name: gate.state for gate in first.gates}["articles"] == "not measured"
    assert "limit is 0.9" in next(gate.says for gate in found.gates if gate.name == "articles")
    assert found.bytes > 1_000
    assert found.created is not None


def test_gate_that_could_no_longer_be_measured_is_told_as_one_that_was_forced(tmp_path: Path) -> None:
    index_of(tmp_path, articles(110, language="en"))
    index_of(tmp_path, articles(110), force=True, gates=replace(ANY_NIGHT, languages_max=0.1))
    gates = {gate.name: gate for gate in made(tmp_path, snapshots_of(tmp_path)[0]).gates}
    assert (gates["languages"].state, gates["languages"].says[:29]) == ("forced", "it can no longer be measured;")


def test_what_the_report_says_of_a_gate_is_told(tmp_path: Path) -> None:
    report = index_of(tmp_path, articles(20))
    write_report(tmp_path, str(report.snapshot), report.as_json(), "<p>the page</p>")
    found = made(tmp_path, str(report.snapshot))
    assert found.reported
    assert any("20 articles" in gate.says for gate in found.gates)
    assert report_page(tmp_path, str(report.snapshot)) == b"<p>the page</p>"


def test_damaged_snapshot_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    snapshot_id = str(index_of(tmp_path, articles(3)).snapshot)
    manifest = snapshot_folder(tmp_path, snapshot_id) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    found = made(tmp_path, snapshot_id)
    assert (found.manifest, found.bytes, found.created) == (None, 0, None)
    assert "is not JSON" in found.reason


def test_nights_come_newest_first_and_failed_ones_say_how_they_ended(tmp_path: Path) -> None:
    report = Report()
    report.close("failed", 4, "the feed is gone")
    write_report(tmp_path, FAILED, report.as_json(), "")
    write_report(tmp_path, "20261127T023000Z-refused", report.as_json(), "")
    assert nights_of(tmp_path) == [FAILED, "20261127T023000Z-refused"]
    found = night_named(tmp_path, FAILED)
    assert (found.facts["exit_code"], found.facts["error"]) == (4, "the feed is gone")
    assert found.began is not None
    assert found.minutes is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"started": 3, "gates": [7, null]}'])
def test_report_that_cannot_be_read_is_listed_all_the_same(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / f"{FAILED}.json").write_bytes(content)
    (name,) = nights_of(tmp_path)
    night = night_named(tmp_path, name)
    assert (night.began, night.minutes) == (None, None)


@pytest.mark.parametrize("name", ["../CURRENT", "", "20261128T023000Z-failed/../../x", "20261128T023000Z-failed\n"])
def test_only_reports_are_read(tmp_path: Path, name: str) -> None:
    index_of(tmp_path, articles(3))
    assert report_page(tmp_path, name) is None
    assert read_report(tmp_path, name) == {}
