"""How far a run is: a bar with rate and time left on a terminal, a plain line every ten seconds elsewhere."""

import sys
import threading
import time
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

PLAIN_SECONDS = 10.0


class Reporter(Protocol):
    """Is told what a run does."""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage of `total` units, None where that is not known beforehand."""
        ...

    def advance(self, count: int = 1) -> None:
        """Say that so many more units are done."""
        ...


class Silent:
    """Reports nothing."""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage."""

    def advance(self, count: int = 1) -> None:
        """Say that so many more units are done."""


SILENT = Silent()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {task.fields['unit']}/s" if speed else "", style="progress.data.speed")


class TerminalReporter:
    """A bar for each stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(30),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "TerminalReporter":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        self._progress.stop()

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage."""
        self._finish()
        self._task = self._progress.add_task(name, total=total, unit=unit)

    def advance(self, count: int = 1) -> None:
        """Say that so many more units are done."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def _finish(self) -> None:
        if self._task is not None:
            task = self._progress.tasks[self._task]
            if task.total is None:
                self._progress.update(self._task, total=task.completed or 1, completed=task.completed or 1)


class PlainReporter:
    """A line at the beginning of each stage, and every ten seconds after, whether anything was done or not."""

    def __init__(self) -> None:
        self._name, self._unit = "", ""
        self._total: int | None = None
        self._done = 0
        self._began = 0.0
        self._lock = threading.Lock()
        self._next_stage = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)

    def __enter__(self) -> "PlainReporter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._next_stage.set()
        self._thread.join()

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage."""
        with self._lock:
            self._name, self._total, self._unit, self._done = name, total, unit, 0
            self._began = time.monotonic()
            self._say(f"{name}: {total:,} {unit}" if total is not None else name)
        self._next_stage.set()

    def advance(self, count: int = 1) -> None:
        """Say that so many more units are done."""
        self._done += count

    def _tell(self) -> None:
        while not self._ended:
            if self._next_stage.wait(PLAIN_SECONDS):
                self._next_stage.clear()
                continue
            with self._lock:
                if self._name:
                    self._say(self._line(time.monotonic() - self._began))

    def _line(self, seconds: float) -> str:
        if not self._done:
            return f"{self._name}: for {seconds:,.0f} s"
        rate = self._done / seconds
        line = f"{self._name}: {self._done:,} {self._unit}, {rate:,.1f} a second"
        if self._total:
            line += f", {100 * self._done / self._total:.0f} %, {(self._total - self._done) / rate:,.0f} s left"
        return line

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def width_of(stream: TextIO) -> int | None:
    """Return how many columns to print in: those of the terminal (None), else so many that nothing is folded."""
    return None if stream.isatty() else 200


def print_table(console: Console, table: Table) -> None:
    """Print a table; where no person reads it, without the blanks that fill its columns up."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def reporter_for(console: Console) -> TerminalReporter | PlainReporter:
    """Return the reporter that fits where messages go."""
    return TerminalReporter(console) if console.is_terminal else PlainReporter()
