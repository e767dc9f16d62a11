"""What a run did: counted while it runs, printed as a table, kept as JSON beside the snapshots."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from indexer.sources.source import Quarantined
from seealso.snapshot.layout import REPORTS, replace_file

QUARANTINED_SHOWN = 10


@dataclass(slots=True)
class Report:
    """Counts and times of one run. `tokens` includes the title in front of every passage; seconds are wall time."""

    sources: list[str]
    snapshot: str | None = None
    parent: str | None = None
    content: str | None = None
    model: str | None = None
    articles_before: int = 0
    articles: int = 0
    without_url: int = 0
    with_markup: int = 0
    quarantined: list[dict[str, str]] = field(default_factory=list)
    unknown_keys: Counter[str] = field(default_factory=Counter)
    passages: int = 0
    passages_of_longest: int = 0
    longest: str | None = None
    tokens: int = 0
    page_cards: int = 0
    page_cards_known: int = 0
    removed_snapshots: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def quarantine(self, item: Quarantined) -> None:
        """Count an article that could not be taken in."""
        # A file's name may be no UTF-8.
        facts = {"where": item.where, "reason": item.reason}
        self.quarantined.append(
            {name: text.encode("utf-8", "backslashreplace").decode() for name, text in facts.items()}
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the wall time of a block to a stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - began, 3)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        return asdict(self) | {"unknown_keys": dict(self.unknown_keys.most_common())}

    def write(self, index: Path, name: str) -> Path:
        """Keep the report in the index folder and return its file."""
        path = index / REPORTS / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, orjson.dumps(self.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return path

    def show(self, console: Console, *more: tuple[str, str]) -> None:
        """Print the report for a person, and below it `more` lines of a name and a text."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        before = f"; {self.articles_before:,} in the snapshot before" if self.parent else ""
        table.add_row("articles", f"{self.articles:,}{before}")
        if self.without_url:
            table.add_row("without url", f"{self.without_url:,}, whose cards cannot be links")
        if self.with_markup:
            table.add_row(
                "HTML tags", f"in the bodies of {self.with_markup:,}, embedded as if they were words; give plain text"
            )
        if self.passages:
            table.add_row("passages", f"{self.passages:,}, {self.tokens:,} tokens, nothing cut")
        if self.passages_of_longest > 1:
            table.add_row("longest", f"{self.longest} ({self.passages_of_longest} passages)")
        if self.page_cards:
            known = f"{self.page_cards_known:,} of them articles of this index"
            table.add_row("cards on pages", f"{self.page_cards:,}, {known}")
        if self.unknown_keys:
            keys = ", ".join(f"{key} ({count:,})" for key, count in self.unknown_keys.most_common(8))
            table.add_row("unknown keys", f"left out: {keys}")
        table.add_row("quarantined", f"{len(self.quarantined):,}")
        for item in self.quarantined[:QUARANTINED_SHOWN]:
            table.add_row("", f"{item['where']}: {item['reason']}")
        if len(self.quarantined) > QUARANTINED_SHOWN:
            table.add_row("", f"… and {len(self.quarantined) - QUARANTINED_SHOWN:,} more, all in the report's file")
        if self.model:
            table.add_row("model", self.model)
        table.add_row("time", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items()))
        if self.removed_snapshots:
            table.add_row("removed", f"{len(self.removed_snapshots)} old snapshots")
        table.add_row("published", self.snapshot or "nothing")
        for name, text in more:
            table.add_row(name, text)
        console.print(table)
