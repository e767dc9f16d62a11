"""One log line an event, to standard error: readable columns on a terminal, JSON elsewhere.

The event is a constant in the past tense, facts are fields. No article text is logged. A line and its end are
written at once, for several processes write to the same place.
"""

import logging
import sys
from typing import Any

import structlog


def configure_logs(log_format: str, level: str) -> None:
    """Set up logging for this process. `log_format` and `level` as in Settings."""
    columns = log_format == "columns" or (log_format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if columns else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks if not columns else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_log() -> Any:
    """Return the logger; its methods are the levels, its keyword arguments the facts."""
    return structlog.get_logger()
