"""Decisions, each as a change of its own: what programs make as a part of all that they write at once."""

from collections.abc import Sequence
from datetime import datetime

from seealso.editorial.rules import Rule, Wish, make_rule_in, read_rules, undo_rule_in
from seealso.editorial.store import Change, Store
from seealso.editorial.takedowns import Takedown, restore_in, take_down_in
from seealso.editorial.undo import undo_in


def take_down(store: Store, articles: Sequence[str], who: str, reason: str, until: datetime | None) -> list[Takedown]:
    with store.writing() as writing:
        return [take_down_in(writing, article, who, reason, until) for article in articles]


def restore(store: Store, article: str, who: str, reason: str) -> Takedown | None:
    with store.writing() as writing:
        return restore_in(writing, article, who, reason)


def make_rule(store: Store, wish: Wish, who: str, reason: str, until: datetime | None = None) -> Rule:
    with store.writing() as writing:
        return make_rule_in(writing, wish, who, reason, until)


def undo_rule(store: Store, rule_id: int, who: str, reason: str) -> Rule:
    with store.writing() as writing:
        (rule,) = read_rules(writing.connection, [rule_id])
        undo_rule_in(writing, rule, who, reason)
        return rule


def undo(store: Store, sequence: int, who: str, reason: str) -> Change | None:
    with store.writing() as writing:
        return undo_in(writing, sequence, who, reason)
