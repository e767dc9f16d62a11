"""Decisions on one article's block that are not made yet: what the block would be, and making them, all or none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from seealso.article import folded
from seealso.editorial.decisions import now
from seealso.editorial.rules import Rule, make_rule_in, read_rules, undo_rule_in
from seealso.errors import UnknownChange
from seealso.snapshot.snapshot import Snapshot
from service.api.decisions import undo_change_in
from service.api.inputs import PlanBody, RelatedQuery, checked_end
from service.auth import who
from service.blocks import row_of
from service.deciding import deciding
from service.desk.wording import REASON_UNSAID
from service.parts import parts
from service.related import Item, related_to_article
from service.rulings import Ruling
from service.wanted import Mode, Wanted

# So many stand below the block: to say why costs a millisecond each.
BELOW_MAX = 20
# A rule that is only planned has no change it was made by.
PLANNED = 0


class Seen(NamedTuple):
    """A block, and what did not get into it: candidates below it, best first; and the rules that hold for it."""

    snapshot: Snapshot
    row: int
    block: list[Item]
    candidates: list[Item]
    rules: list[Rule]


def rules_with(plan: PlanBody) -> list[Rule]:
    """Return the rules that would hold if a plan were carried out. Raises InvalidRequest for one that means nothing."""
    moment = now()
    held = [rule for rule in parts().editorial.decisions.rules_at(moment) if rule.id not in plan.undo]
    for planned in plan.make:
        wish = planned.wish()
        wish.check()
        held.append(Rule(PLANNED, wish, moment, checked_end(planned.until), who(), ""))
    return held


def wanted_by(mode: Mode, placement: str | None) -> Wanted:
    """Return what a placement of the website asks for, or else a mode, with reasons.

    Raises InvalidRequest if no placement has the name.
    """
    said = {"placement": placement} if placement else {"mode": mode}
    return RelatedQuery.model_validate(said | {"explain": True}).wanted(parts().placements)


def see(article_id: str, wanted: Wanted, plan: PlanBody | None = None) -> Seen:
    """Return an article's block as readers see it, or would if a plan were carried out.

    Raises UnknownArticle, TakenDown, InvalidRequest.
    """
    here = parts()
    if plan is None or not (plan.make or plan.undo):
        snapshot, rulings = here.current.snapshot(), here.blocks.rulings
        rules = here.editorial.decisions.rules_at(now())
    else:
        rules = rules_with(plan)
        snapshot, rulings = here.views.as_if(rules)
    row = row_of(snapshot, article_id)
    ruling = rulings.of_article(snapshot, row)
    block = here.blocks.ruled(snapshot, row, wanted, ruling)
    return Seen(snapshot, row, block, _below(snapshot, row, block, wanted, ruling), _about(snapshot, row, rules))


def save(plan: PlanBody) -> list[int]:
    """Carry a plan out, all of it or nothing; return the changes in the log, the last first.

    Raises InvalidRequest, UnknownChange, StoreUnavailable.
    """
    reason = plan.reason or REASON_UNSAID
    with deciding() as what:
        first = what.writing.sequence + 1
        for rule_id in dict.fromkeys(plan.undo):
            found = read_rules(what.writing.connection, [rule_id])
            if not found or not found[0].holds_at(now()):
                raise UnknownChange(f"rule {rule_id} holds no more; load the page anew to see what does")
            undo_rule_in(what.writing, found[0], who(), reason)
            what.purge_rule(found[0].wish, holds=False)
        for planned in plan.make:
            rule = make_rule_in(what.writing, planned.wish(), who(), reason, checked_end(planned.until))
            what.purge_rule(rule.wish, holds=True)
        changes = range(first, what.writing.sequence + 1)
    return [*reversed(changes)]


def undo_all(changes: Sequence[int]) -> None:
    """Undo changes, in this order, all or none. Raises UnknownChange, NotUndone, StoreUnavailable."""
    with deciding() as what:
        for sequence in changes:
            undo_change_in(what, sequence, "undone at the desk")


def _below(snapshot: Snapshot, row: int, block: Sequence[Item], wanted: Wanted, ruling: Ruling) -> list[Item]:
    """Return what is related and did not get into the block: less likely, or of a story that is told already."""
    more = replace(wanted, limit=wanted.limit + BELOW_MAX, min_probability=0.0, stories="all")
    shown = {item.row for item in block}
    below = [item for item in related_to_article(snapshot, row, more, ruling=ruling) if item.row not in shown]
    return below[:BELOW_MAX]


def _about(snapshot: Snapshot, row: int, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that are for an article's block, or about the article, the latest first."""
    article_id, number = snapshot.article_id(row), int(snapshot.facts["section"][row])
    section = folded(snapshot.sections[number]) if number >= 0 else None
    found = []
    for rule in rules:
        wish = rule.wish
        own = article_id in (wish.under_article, wish.article)
        in_section = section in wish.sections
        if own or in_section or (wish.under_article is None and wish.under_section is None and wish.article is None):
            found.append(rule)
    return found[::-1]
