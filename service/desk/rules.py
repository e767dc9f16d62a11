"""/desk/rules: all rules and takedowns that hold, what ends soon and what ended, undoing them, and making any rule."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from seealso.editorial.decisions import now
from seealso.editorial.rules import FORMS, NUMBER_MAX, Action, Rule
from seealso.errors import UnknownArticle
from service.api.answers import JSON, answer
from service.api.decisions import told
from service.desk.listing import listed, titles_of
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import ends_in, rule_in_words
from service.finding import named_row
from service.parts import parts

rules_room = room("rules")
PAGE = 30
# What ends within so long is shown apart; and of what ended, the latest few.
SOON = timedelta(days=7)
SOON_SHOWN, ENDED_SHOWN = 10, 10

Show = Literal["all", "everywhere", "sections", "articles", "takedowns"]
GROUPS: dict[str, str] = {"everywhere": "In all blocks", "sections": "For sections", "articles": "For single articles"}
# What each action is called, and does, for whoever has never made a rule.
ACTIONS: dict[Action, tuple[str, str]] = {
    "pin": ("Pin", "An article stands at a place of one article’s block, or of all blocks in a section."),
    "exclude": ("Keep out", "An article, or all of a section, a tag, or with a word in the title, is not shown."),
    "boost": ("Prefer", "It stands higher in blocks, where it is related at all."),
    "bury": ("Let give way", "It stands lower in blocks: others go before it."),
    "sensitive": ("Mark sensitive", "The article is shown nowhere, and no block stands under it."),
    "sponsored": ("Mark sponsored", "The article is shown in no block; it keeps its own."),
    "evergreen": (
        "Ask for evergreens",
        "So many pieces that do not age stand in the block, if there are any.",
    ),
}


class RulesRoomQuery(BaseModel):
    """Which rules are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    show: Show = "all"
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class NamedQuery(BaseModel):
    """What somebody typed for an article: its id, or its address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, Field(max_length=2_000)]


class Held(NamedTuple):
    """A rule or takedown as it is listed: in words, who made it, since when, and until when."""

    id: Any
    group: str
    words: str
    who: str
    reason: str
    since: datetime
    until: datetime | None
    ends: str
    soon: bool


@rules_room.get("/rules")
@looking
def rules() -> Response:
    """The rules and takedowns that hold, and a form for another."""
    query = query_of(RulesRoomQuery)
    decisions, moment = parts().editorial.decisions, now()
    held = sorted(decisions.rules_at(moment), key=lambda rule: ([*GROUPS].index(group_of(rule)), -rule.id))
    down = [each for each in decisions.takedowns.values() if each.holds_at(moment)]
    down.sort(key=lambda each: each.since, reverse=True)
    counts = {"all": len(held), **{name: sum(group_of(rule) == name for rule in held) for name in GROUPS}}
    if query.show != "all":
        held = [rule for rule in held if group_of(rule) == query.show]
    shown: Any = listed(down if query.show == "takedowns" else held, query.page, PAGE)
    ended = [rule for rule in decisions.rules.values() if not rule.holds_at(moment)]
    ended.sort(key=lambda rule: rule.until or moment, reverse=True)
    soon = [rule for rule in decisions.rules_at(moment) if rule.until and rule.until - moment < SOON]
    soon.sort(key=lambda rule: rule.until or moment)
    snapshot = parts().current.served
    return page(
        "rules.html",
        query=query,
        groups=GROUPS,
        counts=counts | {"takedowns": len(down)},
        listing=shown,
        items=[_taken(each, moment) if query.show == "takedowns" else _held(each, moment) for each in shown.items],
        soon=[_held(rule, moment) for rule in soon[:SOON_SHOWN]],
        ended=[_held(rule, moment) for rule in ended[:ENDED_SHOWN]],
        actions=ACTIONS,
        forms={action: {"about": about, "under": under, "number": numbered}
               for action, (about, numbered, under) in FORMS.items()},
        number_max=NUMBER_MAX,
        sections=() if snapshot is None else snapshot.sections,
    )  # fmt: skip


@rules_room.get("/rules/article")
@looking
def named() -> Response:
    """Which article somebody means who typed its id or its address."""
    query = query_of(NamedQuery)
    snapshot, asked = parts().current.snapshot(), query.q.strip()
    row = named_row(snapshot, asked)
    if row is None:
        raise UnknownArticle(asked, snapshot.id)
    return answer(orjson.dumps({"id": snapshot.article_id(row), "title": snapshot.title(row)}), JSON)


def group_of(rule: Rule) -> str:
    """Return for whose blocks a rule is."""
    if rule.wish.under_article is not None:
        return "articles"
    return "sections" if rule.wish.under_section is not None else "everywhere"


def _held(rule: Rule, moment: datetime) -> Held:
    words = rule_in_words(told(rule.as_json()), titles_of(parts().current.served))
    soon = rule.until is not None and rule.until - moment < SOON
    ends = ends_in(rule.until, moment)
    return Held(rule.id, group_of(rule), words, rule.who, rule.reason, rule.since, rule.until, ends, soon)


def _taken(each: Any, moment: datetime) -> Held:
    title = titles_of(parts().current.served)(each.article)
    soon = each.until is not None and each.until - moment < SOON
    words, ends = f"“{title}” is shown nowhere", ends_in(each.until, moment)
    return Held(each.article, "takedowns", words, each.who, each.reason, each.since, each.until, ends, soon)
