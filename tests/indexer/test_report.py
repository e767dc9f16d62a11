import io
import re
from pathlib import Path

import orjson
from rich.console import Console

from indexer.report import LISTED_MAX, QUARANTINED_SHOWN, REPORTS_KEPT, Report, count_bounded, write_report
from indexer.sources.source import Quarantined


def full_report() -> Report:
    report = Report(snapshot="20261124T061500Z-0123456789ab", served="20261124T061500Z-0123456789ab", articles=1_234)
    report.passages, report.tokens, report.longest, report.passages_of_longest = 5_000, 900_000, "long-read", 38
    report.page_cards, report.page_cards_known = 12, 7
    report.unknown_keys.update(["kind", "kind", "page_type"])
    for number in range(QUARANTINED_SHOWN + 5):
        report.quarantine(Quarantined(f"articles.jsonl:{number}", "title: is empty"))
    with report.timed("read"), report.timed("embed"):
        pass
    return report


def shown(report: Report) -> str:
    console = Console(file=io.StringIO(), width=120)
    report.show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_table_says_what_happened() -> None:
    text = shown(full_report())
    for part in (
        "1,234",
        "5,000",
        "900,000 tokens",
        "long-read (38 passages)",
        "12, 7 of them",
        "kind (2)",
    ):
        assert part in text
    assert re.search(r"read \d+\.\d s", text)
    assert text.count("title: is empty") == QUARANTINED_SHOWN
    assert "and 5 more" in text
    assert "20261124T061500Z-0123456789ab" in text


def test_empty_report_can_be_shown() -> None:
    assert "nothing" in shown(Report())


def test_snapshot_that_was_written_and_is_not_served_is_not_called_published() -> None:
    assert "20261124T061500Z" not in shown(Report(snapshot="20261124T061500Z-0123456789ab"))


def test_gates_stand_in_the_table_with_what_they_say() -> None:
    report = full_report()
    report.gates = [
        {"gate": "articles", "value": 1.0, "passed": True, "says": "as many as yesterday"},
        {"gate": "overlap", "value": 0.3, "passed": False, "says": "30.0% are yesterday's"},
        {"gate": "hubs", "value": 0.9, "passed": False, "says": "too many"},
    ]
    report.forced = ["overlap"]
    lines = [line for line in shown(report).splitlines() if "passed" in line or "forced" in line or "FAILED" in line]
    assert [line.split()[:2] for line in lines] == [["gates", "articles"], ["overlap", "forced"], ["hubs", "FAILED"]]


def test_dry_run_says_what_a_night_would_take() -> None:
    report = Report(articles=9, passages=30, embedded=20, reused=10, embed_seconds_expected=3_725.0)
    report.close("dry run", 0)
    assert "20 to be embedded, about 1 h 02 min; 10 known from earlier nights" in shown(report)
    assert "nothing, it was a dry run" in shown(report)


def test_json_and_page_beside_the_snapshots_hold_every_quarantined_article(tmp_path: Path) -> None:
    path = write_report(tmp_path, "20261124T061500Z-refused", full_report().as_json(), "<p>page")
    assert path == tmp_path / "reports/20261124T061500Z-refused.html"
    assert path.read_text() == "<p>page"
    kept = orjson.loads(path.with_suffix(".json").read_bytes())
    assert len(kept["quarantined"]) == QUARANTINED_SHOWN + 5
    assert kept["unknown_keys"] == {"kind": 2, "page_type": 1}
    assert kept["seconds"]["read"] >= 0
    assert kept["memory_mb"]["read"] > 10


def test_what_a_night_did_not_come_to_know_is_null() -> None:
    facts = Report().as_json()
    assert {facts[name] for name in ("articles", "passages", "tokens", "too_short")} == {None}
    assert full_report().as_json()["articles"] == 1_234


def test_a_million_faults_are_counted_and_a_thousand_kept() -> None:
    report = Report()
    for number in range(LISTED_MAX + 500):
        report.quarantine(Quarantined(f"a:{number}", "bad"))
        count_bounded(report.unknown_keys, ["same", f"key{number}"])
    assert (report.quarantined_count, len(report.quarantined)) == (LISTED_MAX + 500, LISTED_MAX)
    assert len(report.unknown_keys) == LISTED_MAX
    assert report.unknown_keys["same"] == LISTED_MAX + 500


def test_names_that_are_no_utf8_can_be_told() -> None:
    report = Report()
    report.quarantine(Quarantined("caf\udce9.jsonl:1", "bad"))
    assert orjson.loads(orjson.dumps(report.as_json()))["quarantined"][0]["where"] == "caf\\udce9.jsonl:1"


def test_oldest_reports_are_dropped(tmp_path: Path) -> None:
    for number in range(REPORTS_KEPT + 3):
        write_report(tmp_path, f"2026{number:04}T000000Z-refused", {}, "")
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(names) == 2 * REPORTS_KEPT
    assert names[0] == "20260003T000000Z-refused.html"


def test_reports_of_a_clock_that_was_ahead_do_not_push_out_tonights(tmp_path: Path) -> None:
    for number in range(REPORTS_KEPT):
        write_report(tmp_path, f"2099{number:04}T000000Z-refused", {}, "")
    for night in ("20261128T000000Z-refused", "20261129T000000Z-refused"):
        assert write_report(tmp_path, night, {}, "").exists()
    names = sorted(path.stem for path in (tmp_path / "reports").glob("*.html"))
    assert (len(names), names[:2]) == (REPORTS_KEPT, ["20261128T000000Z-refused", "20261129T000000Z-refused"])
