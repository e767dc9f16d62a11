"""Rules: what editors want shown, and not shown, in the blocks of one article, of a section, or in all.

A rule says whose blocks it is for, what it does, and mostly what it is about. It holds until it ends or is undone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from seealso.article import folded
from seealso.editorial.schema import rules
from seealso.editorial.store import Writing, as_moment, as_text
from seealso.errors import InvalidRequest

# pin: the article stands at a place of the block. exclude: what it is about is not shown. boost, bury: it stands
# higher, lower. sensitive: the article is shown nowhere, and its own block is empty. sponsored: it is shown nowhere.
# evergreen: so many of the block at least do not age.
Action = Literal["pin", "exclude", "boost", "bury", "sensitive", "sponsored", "evergreen"]
ACTIONS: tuple[Action, ...] = get_args(Action)
ABOUT = ("article", "section", "tag", "word")
MADE, UNDONE = "rule-made", "rule-undone"
NUMBER_MAX = 50
# action: what it may be about; whether it needs a number; whose blocks it may be for.
FORMS: dict[Action, tuple[tuple[str, ...], bool, tuple[str, ...]]] = {
    "pin": (("article",), True, ("article", "section")),
    "exclude": (ABOUT, False, ("article", "section", "all")),
    "boost": (ABOUT, False, ("article", "section", "all")),
    "bury": (ABOUT, False, ("article", "section", "all")),
    "sensitive": (("article",), False, ("all",)),
    "sponsored": (("article",), False, ("all",)),
    "evergreen": ((), True, ("article", "section", "all")),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule does. `under_article`, `under_section`: whose blocks, of all if both are None.

    What it is about is the one of `article`, `section`, `tag` and `word` (of a title) that is not None. `number`: the
    place of a pin, from 1 on; how many evergreen pieces there are at least.
    """

    action: Action
    under_article: str | None = None
    under_section: str | None = None
    article: str | None = None
    section: str | None = None
    tag: str | None = None
    word: str | None = None
    number: int | None = None

    @property
    def sections(self) -> list[str]:
        """Return the sections that it names, folded."""
        return [folded(section) for section in (self.under_section, self.section) if section is not None]

    def check(self) -> None:
        """Raise InvalidRequest if it means nothing."""
        about, numbered, places = FORMS[self.action]
        given = [name for name in ABOUT if getattr(self, name) is not None]
        if about and (len(given) != 1 or given[0] not in about):
            raise InvalidRequest(given[0] if given else about[0], f"{self.action!r} needs one of {', '.join(about)}")
        if given and not about:
            raise InvalidRequest(given[0], f"{self.action!r} is about no {given[0]}; leave it out")
        if self.under_article is not None and self.under_section is not None:
            raise InvalidRequest("under", "is an article or a section, not both")
        place = "article" if self.under_article is not None else "section" if self.under_section is not None else "all"
        if place not in places:
            allowed = " or ".join("all blocks" if each == "all" else f"the blocks of one {each}" for each in places)
            raise InvalidRequest("under", f"{self.action!r} is for {allowed}")
        if numbered and not 1 <= (self.number or 0) <= NUMBER_MAX:
            raise InvalidRequest("number", f"{self.action!r} needs a number from 1 to {NUMBER_MAX}")
        if self.number is not None and not numbered:
            raise InvalidRequest("number", f"{self.action!r} needs no number; leave it out")
        if self.article is not None and self.article == self.under_article:
            raise InvalidRequest("article", "is the article under which it would stand")


@dataclass(frozen=True, slots=True)
class Rule:
    """A wish that somebody has made: since when and until when (UTC; None: for good), by whose word and why.

    `id` is the change by which it was made.
    """

    id: int
    wish: Wish
    since: datetime
    until: datetime | None
    who: str
    reason: str

    @property
    def subject(self) -> str:
        """Return what the log calls it; an article may have the same number as its id."""
        return f"rule:{self.id}"

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment."""
        return self.until is None or moment < self.until

    def as_json(self) -> dict[str, Any]:
        """Return it as the log and the API tell it."""
        said = {name: value for name, value in asdict(self.wish).items() if value is not None}
        moments = {"since": as_text(self.since), "until": self.until and as_text(self.until)}
        return {"id": self.id, **said, **moments, "who": self.who, "reason": self.reason}


def make_rule_in(writing: Writing, wish: Wish, who: str, reason: str, until: datetime | None) -> Rule:
    """Have a wish hold, as a part of what is written; what pins the same place of the same blocks is undone.

    Raises InvalidRequest.
    """
    wish.check()
    for other in read_rules(writing.connection) if wish.action == "pin" else ():
        if replace(other.wish, article=wish.article) == wish:
            undo_rule_in(writing, other, who, f"another is pinned there: {reason}")
    rule = Rule(writing.sequence + 1, wish, writing.moment, until, who, reason)
    recorded = writing.record(who, MADE, rule.subject, None, rule.as_json(), reason)
    assert recorded == rule.id
    moments = {"since": as_text(rule.since), "until": until and as_text(until)}
    row = {"id": rule.id, **asdict(wish), **moments, "who": who, "reason": reason}
    writing.connection.execute(rules.insert().values(row))
    return rule


def undo_rule_in(writing: Writing, rule: Rule, who: str, reason: str) -> None:
    """Have a rule hold no more, as a part of what is written."""
    writing.connection.execute(rules.delete().where(rules.c.id == rule.id))
    writing.record(who, UNDONE, rule.subject, rule.as_json(), None, reason)


def read_rules(connection: sa.Connection, ids: Iterable[int] | None = None) -> list[Rule]:
    """Return some rules or all, the oldest first, ended ones included."""
    asked = sa.select(rules).order_by(rules.c.id)
    if ids is not None:
        asked = asked.where(rules.c.id.in_(list(ids)))
    return [_rule(row) for row in connection.execute(asked)]


def wish_in(said: Mapping[str, Any]) -> Wish:
    """Return the wish of a rule, as `Rule.as_json` tells it."""
    return Wish(**{field.name: said[field.name] for field in fields(Wish) if field.name in said})


def _rule(row: Any) -> Rule:
    wish = Wish(
        row.action, row.under_article, row.under_section, row.article, row.section, row.tag, row.word, row.number
    )
    return Rule(row.id, wish, datetime.fromisoformat(row.since), as_moment(row.until), row.who, row.reason)
