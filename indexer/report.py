"""What a night did: counted while it runs, printed as a table, kept as JSON and as a page beside the snapshots."""

import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from rich.console import Console
from rich.table import Table

from indexer.progress import print_table
from indexer.sources.source import Quarantined
from seealso.article import format_time, printable
from seealso.snapshot.layout import REPORTS, replace_file

QUARANTINED_SHOWN = 10
# An article of fewer words is about nothing that another could be near to.
SHORT_WORDS_MAX = 30
# A source may be broken a million times: what is kept of that is bounded.
LISTED_MAX = 1_000
# Two months of nights, some 100 kB each; what is older is in nobody's mind.
REPORTS_KEPT = 60

Outcome = Literal["published", "refused", "failed", "dry run"]


@dataclass(slots=True)
class SourceTally:
    """What one source gave; `before`: how many articles it gave in the night before, None if that is not known.

    `read`: articles that it lists, `carried`: those it listed on an earlier night, `given`: both.
    """

    name: str
    read: int = 0
    left_out: int = 0
    quarantined: int = 0
    carried: int = 0
    before: int | None = None

    @property
    def given(self) -> int:
        """Return how many articles came of the source."""
        return self.read + self.carried


@dataclass(slots=True)
class Report:
    """Counts and times of one night. What was not come to is None, or empty.

    `tokens` includes the title in front of every passage; `seconds` are wall time by stage, `memory_mb` the most memory
    resident by a stage's end, in MiB; `embedded_by`: passages by machine and device; `served`: the night's snapshot,
    once readers have it, however the night ends then; `snapshot_created`: of the snapshot that the night leaves in
    service; `carried`: articles that incomplete sources gave on earlier nights.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    outcome: Outcome = "failed"
    exit_code: int | None = None
    error: str | None = None
    forced: list[str] = field(default_factory=list)
    sources: list[SourceTally] = field(default_factory=list)
    snapshot: str | None = None
    served: str | None = None
    parent: str | None = None
    snapshot_created: str | None = None
    content: str | None = None
    model: str | None = None
    articles_before: int = 0
    articles: int = 0
    new: int | None = None
    changed: int | None = None
    removed: int | None = None
    unchanged: int | None = None
    carried: int = 0
    by_section: dict[str, int] = field(default_factory=dict)
    by_month: dict[str, int] = field(default_factory=dict)
    by_language: dict[str, int] = field(default_factory=dict)
    undated: int | None = None
    quarantined: list[dict[str, str]] = field(default_factory=list)
    quarantined_count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unknown_keys: Counter[str] = field(default_factory=Counter)
    without_url: int = 0
    with_markup: int = 0
    page_cards: int = 0
    page_cards_known: int = 0
    passages: int = 0
    tokens: int = 0
    passages_of_longest: int = 0
    longest: str | None = None
    passages_per_article: dict[str, int] = field(default_factory=dict)
    embedded: int | None = None
    reused: int | None = None
    embedded_by: dict[str, int] = field(default_factory=dict)
    embed_seconds_expected: float | None = None
    too_short: list[dict[str, Any]] = field(default_factory=list)
    too_short_count: int | None = None
    searched: dict[str, Any] | None = None
    stories: dict[str, Any] | None = None
    probabilities: dict[str, list[float]] | None = None
    empty_blocks: int | None = None
    shown: dict[str, Any] | None = None
    churn: dict[str, Any] | None = None
    picks: dict[str, Any] | None = None
    gates: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    removed_snapshots: list[str] = field(default_factory=list)
    distributed: dict[str, Any] | None = None

    def quarantine(self, item: Quarantined) -> None:
        """Count an article that could not be taken in."""
        self.quarantined_count += 1
        if len(self.quarantined) < LISTED_MAX:
            self.quarantined.append({"where": item.where, "reason": item.reason})

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the wall time of a block to a stage, and note how much memory it took."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - began, 3)
            self.memory_mb[stage] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)

    @property
    def quarantined_share(self) -> float:
        """Return the share of unusable articles among all that were given."""
        given = self.quarantined_count + self.articles
        return self.quarantined_count / given if given else 0.0

    def close(self, outcome: Outcome, exit_code: int, error: str | None = None) -> None:
        """Say how the night ended."""
        self.outcome, self.exit_code, self.error = outcome, exit_code, error
        self.finished = datetime.now(UTC)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        facts = asdict(self) | {
            "started": format_time(self.started),
            "finished": format_time(self.finished) if self.finished else None,
            "left_out": dict(self.left_out.most_common()),
            "unknown_keys": dict(self.unknown_keys.most_common()),
        }
        # A night that ended early came to know nothing of these.
        unknown = [] if self.articles else ["articles", "without_url", "with_markup"]
        unknown += [] if self.passages else ["passages", "tokens", "passages_of_longest", "passages_per_article"]
        unknown += [] if self.by_section else ["by_section", "by_month", "by_language"]
        unknown += ["too_short"] if self.too_short_count is None else []
        facts |= dict.fromkeys(unknown)
        shown: dict[str, Any] = _shown(facts)
        return shown

    def show(self, console: Console, *more: tuple[str, str]) -> None:
        """Print the report for a person, and below it `more` lines of a name and a text."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, text in [*self._lines(), *more]:
            table.add_row(name, text)
        print_table(console, table)

    def _lines(self) -> Iterator[tuple[str, str]]:
        before = f"; {self.articles_before:,} in the snapshot before" if self.parent else ""
        yield "articles", f"{self.articles:,}{before}" if self.articles else f"not read to their end{before}"
        for tally in self.sources if len(self.sources) > 1 else ():
            yield "", f"{tally.read:,} of {tally.name}"
        if self.new is not None:
            yield (
                "",
                f"{self.new:,} new, {self.changed:,} changed, {self.removed:,} removed, {self.unchanged:,} as before",
            )
        if self.carried:
            yield "kept", f"{self.carried:,} of earlier nights, which their sources list no longer"
        if self.left_out:
            yield "left out", ", ".join(f"{reason} ({count:,})" for reason, count in self.left_out.most_common(8))
        if self.without_url:
            yield "without url", f"{self.without_url:,}, whose cards cannot be links"
        if self.with_markup:
            yield "HTML tags", f"in the bodies of {self.with_markup:,}, embedded as if they were words; give plain text"
        if self.passages:
            yield "passages", f"{self.passages:,}, {self.tokens:,} tokens, nothing cut"
        if self.embedded is not None:
            how = "to be embedded" if self.outcome == "dry run" else "embedded"
            expected = f", about {_duration(self.embed_seconds_expected)}" if self.embed_seconds_expected else ""
            yield "", f"{self.embedded:,} {how}{expected}; {self.reused or 0:,} known from earlier nights"
        for machine, count in self.embedded_by.items() if len(self.embedded_by) > 1 else ():
            yield "", f"{count:,} by {machine}"
        if self.too_short_count:
            yield (
                "too short",
                f"{self.too_short_count:,} of fewer than {SHORT_WORDS_MAX} words, {self.too_short[0]['id']} first",
            )
        if self.passages_of_longest > 1:
            yield "longest", f"{self.longest} ({self.passages_of_longest} passages)"
        if self.page_cards:
            yield "cards on pages", f"{self.page_cards:,}, {self.page_cards_known:,} of them articles of this index"
        if self.unknown_keys:
            keys = ", ".join(f"{key} ({count:,})" for key, count in self.unknown_keys.most_common(8))
            yield "unknown keys", f"left out: {keys}"
        yield "quarantined", f"{self.quarantined_count:,}"
        for item in self.quarantined[:QUARANTINED_SHOWN]:
            yield "", f"{item['where']}: {item['reason']}"
        if self.quarantined_count > QUARANTINED_SHOWN:
            more = self.quarantined_count - QUARANTINED_SHOWN
            yield "", f"… and {more:,} more; the report's file has the first {LISTED_MAX:,}"
        for number, gate in enumerate(self.gates):
            mark = "passed" if gate["passed"] else ("forced" if gate["gate"] in self.forced else "FAILED")
            measured = "" if gate["value"] is None and gate["passed"] else f"{mark}  "
            yield "" if number else "gates", f"{gate['gate']:<12}  {measured}{gate['says']}"
        for notice in self.notices:
            yield "note", notice
        if self.model:
            yield "model", self.model
        yield "time", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items())
        if self.memory_mb:
            yield "memory", f"{max(self.memory_mb.values()):,.0f} MiB at most"
        if self.removed_snapshots:
            count = len(self.removed_snapshots)
            yield "removed", f"{count} old snapshot{'s' if count > 1 else ''}"
        if self.distributed:
            sent, recall = self.distributed["sent"], self.distributed["recall"]
            yield "search engine", f"{sent:,} sent to {self.distributed['collection']}, recall {recall:.3f}"
        yield "published", self.served or self._why_nothing()

    def _why_nothing(self) -> str:
        failed = [gate["gate"] for gate in self.gates if not gate["passed"]]
        if self.outcome != "dry run":
            return "nothing"
        return "nothing, it was a dry run" + (f"; a night would be refused: {', '.join(failed)}" if failed else "")


def count_bounded(counted: Counter[str], words: Iterable[str]) -> None:
    """Count words, of at most LISTED_MAX different ones: a broken source has a new one in every line."""
    counted.update(word for word in words if word in counted or len(counted) < LISTED_MAX)


def write_report(index: Path, name: str, report: Mapping[str, Any], page: str) -> Path:
    """Keep a report in the index folder as NAME.json and NAME.html, drop the oldest, and return the page's file."""
    folder = index / REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{name}.json", orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    replace_file(folder / f"{name}.html", page.encode("utf-8"))
    for ending in ("json", "html"):
        # What is named after this one is of a clock that was ahead, and goes first.
        kept = sorted(folder.glob(f"[0-9]*.{ending}"), key=lambda path: (path.stem <= name, path.stem))
        for old in kept[:-REPORTS_KEPT]:
            old.unlink()
    return folder / f"{name}.html"


def _shown(value: Any) -> Any:
    """Return what is told with every text as UTF-8 has it: a file's name may be none."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_shown(name): _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else (f"{minutes} min {rest:02} s" if minutes else f"{rest} s")
