"""The night's report, a dictionary -> one HTML page for the person who looks in the morning. It holds all it needs: no
script, no address that is fetched. It knows nothing of how the numbers came about.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from indexer.night_parts import Gate
from indexer.night_sections import FAILED, Report, gates_of, sections_of
from indexer.pages import render_page
from indexer.wording import NO_BREAK, count_text, cut_text, plural, seconds_text, share_text, signed_text

# As many gates as one sentence holds; the table has them all.
GATES_SAID = 3
# As many characters of an error as tell what to do.
ERROR_MAX = 1000

# What no page may hold: surrogates are no UTF-8, the others no HTML.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, in a heading and a few sentences; `tone` is its colour."""

    tone: Literal["better", "worse", "theirs", "even"]
    word: str
    heading: str
    sentences: tuple[str, ...]


def render_night(report: Mapping[str, Any]) -> str:
    """Return the page of a night's report; what the report lacks is named as not measured."""
    found = measured(report)
    sections, missing = sections_of(found)
    page = render_page(
        "night.html",
        night=_night(found),
        outcome=outcome_of(found),
        figures=_figures(found),
        facts=_facts(found),
        removed=found.get("removed_snapshots", []),
        sections=sections,
        missing=missing,
    )
    return _UNPRINTABLE.sub("\ufffd", page)


def measured(value: Any) -> Any:
    """Return the report without the keys whose value is None or no number, at any depth."""
    if isinstance(value, Mapping):
        return {key: measured(each) for key, each in value.items() if not _is_missing(each)}
    if isinstance(value, list | tuple):
        return [measured(each) for each in value if not _is_missing(each)]
    return value


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def outcome_of(report: Report) -> Outcome:
    """Return what the night came to."""
    gates = gates_of(report)
    failed = [gate for gate in gates if gate.verdict in FAILED]
    error = _sentence(cut_text(report.get("error", ""), ERROR_MAX))
    # A report without a parent may be one that did not come to know it.
    stays = "The snapshot before it stays in service." if "parent" in report else ""
    if "served" in report:
        stays = "The new snapshot is in service: it had been published before."
    match report.get("outcome"):
        case "published" if failed or report.get("forced"):
            by = f"Overridden by force: {_names(failed) or ', '.join(report['forced'])}."
            said = (_counts(report), by, *_said(failed))
            return Outcome("theirs", "Published by force", "The new index is in service, against its gates", said)
        case "published":
            return Outcome("better", "Published", "The new index is in service", (_counts(report), _passed(gates)))
        case "refused":
            why = f"{len(failed)} of {plural(len(gates), 'gate')} failed: {_names(failed)}." if failed else error
            heading = "The new index was refused" + (", the old one stays" if stays else "")
            return Outcome("worse", "Refused", heading, (why, *_said(failed), stays))
        case "dry run":
            would = (f"Would fail: {_names(failed)}.", *_said(failed)) if failed else ()
            said = (_counts(report), _would_embed(report), *would, "Nothing was written.")
            return Outcome("even", "Dry run", "What the night would do", said)
        case outcome if outcome == "failed" or error:
            return Outcome("worse", "Failed", "The night’s run failed", (error or "No reason was given.", stays))
    return Outcome("even", "Unfinished", "The night’s run has no outcome", ("It did not come to its end.", stays))


def _counts(report: Report) -> str:
    if "articles" not in report:
        return ""
    kinds = [f"{count_text(report[kind])} {kind}" for kind in ("new", "changed", "removed") if kind in report]
    return plural(report["articles"], "article") + (f": {', '.join(kinds)}" if kinds else "") + "."


def _passed(gates: tuple[Gate, ...]) -> str:
    passed = sum(gate.verdict == "passed" for gate in gates)
    if not passed:
        return "No gate was tried."
    rest = f"; {len(gates) - passed} could not be measured" if passed < len(gates) else ""
    return f"{plural(passed, 'gate was', 'gates were')} passed, none failed{rest}."


def _names(gates: list[Gate]) -> str:
    return ", ".join(gate.name for gate in gates)


def _said(gates: list[Gate]) -> list[str]:
    return [_sentence(f"{gate.name}: {gate.said}") for gate in gates if gate.said][:GATES_SAID]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _would_embed(report: Report) -> str:
    if "embedded" not in report:
        return ""
    known = f", {count_text(report['reused'])} are known already" if "reused" in report else ""
    return f"{plural(report['embedded'], 'passage')} would be embedded{known}."


def _figures(report: Report) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of the page: name, value, what it means."""
    figures = []
    if "articles" in report:
        change = report["articles"] - report.get("articles_before", 0)
        since = f"{signed_text(change)} against the night before" if change else "as many as the night before"
        known = "parent" in report or report.get("articles_before")
        figures.append(("articles", count_text(report["articles"]), since if known else "in the first index"))
    if "embedded" in report:
        of = f"of {plural(report['passages'], 'passage')}" if "passages" in report else "passages"
        name = "to embed" if report.get("outcome") == "dry run" else "embedded"
        known = "; the rest was known" if report.get("reused") else ""
        figures.append((name, count_text(report["embedded"]), of + known))
    churn = report.get("churn", {})
    if "overlap" in churn:
        figures.append(("lists kept", share_text(churn["overlap"]), "of the first ten are as the night before"))
    if (seconds := _seconds(report)) is not None:
        memory = report.get("memory_mb")
        of = f"and at most {max(memory.values()):,.0f}{NO_BREAK}MiB of memory" if memory else "from start to end"
        figures.append(("time", seconds_text(seconds), of))
    return figures


def _seconds(report: Report) -> float | None:
    started, finished = (_time(report.get(name)) for name in ("started", "finished"))
    if started and finished:
        return max(0.0, (finished - started).total_seconds())
    seconds = report.get("seconds")
    return sum(seconds.values()) if seconds else None


def _time(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _night(report: Report) -> str:
    started = _time(report.get("started"))
    return f"{started.day}{NO_BREAK}{started:%B %Y}" if started else ""


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = []
    for name, key in (("Started", "started"), ("Finished", "finished")):
        if when := _time(report.get(key)):
            facts.append((name, f"{when:%Y-%m-%d %H:%M:%S} UTC"))
    for name, key in (
        ("Snapshot", "snapshot"),
        ("Made from", "parent"),
        ("Content", "content"),
        ("Model", "model"),
        ("Exit code", "exit_code"),
    ):
        if key in report:
            facts.append((name, str(report[key])))
    return facts
