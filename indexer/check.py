"""Sources read to their end, and what they would give: counts, faults, and a few articles as they are understood.

It holds no more than these, and eight bytes an article, whatever the size of the sources.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from indexer.progress import Reporter, print_table
from indexer.report import count_bounded
from indexer.sources.source import Found, LeftOut, Noted, Quarantined, Source
from seealso.article import Article, folded, format_time, printable

SHOWN = 5
FAULTS_SHOWN = 10
BODY_CHARACTERS_SHOWN = 400


@dataclass(slots=True)
class Checked:
    """What one source gives. `samples`: spread over it; `filled`: how many of its articles have each field.

    `twice`: those that are none, for an earlier one has their id; `samples` and `filled` have them too.
    """

    name: str
    articles: int = 0
    twice: int = 0
    quarantined: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unknown_keys: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    faults: list[Quarantined] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    samples: list[Found] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Check:
    """What all sources give, in their order of precedence; `samples`: SHOWN articles of all."""

    sources: list[Checked]
    samples: list[Found]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "sources": [
                {
                    "name": each.name,
                    "articles": each.articles,
                    "quarantined": each.quarantined,
                    "left_out": dict(each.left_out),
                    "unknown_keys": dict(each.unknown_keys),
                    "filled": dict(each.filled),
                    "faults": [{"where": fault.where, "reason": fault.reason} for fault in each.faults],
                    "notes": [{"where": note.where, "says": note.says} for note in each.notes],
                }
                for each in self.sources
            ],
            "articles": [
                {"where": found.where} | orjson.loads(found.article.model_dump_json(exclude_none=True))
                for found in self.samples
            ],
        }


def check_sources(sources: Sequence[Source], sections_left_out: Collection[str], reporter: Reporter) -> Check:
    """Read each source to its end. Raises SourceUnreadable for the first that cannot be."""
    unwanted = {folded(section) for section in sections_left_out}
    checked = [_check(source, unwanted, reporter) for source in sources]
    # A few of each source, the first named first.
    rounds = [found for place in range(SHOWN) for each in checked for found in each.samples[place : place + 1]]
    return Check(checked, rounds[:SHOWN])


def _check(source: Source, unwanted: set[str], reporter: Reporter) -> Checked:
    checked = Checked(source.name)
    reporter.stage(source.name[-40:], None, "articles")
    ids: array[int] = array("q")
    for item in source.read():
        reporter.advance()
        if isinstance(item, LeftOut):
            checked.left_out[item.reason] += 1
        elif isinstance(item, Quarantined):
            checked.quarantined += 1
            if len(checked.faults) < FAULTS_SHOWN:
                checked.faults.append(item)
        elif isinstance(item, Noted):
            checked.notes.append(item)
        elif folded(item.article.section or "") in unwanted:
            checked.left_out[f"section {item.article.section}"] += 1
        else:
            ids.append(hash(item.article.id))
            checked.articles += 1
            count_bounded(checked.unknown_keys, item.unknown_keys)
            checked.filled.update(
                name for name in Article.model_fields if getattr(item.article, name) not in (None, "", [])
            )
            # The 1st, 2nd, 4th, 8th, ... of a source: early and late ones, without knowing how many there will be.
            if checked.articles & (checked.articles - 1) == 0:
                checked.samples = [*checked.samples, item][-SHOWN:]
    if twice := _count_twice(np.frombuffer(ids, np.int64)):
        checked.twice = twice
        checked.articles -= twice
        checked.quarantined += twice
        reason = f"{twice:,} have an id that an earlier one has; seealso index --dry-run names the first of them"
        checked.faults.append(Quarantined(source.name, reason))
    return checked


def _count_twice(ids: NDArray[np.int64]) -> int:
    """Return how many of the hashes of ids were there before; they are sorted in place, for there may be millions."""
    ids.sort()
    return int(np.count_nonzero(ids[1:] == ids[:-1]))


def show_checked(check: Check, quarantine_max: float, console: Console) -> None:
    """Print a check for a person; `quarantine_max`: the share of unusable articles above which no night publishes."""
    for each in check.sources:
        table = _table()
        table.add_row("source", each.name)
        table.add_row("articles", f"{each.articles:,}")
        if each.filled:
            shares = (f"{name} {count / (each.articles + each.twice):.0%}" for name, count in each.filled.items())
            table.add_row("with", ", ".join(shares))
            missing = [name for name in Article.model_fields if name not in each.filled]
            table.add_row("without", ", ".join(missing))
        if each.left_out:
            table.add_row(
                "left out", ", ".join(f"{reason} ({count:,})" for reason, count in each.left_out.most_common())
            )
        if each.unknown_keys:
            keys = ", ".join(f"{key} ({count:,})" for key, count in each.unknown_keys.most_common(12))
            table.add_row("not read", f"{keys}; a field map in seealso.toml says what they are, if they matter")
        table.add_row("quarantined", f"{each.quarantined:,}")
        for fault in each.faults:
            table.add_row("", printable(f"{fault.where}: {fault.reason}"))
        for note in each.notes:
            table.add_row("note", printable(f"{note.where}: {note.says}"))
        print_table(console, table)
        console.print()
    for found in check.samples:
        table = _table()
        for name, text in _lines_of(found):
            table.add_row(name, text)
        print_table(console, table)
        console.print()

    articles, bad = (sum(counts) for counts in zip(*((s.articles, s.quarantined) for s in check.sources), strict=True))
    console.print(_verdict(articles, bad, quarantine_max, len(check.sources)))


def _verdict(articles: int, bad: int, quarantine_max: float, sources: int) -> str:
    """Return what a night would make of it."""
    if not articles:
        return "No usable article: a night would publish nothing."
    merged = ", before those with the same id are merged" if sources > 1 else ""
    share = bad / (bad + articles)
    said = f"{articles:,} usable articles{merged}; {bad:,} unusable, {share:.1%}."
    if share > quarantine_max:
        return f"{said} A night would be refused: at most {quarantine_max:.1%} may be; mend the source or its fields."
    return f"{said} Next: seealso index --dry-run"


def _lines_of(found: Found) -> list[tuple[str, str]]:
    article = found.article
    lines = [("where", found.where)]
    for name in Article.model_fields:
        value = getattr(article, name)
        if value in (None, "", []):
            continue
        if name in ("published", "updated"):
            text = format_time(value)
        elif name == "body":
            text = value if len(value) <= BODY_CHARACTERS_SHOWN else value[:BODY_CHARACTERS_SHOWN].rstrip() + " …"
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        lines.append((name, text))
    missing = [
        name for name in ("url", "section", "summary", "published", "language") if getattr(article, name) is None
    ]
    lines.append(("words", f"{len(article.text.split()):,}" + (f"; no {', no '.join(missing)}" if missing else "")))
    return lines


def _table() -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", min_width=11)
    table.add_column(overflow="fold")
    return table
