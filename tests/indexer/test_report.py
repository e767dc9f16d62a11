import io
from pathlib import Path

import orjson
from rich.console import Console

from indexer.report import QUARANTINED_SHOWN, Report
from indexer.sources.source import Quarantined


def full_report() -> Report:
    report = Report(sources=["articles.jsonl"], snapshot="20261124T061500Z-0123456789ab", articles=1_234)
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
        "read 0.0 s",
    ):
        assert part in text
    assert text.count("title: is empty") == QUARANTINED_SHOWN
    assert "and 5 more" in text
    assert "20261124T061500Z-0123456789ab" in text


def test_empty_report_can_be_shown() -> None:
    assert "nothing" in shown(Report(sources=[]))


def test_json_beside_the_snapshots_holds_every_quarantined_article(tmp_path: Path) -> None:
    path = full_report().write(tmp_path, "night")
    kept = orjson.loads(path.read_bytes())
    assert path == tmp_path / "reports/night.json"
    assert len(kept["quarantined"]) == QUARANTINED_SHOWN + 5
    assert kept["unknown_keys"] == {"kind": 2, "page_type": 1}
    assert kept["seconds"]["read"] >= 0
