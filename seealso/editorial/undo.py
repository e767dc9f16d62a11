"""Undoing a change: what it did is done back, as a change of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from seealso.editorial.articles import PUT, REMOVED
from seealso.editorial.rules import MADE, UNDONE, make_rule_in, read_rules, undo_rule_in, wish_in
from seealso.editorial.store import Change, Writing, as_moment, changes_on
from seealso.editorial.takedowns import RESTORED, TAKEN_DOWN, restore_in, take_down_in
from seealso.errors import NotUndone


def undo_in(writing: Writing, sequence: int, who: str, reason: str) -> Change | None:
    """Undo a change, as a part of what is written, and return it, None if there is none. Raises NotUndone."""
    found = changes_on(writing.connection, sequence - 1, most=1)
    if not found or found[0].sequence != sequence:
        return None
    change = found[0]
    # What an article is, and whether it may be shown, are two things.
    later = [
        each for each in changes_on(writing.connection, sequence, change.subject) if each.action not in (PUT, REMOVED)
    ]
    if later:
        raise NotUndone(f"change {later[0].sequence} ({later[0].action}) came after it; undo that first")
    _undo(writing, change, who, reason)
    return change


def _undo(writing: Writing, change: Change, who: str, reason: str) -> None:
    match change.action:
        # What has ended by now is none: the article is shown again, and blocks are made anew as for any other.
        case _ if change.action == TAKEN_DOWN and (change.before is None or _ended(change.before, writing.moment)):
            restore_in(writing, change.subject, who, reason)
        case _ if change.action in (TAKEN_DOWN, RESTORED):
            _take_down_as(writing, change.before, who)
        case _ if change.action == MADE:
            (rule,) = read_rules(writing.connection, [change.sequence])
            undo_rule_in(writing, rule, who, reason)
        case _ if change.action == UNDONE:
            before: Mapping[str, Any] = change.before
            wish, until = wish_in(before), as_moment(before["until"])
            held = [rule for rule in read_rules(writing.connection) if rule.holds_at(writing.moment)]
            if any(rule.wish == wish and rule.until == until for rule in held):
                raise NotUndone("the same rule holds again already")
            make_rule_in(writing, wish, who, reason, until)
        case _:
            raise NotUndone(f"a {change.action!r} cannot be undone")


def _ended(before: Mapping[str, Any], moment: datetime) -> bool:
    until = as_moment(before["until"])
    return until is not None and until <= moment


def _take_down_as(writing: Writing, before: Mapping[str, Any], who: str) -> None:
    take_down_in(writing, before["article"], who, before["reason"], as_moment(before["until"]))
