import io
import re
import time

import pytest
from rich.console import Console

import indexer.progress
from indexer.progress import PlainReporter, Reporter, TerminalReporter, reporter_for
from tests.waiting import wait_until


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
    monkeypatch.setattr(indexer.progress, "PLAIN_SECONDS", 0.02)
    lines: list[str] = []

    def told_as(pattern: str) -> bool:
        lines.extend(capsys.readouterr().err.splitlines())
        return any(re.fullmatch(pattern, line) for line in lines)

    with PlainReporter() as reporter:
        reporter.stage("Model", None, "")
        wait_until(lambda: told_as(r"Model: for \d+ s"))  # though nothing of it is ever done
        reporter.stage("Embedding", 64, "passages")
        reporter.advance(32)
        wait_until(lambda: told_as("Embedding: 32 passages, .* s left"))
    assert lines[0] == "Model"
    assert "Embedding: 64 passages" in lines
    told = len(capsys.readouterr().err.splitlines())
    time.sleep(0.1)
    assert (told, capsys.readouterr().err) == (told, "")  # the end of the run is the end of it


def test_lines_come_seconds_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainReporter() as reporter:
        run(reporter)
    assert capsys.readouterr().err.splitlines() == ["Articles", "Embedding: 64 passages"]


def test_the_fitting_one_is_chosen() -> None:
    assert isinstance(reporter_for(Console(file=io.StringIO(), force_terminal=True)), TerminalReporter)
    assert isinstance(reporter_for(Console(file=io.StringIO())), PlainReporter)
