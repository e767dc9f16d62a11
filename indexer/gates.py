"""Is tonight's index good enough to be published? Each gate is one number, one limit, and the reason for the limit.

A gate that cannot be measured (the first night has no yesterday) is passed, and says so; one that could be measured
yesterday, by what is missing tonight, is not. It decides nothing itself: `check_gates` raises, unless the night is
forced.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from indexer.comparison import Changes, Picks, Shown
from indexer.report import Report
from seealso.errors import GateFailed

# A drop is not laid to chance if chance would make as large a one less than once in twenty nights.
CHANCE_MAX = 0.05
# Fewer than these may go, however small the archive: a handful is no broken source.
ARTICLES_LOST_MIN = 10
# Below this many articles, one that stands in every block is no hub, and a handful of new ones changes every list.
ARTICLES_COMPARED_MIN = 100
# Of what gates measure by (labels of languages, picks) so much of yesterday's has to be there: newsrooms add to it, and
# a third of it goes in no night but by a field that is lost.
MEASURED_MIN = 0.7
# From this share of articles with a language on, an archive is taken for one that states it.
LABELLED_MIN = 0.5
# So many of the articles that are still there must have the text of yesterday: no newsroom edits more in a night, and
# without them nothing tells whether lists are as good as they were.
COMPARABLE_MIN = 0.3


@dataclass(frozen=True, slots=True)
class GateLimits:
    """How bad a night may be; see IndexerSettings, where each has its reason."""

    articles_min: float = 0.9
    kept_min: float = 0.9
    quarantine_max: float = 0.01
    empty_blocks_rise_max: float = 0.05
    texts_min: float = 0.7
    overlap_min: float = 0.6
    picks_drop_max: float = 0.02
    languages_max: float = 0.1
    hubs_max: float = 0.2
    links_max: float = 0.05
    links_sample: int = 0
    source_min: float = 0.7


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's result. `value` is None where there was nothing to measure; `says` puts both into a sentence.

    It fails without a value if yesterday there was something to measure.
    """

    gate: str
    value: float | None
    limit: float
    passed: bool
    says: str
    reason: str


def articles_gate(articles: int, before: int, limits: GateLimits) -> Gate:
    """Are there as many articles as yesterday, nearly?"""
    reason = "an archive does not shrink overnight; what is missing is a source that gave too little"
    if not before:
        return _uncompared("articles", limits.articles_min, f"{articles:,} articles", reason)
    share = articles / before
    says = (
        f"{articles:,} articles, {share:.1%} of yesterday's {before:,}; at least {limits.articles_min:.1%} are wanted"
    )
    return _unless_few("articles", share, limits.articles_min, before - articles, says, reason)


def _unless_few(name: str, share: float, wanted: float, lost: int, says: str, reason: str) -> Gate:
    """Return a gate that holds a share of articles to its limit, unless a handful was lost."""
    if share < wanted and lost < ARTICLES_LOST_MIN:
        says += f", but fewer than {ARTICLES_LOST_MIN} may always go"
        return Gate(name, share, wanted, True, says, reason)
    return Gate(name, share, wanted, share >= wanted, says, reason)


def kept_gate(kept: int, before: int, limits: GateLimits) -> Gate:
    """Are yesterday's articles still there, nearly all, under the ids they had?"""
    reason = "pins, rules and takedowns hold by id: where ids change, they are lost, and what was taken down comes back"
    if not before:
        return _uncompared("kept", limits.kept_min, "no article of yesterday", reason)
    share = kept / before
    says = f"{kept:,} of yesterday's {before:,} articles are there by their ids, {share:.1%}; "
    says += f"at least {limits.kept_min:.1%} are wanted"
    return _unless_few("kept", share, limits.kept_min, before - kept, says, reason)


def takedowns_gate(back: Sequence[tuple[str, str]], hidden: int) -> Gate:
    """Does nothing of what is taken down (`hidden`) come back under another id? `back`: its id, and the new one."""
    reason = "takedowns hold by id: an article that has another one is shown again, and nobody decided that"
    if not hidden:
        return _unmeasured("takedowns", 0.0, "no article is taken down", reason)
    returned = len({each for each, _ in back})
    says = f"{returned:,} of {hidden:,} articles that are taken down come back under another id; none may"
    if back:
        was, new = back[0]
        says += f". The first: {new!r} is {was!r}; take it down as well, or say by --force that it may be shown"
    return Gate("takedowns", returned / hidden, 0.0, not back, says, reason)


def texts_gate(words: float, before: float, limits: GateLimits) -> Gate:
    """Are articles as long as yesterday, nearly? In words an article, on average."""
    reason = "articles do not shrink overnight; a paywall's teaser, or an empty template, came in place of their text"
    if not before:
        return _uncompared("texts", limits.texts_min, f"{words:,.0f} words an article", reason)
    share = words / before
    says = f"{words:,.0f} words an article, {share:.1%} of yesterday's {before:,.0f}; "
    says += f"at least {limits.texts_min:.1%} are wanted"
    return Gate("texts", share, limits.texts_min, share >= limits.texts_min, says, reason)


def quarantine_gate(report: Report, limits: GateLimits) -> Gate:
    """Could nearly all articles be read?"""
    share, bad = report.quarantined_share, report.quarantined_count
    says = f"{bad:,} of {bad + report.articles:,} articles are unusable, {share:.1%}; "
    says += f"at most {limits.quarantine_max:.1%} may be"
    if bad:
        says += f". The first: {report.quarantined[0]['where']}: {report.quarantined[0]['reason']}"
    reason = "one bad article is an accident, many are a source whose format has changed"
    return Gate("quarantine", share, limits.quarantine_max, share <= limits.quarantine_max, says, reason)


def empty_blocks_gate(tonight: Shown, yesterday: Shown | None, limits: GateLimits) -> Gate:
    """Do not many more articles than yesterday have nothing related?"""
    reason = "readers see a page without its block; a rise means that relatedness, texts, or marks broke"
    if yesterday is None:
        says = f"{tonight.empty_share:.1%} of blocks are empty (of sensitive articles {tonight.sensitive_share:.1%})"
        return _uncompared("empty-blocks", limits.empty_blocks_rise_max, says, reason)
    rise = tonight.empty_share - yesterday.empty_share
    says = (
        f"{tonight.empty_share:.1%} of blocks are empty, {yesterday.empty_share:.1%} yesterday "
        f"(of sensitive articles {tonight.sensitive_share:.1%}, {yesterday.sensitive_share:.1%} yesterday); "
        f"a rise of {100 * limits.empty_blocks_rise_max:.1f} points is the most"
    )
    return Gate("empty-blocks", rise, limits.empty_blocks_rise_max, rise <= limits.empty_blocks_rise_max, says, reason)


def overlap_gate(changes: Changes | None, articles: int, limits: GateLimits) -> Gate:
    """Do articles whose text is as it was keep most of their lists?"""
    reason = (
        "where the text did not change, its related articles change little; much change is a fault, or another model"
    )
    kept = changes.changed + changes.unchanged if changes is not None else 0
    if changes is not None and kept >= ARTICLES_COMPARED_MIN and len(changes.overlaps) < COMPARABLE_MIN * kept:
        says = (
            f"{len(changes.overlaps):,} of {kept:,} articles that are still there have yesterday's text, or language; "
        )
        says += f"without {COMPARABLE_MIN:.0%} of them lists are not compared"
        return _lost("overlap", limits.overlap_min, limits.overlap_min <= 0, says, reason)
    if changes is None or not len(changes.overlaps):
        says = "no article with the same text as the night before"
        return _unmeasured("overlap", limits.overlap_min, says, reason)
    overlap = float(changes.overlaps.mean())
    says = f"{overlap:.1%} of the first ten of {len(changes.overlaps):,} unchanged articles are yesterday's"
    if articles < ARTICLES_COMPARED_MIN:
        says += f"; not held to a limit below {ARTICLES_COMPARED_MIN} articles, where a few new ones change every list"
        return Gate("overlap", overlap, limits.overlap_min, True, says, reason)
    says += f"; at least {limits.overlap_min:.1%} are wanted"
    return Gate("overlap", overlap, limits.overlap_min, overlap >= limits.overlap_min, says, reason)


def picks_gate(picks: Picks, articles: int, limits: GateLimits) -> Gate:
    """Do the lists hold as many of the editors' picks as yesterday's?"""
    reason = (
        "editors' picks are the one judgement of people at hand; fewer of them, and not by chance, is a worse index"
    )
    fewer = picks.queries < MEASURED_MIN * picks.queries_before
    if fewer and articles >= ARTICLES_COMPARED_MIN and picks.queries_before - picks.queries >= ARTICLES_LOST_MIN:
        says = (
            f"{picks.queries:,} articles have an editor's pick in the index, {picks.queries_before:,} had yesterday; "
        )
        says += f"at least {MEASURED_MIN:.0%} of them are wanted, to measure by"
        return _lost("picks", limits.picks_drop_max, limits.picks_drop_max >= 1, says, reason)
    if picks.tonight is None:
        return _unmeasured("picks", limits.picks_drop_max, "no article has an editor's pick in the index", reason)
    said = f"{picks.tonight.mean:.1%} of the picks of {picks.queries:,} articles are in their first twelve "
    said += f"({picks.tonight.low:.1%} to {picks.tonight.high:.1%})"
    if picks.change is None or picks.yesterday is None:
        return _uncompared("picks", limits.picks_drop_max, said, reason)
    drop = 0.0 - picks.change.mean
    passed = drop <= limits.picks_drop_max or picks.change.p >= CHANCE_MAX
    says = (
        f"{said}; by the same picks {100 * picks.change.mean:+.1f} points against yesterday's {picks.yesterday:.1%} "
        f"({100 * picks.change.low:+.1f} to {100 * picks.change.high:+.1f}); a drop of more than "
        f"{100 * limits.picks_drop_max:.1f} points that chance does not explain is refused (here p = "
        f"{picks.change.p:.3f})"
    )
    return Gate("picks", drop, limits.picks_drop_max, passed, says, reason)


def languages_gate(tonight: Shown, yesterday: Shown | None, articles: int, limits: GateLimits) -> Gate:
    """Are related articles in the article's own language, where it has enough?"""
    reason = "readers get links they cannot read; a model that tells languages, not subjects, apart shows here"
    before = yesterday.labelled if yesterday is not None else 0.0
    if articles >= ARTICLES_COMPARED_MIN and before > LABELLED_MIN and tonight.labelled < MEASURED_MIN * before:
        says = f"{tonight.labelled:.1%} of articles state their language, {before:.1%} did yesterday; "
        says += f"at least {MEASURED_MIN:.0%} of that are wanted, to measure by"
        return _lost("languages", limits.languages_max, limits.languages_max >= 1, says, reason)
    share = tonight.foreign_share
    if share is None:
        says = "no language, or none with more articles than a block holds"
        return _unmeasured("languages", limits.languages_max, says, reason)
    says = f"{share:.1%} of places hold an article in another language; at most {limits.languages_max:.1%} may"
    return Gate("languages", share, limits.languages_max, share <= limits.languages_max, says, reason)


def hubs_gate(tonight: Shown, articles: int, limits: GateLimits) -> Gate:
    """Do not a few articles stand in all blocks?"""
    reason = "articles that are near everything crowd out what is related; broken texts (a cookie notice) do that"
    says = f"the most shown 1 % of articles take {tonight.hub_share:.1%} of all places"
    if articles < ARTICLES_COMPARED_MIN:
        return _unmeasured("hubs", limits.hubs_max, f"fewer than {ARTICLES_COMPARED_MIN} articles", reason)
    says += f"; at most {limits.hubs_max:.1%} may be"
    return Gate("hubs", tonight.hub_share, limits.hubs_max, tonight.hub_share <= limits.hubs_max, says, reason)


def links_gate(dead: list[str], asked: int, limits: GateLimits) -> Gate:
    """Do the articles' addresses lead somewhere?"""
    reason = "a block of dead links is worse than none; many at once mean that addresses have changed"
    if not asked:
        return _unmeasured("links", limits.links_max, "no address was tried", reason)
    share = len(dead) / asked
    says = f"{len(dead):,} of {asked:,} addresses tried are dead, {share:.1%}; at most {limits.links_max:.1%} may be"
    if dead:
        says += f". The first: {dead[0]}"
    return Gate("links", share, limits.links_max, share <= limits.links_max, says, reason)


def note_gates(gates: list[Gate], report: Report) -> list[Gate]:
    """Put the results into the report, in place of earlier ones of the same gate; return those that failed."""
    report.gates = list(
        ({gate["gate"]: gate for gate in report.gates} | {each.gate: asdict(each) for each in gates}).values()
    )
    return [gate for gate in gates if not gate.passed]


def check_gates(gates: list[Gate], report: Report, force: bool) -> None:
    """Put the results into the report. Raises GateFailed if one failed and the night is not forced."""
    failed = note_gates(gates, report)
    if failed and not force:
        raise GateFailed([gate.gate for gate in failed], "; ".join(f"{gate.gate}: {gate.says}" for gate in failed))
    report.forced.extend(gate.gate for gate in failed if gate.gate not in report.forced)


def for_manifest(report: Report) -> list[dict[str, Any]]:
    """Return what the manifest keeps of the gates: name, value, limit, passed."""
    return [{name: gate[name] for name in ("gate", "value", "limit", "passed")} for gate in report.gates]


def _unmeasured(gate: str, limit: float, says: str, reason: str) -> Gate:
    return Gate(gate, None, limit, True, f"not measured: {says}", reason)


def _lost(gate: str, limit: float, anything_passes: bool, says: str, reason: str) -> Gate:
    """Return the result of a gate that has too little to measure by, where yesterday had enough."""
    return Gate(gate, None, limit, anything_passes, f"cannot be measured any more: {says}", reason)


def _uncompared(gate: str, limit: float, says: str, reason: str) -> Gate:
    return Gate(gate, None, limit, True, f"not compared: {says}, and there is no night before", reason)
