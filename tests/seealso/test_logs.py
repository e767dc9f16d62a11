import io
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from seealso.logs import configure_logs, get_log, say_site


def test_json_lines_carry_event_level_time_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    get_log().info("snapshot_opened", articles=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["articles"]) == ("snapshot_opened", "info", 3)
    assert line["timestamp"].endswith("Z")


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "warning")
    get_log().info("snapshot_opened")
    assert capsys.readouterr().err == ""


def test_columns_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("columns", "info")
    get_log().warning("cache_given_up", reason="gone")
    assert "cache_given_up" in capsys.readouterr().err


def test_an_error_brings_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    try:
        raise ValueError("seven")
    except ValueError as error:
        get_log().error("request_failed", exc_info=error)
    assert "seven" in capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["json", "columns"])
def test_of_an_error_no_variable_is_logged(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(password: str) -> None:
        raise ValueError(f"of {len(password)} characters")

    configure_logs(log_format, "info")
    try:
        fails(" ".join(("what", "nobody", "may", "read")))
    except ValueError as error:
        get_log().error("request_failed", exc_info=error)
    line = capsys.readouterr().err
    assert "of 20 characters" in line
    assert "test_logs.py" in line
    assert "what nobody may read" not in line


def test_lines_name_the_site_of_their_thread_or_else_that_of_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    def told() -> str | None:
        get_log().info("snapshot_opened")
        site: str | None = json.loads(capsys.readouterr().err).get("site")
        return site

    configure_logs("json", "info")
    assert told() is None
    say_site("coast")
    assert told() == "coast"
    with ThreadPoolExecutor(1) as other:
        assert other.submit(told).result() is None
    say_site(None)
    configure_logs("json", "info", "city")
    assert told() == "city"


def test_a_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two writes another process' line would stand."""
    written: list[str] = []

    class Unbuffered(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    monkeypatch.setattr("sys.stderr", Unbuffered())
    configure_logs("json", "info")
    get_log().info("snapshot_opened")
    assert [line[-2:] for line in written] == ["}\n"]


def test_line_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        configure_logs("json", "info")
        for _ in range(100):
            get_log().info("snapshot_opened", reason="x" * 1_000)
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
