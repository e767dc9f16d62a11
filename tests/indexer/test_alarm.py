"""An alarm reaches a real webhook and a real command; what does not is said, and nothing is ever raised."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.alarm import ERROR_CHARACTERS_MAX, message_of, raise_alarm
from tests.listener import Listener, listening
from tests.waiting import wait_until

REFUSED: dict[str, Any] = {
    "started": "2026-11-24T02:30:00Z",
    "outcome": "refused",
    "exit_code": 14,
    "error": "the gate overlap refused the new snapshot",
    "parent": "20261123T023000Z-ba9876543210",
    "gates": [
        {"gate": "articles", "value": 1.0, "limit": 0.9, "passed": True, "says": "5,084 articles", "reason": "x"},
        {"gate": "overlap", "value": 0.41, "limit": 0.6, "passed": False, "says": "0.41, at least 0.6", "reason": "y"},
    ],
}
FAILED: dict[str, Any] = {"outcome": "failed", "exit_code": 4, "error": "cannot read the source a.jsonl: it is cut"}


@pytest.fixture
def webhook() -> Iterator[Listener]:
    with listening() as each:
        yield each


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("seealso.post.PAUSE_SECONDS", 0.01)


def script(folder: Path, body: str) -> str:
    """Return the command that runs a shell script, in a folder whose name has to be quoted."""
    path = folder / "on call" / "tell.sh"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f'"{path}"'


def test_webhook_gets_what_happened_as_json(webhook: Listener) -> None:
    said = raise_alarm(
        REFUSED, f"{webhook.url}/services/T0/secret", None, report_file=Path("/i/reports/r.html"), index=Path("/i")
    )
    assert said == []
    ((method, path, headers, body),) = webhook.asked
    assert (method, path, headers["content-type"]) == ("POST", "/services/T0/secret", "application/json")
    assert json.loads(body) == {
        "program": "seealso",
        "outcome": "refused",
        "exit_code": 14,
        "error": "the gate overlap refused the new snapshot",
        "gates_failed": [{"gate": "overlap", "value": 0.41, "limit": 0.6, "says": "0.41, at least 0.6"}],
        "report": "/i/reports/r.html",
        "index": "/i",
        "text": "seealso: the night of 2026-11-24 02:30 UTC was refused (exit code 14). overlap: 0.41, at least 0.6. "
        "Still serving: 20261123T023000Z-ba9876543210. Report: /i/reports/r.html",
    }


def test_a_failed_night_is_told_by_its_error() -> None:
    message = message_of(FAILED, None, None)
    assert message["text"] == "seealso: the night failed (exit code 4). cannot read the source a.jsonl: it is cut."
    assert message["gates_failed"] == []


def test_a_night_that_failed_after_it_had_published_names_what_is_served() -> None:
    text = message_of(REFUSED | {"outcome": "failed", "served": "20261124T023000Z-0123456789ab"}, None, None)["text"]
    assert text.endswith("Now serving: 20261124T023000Z-0123456789ab.")
    assert "20261123" not in text


def test_an_empty_report_is_still_told() -> None:
    assert message_of({}, None, None)["text"] == "seealso: the night failed. no reason was kept."


def test_text_is_one_bounded_line_whatever_the_error_holds() -> None:
    message = message_of(FAILED | {"error": "a\nb\x00c\x1b[31m\u2028d \udcff " + "x" * 100_000}, Path("/\udcff"), None)
    for each in ("error", "text"):
        assert len(message[each]) <= ERROR_CHARACTERS_MAX
        assert message[each].isprintable()
    assert message["error"].startswith("a b c [31m d ? xxx")
    assert message["report"] == "/?"


def test_webhook_that_fails_twice_is_tried_a_third_time(webhook: Listener) -> None:
    webhook.statuses = [500, 503, 200]
    assert raise_alarm(FAILED, webhook.url, None) == []
    assert len(webhook.asked) == 3


def test_webhook_that_refuses_is_named_by_its_host_only(webhook: Listener) -> None:
    webhook.statuses = [403]
    (said,) = raise_alarm(FAILED, f"{webhook.url}/services/T0/secret", None)
    assert said == "the alarm did not reach 127.0.0.1: it answered 403"


def test_webhook_that_is_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/secret"
        (said,) = raise_alarm(FAILED, url, None, webhook_seconds_max=0.3)
    assert "secret" not in said


def test_command_gets_the_message_and_the_variables(tmp_path: Path) -> None:
    command = script(tmp_path, f'cat > {tmp_path}/message; env > {tmp_path}/variables; echo "$@" > {tmp_path}/words')
    assert raise_alarm(REFUSED, None, f"{command} --to 'news room' '$HOME;'") == []
    assert json.loads((tmp_path / "message").read_bytes()) == message_of(REFUSED, None, None)
    variables = (tmp_path / "variables").read_text().splitlines()
    assert "NIGHT_OUTCOME=refused" in variables
    assert "NIGHT_EXIT_CODE=14" in variables
    assert "NIGHT_ERROR=the gate overlap refused the new snapshot" in variables
    assert f"PATH={os.environ['PATH']}" in variables
    assert not any(line.startswith("SEEALSO_") for line in variables)
    assert (tmp_path / "words").read_text() == "--to news room $HOME;\n"


def test_what_a_report_does_not_say_is_an_empty_variable(tmp_path: Path) -> None:
    command = script(tmp_path, f'echo "[$NIGHT_OUTCOME$NIGHT_EXIT_CODE$NIGHT_ERROR]" > {tmp_path}/said')
    assert raise_alarm({}, None, command) == []
    assert (tmp_path / "said").read_text() == "[]\n"


def test_command_that_reads_nothing_is_no_failure() -> None:
    assert raise_alarm(FAILED, None, "true") == []


def test_what_a_command_prints_is_no_answer_of_the_program(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert raise_alarm(FAILED, None, script(tmp_path, "echo told")) == []
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "told\n")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false --key secret", "'false' ended with exit code 1"),
        ("no-such-program --key secret", "there is no program 'no-such-program'"),
        ("'unclosed secret", "it cannot be taken apart into words (No closing quotation)"),
        (" ", "it is empty"),
        ("A=secret", "there is no program 'A=secret'"),
        ("true 'secret\x00'", "'true' cannot be run (embedded null byte)"),
    ],
)
def test_a_command_that_fails_is_said_without_its_arguments(command: str, reason: str) -> None:
    assert raise_alarm(FAILED, None, command) == [f"the alarm command failed: {reason}"]


def test_a_command_that_does_not_end_is_killed_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, child = script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait"), tmp_path / "child"
    communicate = subprocess.Popen.communicate

    def communicated(process: subprocess.Popen[bytes], *given: Any, **named: Any) -> tuple[bytes, bytes]:
        wait_until(lambda: child.exists() and child.read_text().endswith("\n"))  # its time begins here
        return communicate(process, *given, **named)

    monkeypatch.setattr(subprocess.Popen, "communicate", communicated)
    (said,) = raise_alarm(FAILED, None, command, command_seconds_max=0.5)
    assert said.endswith("had not ended after 0.5 s and was killed")
    wait_until(lambda: not _runs(int(child.read_text())))


def test_a_webhook_that_fails_does_not_keep_the_command_from_being_run(tmp_path: Path) -> None:
    command = script(tmp_path, f"touch {tmp_path}/told")
    (said,) = raise_alarm(FAILED, "no address", command)
    assert said == "the alarm did not reach an address without a host: " + (
        "its address does not begin with http:// or https:// and a host"
    )
    assert (tmp_path / "told").exists()


def test_nobody_to_tell_is_nothing_to_do() -> None:
    assert raise_alarm(REFUSED, None, None) == []
    assert raise_alarm(REFUSED, "", "") == []


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
