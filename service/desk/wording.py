"""How the desk says things: a probability in a word, a day as people write it, shared terms marked, rules in words."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from seealso.editorial.articles import PUT, REMOVED
from seealso.editorial.keys import CREATED, REVOKED
from seealso.editorial.rollbacks import ROLLED_BACK
from seealso.editorial.rules import MADE, UNDONE
from seealso.editorial.store import Change
from seealso.editorial.takedowns import RESTORED, TAKEN_DOWN
from seealso.words import words
from service.api.decisions import told as told_rule

# From which probability on which word is said. It was fitted to links that people made by hand, who make few of those
# they would agree to: what one of five makes is probably related, and what every second makes, surely.
LIKELIHOODS = ((0.5, "surely"), (0.2, "probably"), (0.0, "perhaps"))
REASON_UNSAID = "no reason was given at the desk"
_TOKEN = re.compile(r"[\w'’]+")


def likelihood(probability: float) -> str:
    """Return in a word how sure it is that two articles are related."""
    return next(word for least, word in LIKELIHOODS if probability >= least)


def marked(text: str, terms: Iterable[str]) -> Markup:
    """Return a text as HTML with the words of some terms marked, in whatever form they stand there."""
    wanted = {word for term in terms for word in words(term)}
    parts, end = [], 0
    for match in _TOKEN.finditer(text):
        if wanted.isdisjoint(words(match.group())):
            continue
        parts += [escape(text[end : match.start()]), Markup("<mark>"), escape(match.group()), Markup("</mark>")]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def day(moment: str | int | datetime | None) -> str:
    """Return a moment's day, as '3 March 2025'; '' for none. ISO 8601, or seconds since 1970."""
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    return f"{moment.day} {moment:%B %Y}"


def clock(moment: str | datetime | None) -> str:
    """Return a moment as '3 March 2025, 14:05 UTC'; '' for none."""
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    moment = moment.astimezone(UTC)
    return f"{day(moment)}, {moment:%H:%M} UTC"


def ends_in(until: datetime | None, moment: datetime) -> str:
    """Return when something ends, as 'ends in 3 days'; '' where it does not."""
    if until is None:
        return ""
    seconds = (until - moment).total_seconds()
    if seconds <= 0:
        return "ended"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = round(seconds / length)
        if count >= 2 or (count == 1 and unit == "minute"):
            return f"ends in {count:,} {unit}{'s' * (count != 1)}"
    return "ends now"


def size(count: int) -> str:
    """Return a number of bytes as '1.2 GB'."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{count / length:,.1f} {unit}"
    return f"{count:,} bytes"


def sentence(reason: str) -> str:
    """Return a reason as a sentence begins; one that begins with an address stays as it is."""
    return reason if reason.startswith("http") else reason[:1].upper() + reason[1:]


def ago(days: int) -> str:
    """Return how long ago something was, as people say it."""
    if days < 2:
        return "yesterday" if days else "today"
    for least, size, name in ((730, 365, "years"), (60, 30, "months")):
        if days >= least:
            return f"{days // size:,} {name} ago"
    return f"{days} days ago"


def rule_in_words(said: Mapping[str, Any], title_of: Callable[[str], str]) -> str:
    """Return what a rule wants, as a sentence; `said` as the API tells it, `title_of`: an article's id -> its title."""
    about, under = said.get("about") or {}, said.get("under") or {}
    kind, name = next(iter(about.items()), ("", ""))
    what = f"“{title_of(name)}”" if kind == "article" else f"the {kind} “{name}”"
    where = "all blocks"
    if "article" in under:
        where = f"the block of “{title_of(under['article'])}”"
    elif "section" in under:
        where = f"the blocks of the section “{under['section']}”"
    number = said.get("number")
    return {
        "pin": f"{what} stands at place {number or 1} of {where}",
        "exclude": f"{what} is kept out of {where}",
        "boost": f"{what} is preferred in {where}",
        "bury": f"{what} gives way to others in {where}",
        "sensitive": f"{what} is sensitive: it is shown nowhere, and has no block",
        "sponsored": f"{what} is sponsored: it is shown in no block",
        "evergreen": f"at least {number} evergreen pieces stand in {where}",
    }[said["action"]]


def change_in_words(change: Change, title_of: Callable[[str], str]) -> str:
    """Return what was decided, as a sentence."""
    said = change.after or change.before
    if change.action in (MADE, UNDONE):
        rule = rule_in_words(told_rule(said), title_of)
        return rule if change.action == MADE else f"No more: {rule}"
    what = f"“{title_of(change.subject)}”"
    return {
        TAKEN_DOWN: f"{what} was taken down",
        RESTORED: f"{what} is shown again",
        PUT: f"{what} was put by the content system",
        REMOVED: f"{what} was removed by the content system",
        CREATED: f"The key “{(said or {}).get('name')}” was made",
        REVOKED: f"The key “{(said or {}).get('name')}” was revoked",
        ROLLED_BACK: f"The snapshot {(said or {}).get('snapshot')} is served again",
    }.get(change.action, f"{change.action}: {change.subject}")
