import io

import pytest
from rich.console import Console

import indexer.progress
from indexer.progress import PlainReporter, Reporter, TerminalReporter, reporter_for


def run(reporter: Reporter) -> None:
    reporter.stage("Articles", None, "articles")
    reporter.advance(3)
    reporter.stage("Embedding", 64, "passages")
    reporter.advance(32)
    reporter.advance(32)


def test_terminal_shows_a_bar_with_rate() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with TerminalReporter(console) as reporter:
        run(reporter)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "Embedding" in text
    assert "64/64" in text
    assert "passages/s" in text
    assert "3/3" in text


def test_elsewhere_a_plain_line_tells_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.progress, "PLAIN_SECONDS", 0.0)
    with PlainReporter() as reporter:
        run(reporter)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Articles"
    assert "Embedding: 64 passages" in lines
    assert any(line.startswith("Embedding: 32 passages, ") and line.endswith(" s left") for line in lines)


def test_lines_come_seconds_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainReporter() as reporter:
        run(reporter)
    assert capsys.readouterr().err.splitlines() == ["Articles", "Embedding: 64 passages"]


def test_the_fitting_one_is_chosen() -> None:
    assert isinstance(reporter_for(Console(file=io.StringIO(), force_terminal=True)), TerminalReporter)
    assert isinstance(reporter_for(Console(file=io.StringIO())), PlainReporter)
