"""One log line an event, to standard error: readable columns on a terminal, JSON elsewhere.

The event is a constant in the past tense, facts are fields. No article text is logged, and of an error where it came
from, never what variables held: passwords are among them. A line and its end are written at once, for several
processes write to the same place.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

_site: ContextVar[str | None] = ContextVar("site", default=None)


def configure_logs(log_format: str, level: str, site: str | None = None) -> None:
    """Set up logging for this process; `site` stands in lines of no other. All as in Settings."""
    columns = log_format == "columns" or (log_format == "auto" and sys.stderr.isatty())
    renderers: list[Any] = (
        [structlog.dev.ConsoleRenderer(sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if columns
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _, __, line: _named(line, site),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: _Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )


def say_site(name: str | None) -> None:
    """Have every line of this thread name a site from now on, and those of threads that are begun in its context."""
    _site.set(name)


def _named(line: Any, site: str | None) -> Any:
    name = _site.get() or site
    return line if name is None else line | {"site": name}


class _Lines:
    """Writes lines. What cannot be written is lost: a disk that is full of logs fails nobody's request."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        with suppress(OSError):
            self._file.write(f"{line}\n")
            self._file.flush()

    debug = info = warning = error = critical = msg


@contextmanager
def saying(**facts: Any) -> Iterator[None]:
    """Have every line of this thread say some facts, as long as the block lasts."""
    with structlog.contextvars.bound_contextvars(**facts):
        yield


def get_log() -> Any:
    """Return the logger; its methods are the levels, its keyword arguments the facts."""
    return structlog.get_logger()
