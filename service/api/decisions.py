"""/v1/rules and /v1/changes: what editors want of blocks, and all that was ever decided."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.article import folded
from seealso.editorial.decisions import now
from seealso.editorial.rules import MADE, UNDONE, Action, make_rule_in, read_rules, undo_rule_in, wish_in
from seealso.editorial.store import Change, as_text
from seealso.editorial.takedowns import TAKEN_DOWN
from seealso.editorial.undo import undo_in
from seealso.errors import UnknownChange
from service.api.answers import JSON, answer, decided
from service.api.inputs import ChangesQuery, ReasonQuery, RuleBody, RulesQuery, checked_end
from service.auth import who
from service.deciding import Deciding, deciding
from service.finding import check_name
from service.parts import editors, parts
from service.problems import documented

decisions = APIBlueprint("decisions", __name__, tag="Decisions")
RULE_EXAMPLE = {
    "action": "pin",
    "under": {"article": "tides-explained"},
    "about": {"article": "walking-the-ellen-estuary"},
    "number": 1,
    "reason": "the walk of the week",
}


class RuleFacts(BaseModel):
    """A rule that holds."""

    id: int
    action: Action
    under: dict[str, str] | None = Field(description="whose blocks: of one article, of a section, null: of all")
    about: dict[str, str] | None = Field(description="the article, section, tag or word that it is about")
    number: int | None = Field(description="the place of a pin; how many evergreen pieces")
    since: datetime
    until: datetime | None
    who: str = Field(description="the name of the key, and its id")
    reason: str


class RuleList(BaseModel):
    """The rules that hold now."""

    rules: list[RuleFacts]


class ChangeFacts(BaseModel):
    """One entry of the log."""

    sequence: int
    moment: datetime
    who: str
    action: str
    subject: str
    before: Any = Field(description="how it was, null where there was nothing")
    after: Any = Field(description="how it is, null where there is nothing any more")
    reason: str


class ChangeList(BaseModel):
    """Entries of the log, the newest first."""

    changes: list[ChangeFacts]


@decisions.post("/v1/rules")
@editors
@decisions.input(RuleBody, location="json", arg_name="body", example=RULE_EXAMPLE)
@decisions.output(RuleFacts, description="It holds, in every worker, from the next request on")
@decisions.doc(operation_id="make_rule", security="key", responses=decided(400, 401, 403, 413, 415, 503))
def make(body: RuleBody) -> Response:
    """Pin, exclude, boost or bury under an article, a section, or everywhere; mark an article; ask for evergreens."""
    until, wish = checked_end(body.until), body.wish()
    for field, name in (("about", wish.article), ("under", wish.under_article)):
        if name is not None:
            check_name(parts().current.served, field, name)
    with deciding() as what:
        rule = make_rule_in(what.writing, wish, who(), body.reason, until)
        what.purge_rule(rule.wish, holds=True)
    return answer(orjson.dumps(told(rule.as_json())), JSON)


@decisions.get("/v1/rules")
@editors
@decisions.input(RulesQuery, location="query", arg_name="query")
@decisions.output(RuleList)
@decisions.doc(operation_id="rules", security="key", responses=documented(400, 401, 403, 503))
def list_rules(query: RulesQuery) -> Response:
    """The rules that hold now, the oldest first: all, or those for or about an article or a section."""
    held = parts().editorial.decisions.rules_at(now())
    wishes = [
        rule
        for rule in held
        if (query.article is None or query.article in (rule.wish.article, rule.wish.under_article))
        and (query.section is None or folded(query.section) in rule.wish.sections)
    ]
    return answer(orjson.dumps({"rules": [told(rule.as_json()) for rule in wishes]}), JSON)


@decisions.delete("/v1/rules/<int:rule_id>")
@editors
@decisions.input(ReasonQuery, location="query", arg_name="query")
@decisions.output(RuleFacts, description="The rule, which holds no more")
@decisions.doc(operation_id="undo_rule", security="key", responses=decided(400, 401, 403, 404, 503))
def drop(rule_id: int, query: ReasonQuery) -> Response:
    """Have a rule hold no more."""
    with deciding() as what:
        found = read_rules(what.writing.connection, [rule_id])
        if not found:
            raise UnknownChange(f"there is no rule {rule_id}; /v1/rules lists those that hold")
        (rule,) = found
        undo_rule_in(what.writing, rule, who(), query.reason)
        what.purge_rule(rule.wish, holds=False)
    return answer(orjson.dumps(told(rule.as_json())), JSON)


@decisions.get("/v1/changes")
@editors
@decisions.input(ChangesQuery, location="query", arg_name="query")
@decisions.output(ChangeList)
@decisions.doc(operation_id="changes", security="key", responses=documented(400, 401, 403, 503))
def list_changes(query: ChangesQuery) -> Response:
    """What was decided, by whom, when and why: the newest first. Of one article, rule or key: `subject` is its id."""
    found = parts().editorial.store().changes(query.after, query.subject, query.limit, newest_first=True)
    return answer(orjson.dumps({"changes": [_change(each) for each in found]}), JSON)


@decisions.post("/v1/changes/<int:sequence>/undo")
@editors
@decisions.input(ReasonQuery, location="query", arg_name="query")
@decisions.output(ChangeFacts, description="The change that was undone")
@decisions.doc(operation_id="undo", security="key", responses=decided(400, 401, 403, 404, 409, 503))
def undo_change(sequence: int, query: ReasonQuery) -> Response:
    """Undo a takedown, the restoring of an article, a rule, or the undoing of one."""
    with deciding() as what:
        change = undo_change_in(what, sequence, query.reason)
    return answer(orjson.dumps(_change(change)), JSON)


def undo_change_in(what: Deciding, sequence: int, reason: str) -> Change:
    """Undo a change, as a part of what is decided, and have caches told; return it. Raises UnknownChange, NotUndone."""
    change = undo_in(what.writing, sequence, who(), reason)
    if change is None:
        raise UnknownChange(f"there is no change {sequence}; /v1/changes lists them")
    if change.action in (MADE, UNDONE):
        what.purge_rule(wish_in(change.after or change.before), holds=change.action == UNDONE)
    else:
        to_drop = parts().to_drop
        purge = (to_drop.shown if change.action == TAKEN_DOWN else to_drop.hidden)(change.subject)
        what.purge({"article": change.subject, "reason": "undo", **purge})
    return change


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as the API tells it."""
    under = {name.removeprefix("under_"): said[name] for name in ("under_article", "under_section") if name in said}
    about = {name: said[name] for name in ("article", "section", "tag", "word") if name in said}
    facts = {name: said.get(name) for name in ("id", "action", "number", "since", "until", "who", "reason")}
    return facts | {"under": under or None, "about": about or None}


def _change(change: Change) -> dict[str, Any]:
    return {
        "sequence": change.sequence,
        "moment": as_text(change.moment),
        "who": change.who,
        "action": change.action,
        "subject": change.subject,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
    }
