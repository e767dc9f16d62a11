"""A draft's text -> what the page of a draft tells: what is covered, links worth inserting, the block it will get."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson
from markupsafe import Markup, escape

from seealso.article import is_web
from seealso.editorial.decisions import now
from seealso.relatedness import nearest
from seealso.snapshot.snapshot import Snapshot
from service.admission import Admission
from service.api.similar import ruling_of
from service.covered import Covered, already_covered
from service.desk.article import MODES, shown_item
from service.desk.find import states_of
from service.desk.wording import ago, day, likelihood
from service.finding import Found, by_meaning
from service.linked_text import Place, link_as_html, link_as_markdown, pieces_of
from service.linking import Link, links_worth
from service.parts import as_decided, parts
from service.related import blocks_of_text
from service.texts import title_and_text
from service.wanted import Wanted

# Links lead to some of so many of the most related articles, of which none is less likely than this.
LINKED_AMONG = 40
LINKED_PROBABILITY_MIN = 0.02
# From this on a link is chosen as the page opens ('probably').
CHOSEN_PROBABILITY_MIN = 0.2
SENTENCE_CHARACTERS_MAX = 260


def told_of(text: str) -> dict[str, Any]:
    """Return what is told of a draft. Raises what the encoder raises."""
    return as_decided(partial(_told_of, *title_and_text(text)))


def _told_of(title: str, body: str, snapshot: Snapshot) -> tuple[dict[str, Any], set[int]]:
    draft = parts().texts.draft(snapshot, title, body, None)
    everywhere = nearest(snapshot.vectors, snapshot.terms, draft.probes)
    found = by_meaning(snapshot, draft, snapshot.here, everywhere)
    assert found.own is not None
    covered = already_covered(snapshot, draft, found.own, found.rows, now().timestamp())
    itself = {each.row for each in covered if each.same_text}
    wanted = [Wanted(mode=mode, explain=True) for mode in MODES]
    blocks = blocks_of_text(snapshot, draft, wanted, partial(ruling_of, snapshot), everywhere)
    links = links_worth(snapshot, draft, *_linkable(snapshot, found, itself))
    places = [Place(link.start, link.end, _card(snapshot, link.row)["url"]) for link in links]
    pieces = pieces_of(title, body, places)
    of_blocks = (item.row for block in blocks for item in block)
    rows = {*of_blocks, *(each.row for each in covered), *(link.row for link in links)}
    return {
        "title": title,
        "words": len(draft.words),
        "covered": [_covered(snapshot, each) for each in covered],
        "verdict": _verdict(covered),
        "blocks": [
            (mode, [shown_item(snapshot, item, {}) for item in block if item.row not in itself])
            for mode, block in zip(MODES, blocks, strict=True)
        ],
        "links": [_link(snapshot, body, link, place) for link, place in zip(links, places, strict=True)],
        "pieces": orjson.dumps([list(piece) if piece.link is not None else piece[:2] for piece in pieces]).decode(),
    }, rows


def _linkable(snapshot: Snapshot, found: Found, itself: set[int]) -> tuple[list[int], list[float]]:
    """Return the rows that links may lead to: of articles that may be shown, and have an address."""
    assert found.probabilities is not None
    rows, chances = found.rows[:LINKED_AMONG], found.probabilities[:LINKED_AMONG]
    ruling = ruling_of(snapshot, None)
    may = Admission(snapshot, Wanted(stories="all"), excluded=ruling.excluded).of(rows)
    may &= (chances >= LINKED_PROBABILITY_MIN) & ~np.isin(rows, [*itself])
    passed = [
        (row, chance)
        for row, chance in zip(rows[may].tolist(), chances[may].tolist(), strict=True)
        if is_web(_card(snapshot, row)["url"])
    ]
    return [row for row, _ in passed], [chance for _, chance in passed]


def _verdict(covered: Sequence[Covered]) -> str:
    """Return in a sentence whether a draft is covered."""
    if not covered:
        return ""
    if covered[0].same_text:
        return "This text is in the archive already."
    sure = [each for each in covered if each.sure]
    told = sure or covered
    days = sorted(each.days for each in told if each.days is not None)
    number = "One piece tells" if len(told) == 1 else f"{len(told)} pieces tell"
    within = ""
    if len(days) > 1:
        span = days[-1] - days[0]
        within = f", within {span:,} days" if span > 1 else ", all in two days" if span else ", all on one day"
    last = f"; the last is of {ago(days[0])}" if days else ""
    if sure:
        return f"Surely covered already. {number} the same story{within}{last}."
    return f"Probably covered already. {number} nearly the same{within}{last}."


def _covered(snapshot: Snapshot, each: Covered) -> dict[str, Any]:
    card = _card(snapshot, each.row)
    return {
        "card": card,
        "day": day(card["published"]),
        "ago": "" if each.days is None else ago(each.days),
        "states": states_of(snapshot, each.row),
        "chance": "surely" if each.sure else "probably",
        "what": "the same text" if each.same_text else "the same story" if each.sure else "nearly the same",
    }


def _link(snapshot: Snapshot, body: str, link: Link, place: Place) -> dict[str, Any]:
    card, phrase = _card(snapshot, link.row), body[link.start : link.end]
    return {
        "card": card,
        "day": day(card["published"]),
        "chance": likelihood(link.probability),
        "probability": link.probability,
        "chosen": link.probability >= CHOSEN_PROBABILITY_MIN,
        "phrase": phrase,
        "sentence": _sentence(body, link),
        "html": link_as_html(phrase, place.url),
        "markdown": link_as_markdown(phrase, place.url),
    }


def _sentence(body: str, link: Link) -> Markup:
    """Return the sentence of a link with the phrase marked, as much of it as is read at a glance."""
    before, after = body[link.sentence_start : link.start], body[link.end : link.sentence_end]
    room_left = max(0, SENTENCE_CHARACTERS_MAX - (link.end - link.start)) // 2
    if len(before) > room_left:
        before = "… " + before[-room_left:].partition(" ")[2]
    if len(after) > room_left:
        after = after[:room_left].rpartition(" ")[0] + " …"
    return escape(before) + Markup("<mark>") + escape(body[link.start : link.end]) + Markup("</mark>") + escape(after)


def _card(snapshot: Snapshot, row: int) -> dict[str, Any]:
    card: dict[str, Any] = orjson.loads(snapshot.card(row))
    return card
