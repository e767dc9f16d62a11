"""Nights: the real command `seealso index`, each in a process of its own, made to fail or killed where a test wants it.

`Nights` holds a process (tests.night.warm) that has imported everything and forks for each night, so that one costs
milliseconds. All that the tests of this folder know of how an index is made stands in these two: the command's line,
its exit code, its output.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from seealso.article import Article
from tests.night.shim import Fault

# Only a night that hangs takes so long, however busy the machine is.
NIGHT_SECONDS_MAX = 600
END_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Night:
    """What came of one: `code` is its exit code or, after a signal, the signal's number below zero.

    `said` is its standard error, `report` what --json prints, `calls` how often the armed kind of call was met, `trace`
    which they were.
    """

    code: int
    said: str
    report: dict[str, Any]
    calls: int = 0
    trace: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Return the last line said, which tells why a run failed."""
        return self.said.strip().rpartition("\n")[2]

    @property
    def snapshot(self) -> str:
        """Return the id of the snapshot that a successful run published."""
        assert self.code == 0, self.said
        return str(self.report["snapshot"])


@dataclass(frozen=True, slots=True)
class Request:
    """One night, as it is sent to the warm process; see `Nights.begin`."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    index: str
    fault: Mapping[str, Any] | None
    kill_after_s: float | None
    fork: bool


class Nights:
    """A warm process that runs nights, one after another. Use it as a context."""

    def __init__(self, shim: Path | None = None, **environment: str) -> None:
        self._environment = os.environ | environment | ({"LD_PRELOAD": str(shim)} if shim else {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Nights":
        command = [sys.executable, "-m", "tests.night.warm"]
        # Without a buffer, in which an answer could be while `select` says that there is none.
        self._process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        try:
            self._process.communicate(timeout=END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        assert kind is not None or self._process.returncode == 0

    def run(self, index: Path, *sources: Path, **how: Any) -> Night:
        """Run a night to its end; see `begin`."""
        self.begin(index, *sources, **how)
        return self.end()

    def begin(
        self,
        index: Path,
        *sources: Path,
        options: Iterable[str] = (),
        model: str = "hash",
        keep: int = 2,
        fault: Fault | None = None,
        kill_after_s: float | None = None,
        fork: bool = True,
        **environment: str,
    ) -> int:
        """Start a night and return its process number; `fork` False: in the warm process itself, with its threads."""
        arguments = [
            "index",
            *map(str, sources),
            "--index",
            str(index),
            "--model",
            model,
            "--keep",
            str(keep),
            "--json",
        ]
        request = Request(
            arguments=[*arguments, *options],
            environment=environment,
            index=str(index),
            fault=asdict(fault) if fault else None,
            kill_after_s=kill_after_s,
            fork=fork,
        )
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        return int(self._answer()["pid"])

    def end(self) -> Night:
        """Wait for the night that was begun."""
        return Night(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        # By the second: time in which all of this is stopped (SIGSTOP) is not the night's.
        ready = any(select.select([self._process.stdout], [], [], 1.0)[0] for _ in range(NIGHT_SECONDS_MAX))
        if not ready:
            self._process.kill()  # its answer, were it to come yet, would be taken for the next night's
        line = self._process.stdout.readline() if ready else b""
        assert line, "the process that runs the nights has ended or hangs"
        answer: dict[str, Any] = json.loads(line)
        return answer


def write_lines(path: Path, articles: Iterable[Article | Mapping[str, Any]]) -> Path:
    """Write articles as a source of JSON lines and return it."""
    given = (each.model_dump(exclude_none=True) if isinstance(each, Article) else each for each in articles)
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in given))
    return path
