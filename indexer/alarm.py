"""A night that was refused or failed is told to somebody: posted to a webhook, handed to a command.

In: the report as JSON. Out: sentences about what could not be told. It never raises: the night has failed already, and
its own exit code is what counts. The webhook's address and the command's arguments may be secrets; neither is printed.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from seealso.post import host_of, post

WEBHOOK_SECONDS_MAX = 10.0
WEBHOOK_TRIES = 3
COMMAND_SECONDS_MAX = 60.0
# A chat system takes some thousand characters; an environment variable some ten thousand.
ERROR_CHARACTERS_MAX = 1_000
# Where a command's own output goes: the program's standard output is for what it was asked.
_STANDARD_ERROR = 2


def raise_alarm(
    report: Mapping[str, Any],
    webhook: str | None,
    command: str | None,
    *,
    report_file: Path | None = None,
    index: Path | None = None,
    webhook_seconds_max: float = WEBHOOK_SECONDS_MAX,
    command_seconds_max: float = COMMAND_SECONDS_MAX,
) -> list[str]:
    """Tell a refused or failed night to a webhook and a command, where given; return what could not be told."""
    message = message_of(report, report_file, index)
    unsent = []
    if webhook:
        body = json.dumps(message).encode()
        reason = post(webhook, body, {"Content-Type": "application/json"}, webhook_seconds_max, WEBHOOK_TRIES)
        if reason:
            unsent.append(f"the alarm did not reach {host_of(webhook)}: {reason}")
    if command:
        reason = _run(command, message, command_seconds_max)
        if reason:
            unsent.append(f"the alarm command failed: {reason}")
    return unsent


def message_of(report: Mapping[str, Any], report_file: Path | None, index: Path | None) -> dict[str, Any]:
    """Return what is told: the outcome, the gates that failed, where to read on, and one line for a chat."""
    gates = [gate for gate in report.get("gates") or () if gate.get("passed") is False]
    facts = {
        "program": "seealso",
        "outcome": report.get("outcome"),
        "exit_code": report.get("exit_code"),
        "error": _line_of(report.get("error")),
        "gates_failed": [{key: gate.get(key) for key in ("gate", "value", "limit", "says")} for gate in gates],
        "report": _text_of(report_file),
        "index": _text_of(index),
    }
    return facts | {"text": _sentence_of(report, facts)}


def _sentence_of(report: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    when = f" of {datetime.fromisoformat(report['started']):%Y-%m-%d %H:%M} UTC" if report.get("started") else ""
    code = "" if facts["exit_code"] is None else f" (exit code {facts['exit_code']})"
    said = [gate["says"] or "the gate says nothing" for gate in facts["gates_failed"]]
    gates = [f"{gate['gate']}: {words}" for gate, words in zip(facts["gates_failed"], said, strict=True)]
    why = "; ".join(gates) or facts["error"] or "no reason was kept"
    read_on = f" Report: {facts['report']}" if facts["report"] else ""
    served = f" Still serving: {report['parent']}." if report.get("parent") else ""
    if report.get("served"):  # it ended so after it had published
        served = f" Now serving: {report['served']}."
    outcome = "was refused" if facts["outcome"] == "refused" else "failed"
    return _line_of(f"seealso: the night{when} {outcome}{code}. {why.rstrip('.')}.{served}{read_on}") or ""


def _run(command: str, message: Mapping[str, Any], seconds_max: float) -> str | None:
    """Run a command without a shell, the message as JSON on its standard input; return why it failed, or None."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"it cannot be taken apart into words ({error})"
    program = shutil.which(words[0]) if words else None
    # `env` takes a word with '=' for a variable.
    if program is None or "=" in program:
        return f"there is no program {words[0]!r}" if words else "it is empty"
    named = {
        "NIGHT_OUTCOME": message["outcome"],
        "NIGHT_EXIT_CODE": message["exit_code"],
        "NIGHT_ERROR": message["error"],
    }
    variables = [f"{name}={'' if value is None else value}" for name, value in named.items()]
    try:
        # No shell: the words stand as the operator wrote them. `env` adds to the environment that is there.
        process = subprocess.Popen(  # noqa: S603
            ["/usr/bin/env", *variables, program, *words[1:]],
            stdin=subprocess.PIPE,
            stdout=_STANDARD_ERROR,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{words[0]!r} cannot be run ({error})"
    with process:
        try:
            process.communicate(json.dumps(message).encode(), timeout=seconds_max)
        except subprocess.TimeoutExpired:
            # The whole group: what a script started must not outlive it.
            os.killpg(process.pid, signal.SIGKILL)
            return f"{words[0]!r} had not ended after {seconds_max:g} s and was killed"
    return f"{words[0]!r} ended with exit code {process.returncode}" if process.returncode else None


def _text_of(path: Path | None) -> str | None:
    return None if path is None else _line_of(str(path))


def _line_of(text: str | None) -> str | None:
    """Return a text as one line of bounded length, without control characters and lone surrogates."""
    if text is None:
        return None
    whole = text.encode("utf-8", "replace").decode()
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in whole).split())
    return line if len(line) <= ERROR_CHARACTERS_MAX else f"{line[: ERROR_CHARACTERS_MAX - 1]}…"
