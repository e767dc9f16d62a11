"""Candidates -> rules -> block: which articles are shown for one article, or for a text.

It answers with rows of a snapshot; how they are shown is not its business. What may be shown is told in
`service.admission`, in which order in `seealso.order`, and why in `service.why`.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import orjson

from seealso.arrays import Rows, Scores
from seealso.order import CHOSEN_AMONG, choose, foreign_among
from seealso.recipe import Recipe
from seealso.relatedness import CANDIDATES_MAX, Cohorts, Nearest, Probes, candidates, cohorts_of, nearest, rank, scored
from seealso.snapshot.files import NO_PLACE, PLAIN_MAX
from seealso.snapshot.snapshot import Snapshot
from service.admission import Admission
from service.baton import BATON
from service.modes import worth_of
from service.rulings import NO_RULING, Ruling
from service.wanted import Wanted
from service.why import Draft, reasons

# Among so many of the nearest articles a pasted text is looked for.
PASTED_LOOKED_AT = 5
# A shorter text that stands in an article may be a phrase of it, and no article that was pasted.
PASTED_SHARE_MIN = 0.7
# A report is as bound to its days as this at least (facts 'eventful').
EVENTFUL_FROM = 0.5


# Row, score, probability.
_Chosen = tuple[int, float, float]


class Item(NamedTuple):
    """One article of a block: its row in the snapshot, its score and probability, whether an editor put it there, why
    it is there if asked for, and the team of a trial that put it there.
    """

    row: int
    score: float
    probability: float
    pinned: bool = False
    why: dict[str, Any] | None = None
    team: str = ""


@dataclass(slots=True)
class Footing:
    """What a block rests on beside what it shows: with it, it would be another.

    `searched`: whether all of the snapshot was looked through for it, and not only the candidates; `tellings`: the rows
    for which it shows what it shows, those among them that have others of their stories in their places.
    """

    searched: bool = False
    tellings: set[int] = field(default_factory=set)


def related_to_article(
    snapshot: Snapshot,
    row: int,
    wanted: Wanted,
    met: Sequence[int] = (),
    ruling: Ruling = NO_RULING,
    recipe: Recipe | None = None,
    footing: Footing | None = None,
) -> list[Item]:
    """Return the block of an article, best first; empty for an article marked sensitive.

    Never holds the article itself, another of its story, sponsored or sensitive articles, or one article twice; nothing
    below the least probability. `met`: rows that the reader meets elsewhere on the page; neither they nor others of
    their stories are in it. Has `limit` items wherever that many pass: where the stored candidates do not suffice, the
    whole snapshot is searched. `ruling`: what editors want of it; what they pinned within `limit` may be of the
    article's own story, and as unlikely as it is. `recipe`: another than the snapshot's, by which its candidates are
    scored anew. `footing` is filled in.
    """
    if snapshot.sensitive[row]:
        return []
    footing, own = footing or Footing(), snapshot.cohorts[row : row + 1]
    chosen = None
    if recipe is not None:
        snapshot = replace(snapshot, recipe=recipe)
    elif wanted.is_plain and ruling.leaves_candidates and not met:
        chosen = _plain(snapshot, row, wanted.limit, footing)
    if chosen is None:
        rows, scores = snapshot.neighbours_of(row)
        if recipe is not None:
            scores = scored(snapshot, recipe, snapshot.probes(row), own, rows[np.newaxis]).scores[0]
            order = np.lexsort((rows, -scores))
            rows, scores = rows[order], scores[order]
        admitted = Admission(snapshot, wanted, (row, *met), ruling.excluded)
        choice = _Choice(snapshot, wanted, admitted, snapshot.language_of(row), own, ruling, footing)
        chosen = choice.of(rows, scores, lambda: snapshot.probes(row), complete=len(rows) == len(snapshot) - 1)
    pinned = {place: each for place, each in ruling.pins.items() if place <= wanted.limit}
    pins = _pins(snapshot, row, wanted, met, pinned) if pinned else {}
    if pins:
        chosen = _with_pins(snapshot, chosen, pins, wanted)
    draft = Draft.of_article(snapshot, row) if wanted.explain else None
    return _items(snapshot, chosen, draft, own, {row for row, _, _ in pins.values()})


def related_on_page(
    snapshot: Snapshot,
    row: int,
    shown: Sequence[int],
    blocks: Sequence[Wanted],
    ruling: Ruling = NO_RULING,
    block_of: Callable[..., list[Item]] = related_to_article,
) -> Iterator[list[Item]]:
    """Yield the blocks of the page of an article, filled one after the other, each by `block_of`.

    No article stands twice on the page, and one of each story: what is in `shown` and in earlier blocks counts as met.
    Whatever a block wants, `stories` is 'one'.
    """
    met = list(shown)
    for wanted in blocks:
        items = block_of(snapshot, row, replace(wanted, stories="one"), met=met, ruling=ruling)
        met += [item.row for item in items]
        yield items


def related_to_text(
    snapshot: Snapshot, draft: Draft, wanted: Wanted, ruling_of: Callable[[int | None], Ruling] = lambda _: NO_RULING
) -> list[Item]:
    """Return the block of a text, by the same measure and the same rules; `ruling_of`: those of an article, or of none.

    If the text is an article of the index, that comes first, if it may be shown, and then its own block.
    """
    return blocks_of_text(snapshot, draft, [wanted], ruling_of)[0]


def blocks_of_text(
    snapshot: Snapshot,
    draft: Draft,
    blocks: Sequence[Wanted],
    ruling_of: Callable[[int | None], Ruling] = lambda _: NO_RULING,
    found: Nearest | None = None,
) -> list[list[Item]]:
    """Return several blocks of one text, each by itself; see `related_to_text`.

    `found`: what is nearest to it of the whole archive, if that is known already.
    """
    found = found or nearest(snapshot.vectors, snapshot.terms, draft.probes)
    own = cohorts_of(found, draft.probes, len(snapshot))
    row = pasted(snapshot, draft, found.rows[0, 0, :PASTED_LOOKED_AT])
    return [_block_of_text(snapshot, draft, wanted, ruling_of, found, own, row) for wanted in blocks]


def _block_of_text(
    snapshot: Snapshot,
    draft: Draft,
    wanted: Wanted,
    ruling_of: Callable[[int | None], Ruling],
    found: Nearest,
    own: Cohorts,
    row: int | None,
) -> list[Item]:
    admitted = Admission(snapshot, wanted)
    explained = draft if wanted.explain else None
    if row is None:
        limit = min(CANDIDATES_MAX, len(snapshot))
        best = rank(snapshot, snapshot.recipe, draft.probes, found.rows, own, limit)
        known = best.rows[0] >= 0
        choice = _Choice(snapshot, wanted, admitted, draft.language, own, ruling_of(None))
        chosen = choice.of(
            best.rows[0][known], best.scores[0][known], lambda: draft.probes, complete=limit == len(snapshot)
        )
        return _items(snapshot, chosen, explained, own)
    if snapshot.sensitive[row]:
        return []
    itself: list[_Chosen] = []
    if admitted.of(np.array([row]))[0]:
        scores = scored(snapshot, snapshot.recipe, draft.probes, own, np.array([[row]])).scores[0]
        itself = [(row, float(scores[0]), float(snapshot.recipe.probability(scores)[0]))]
    block = related_to_article(snapshot, row, wanted, ruling=ruling_of(row))
    return [*_items(snapshot, itself, explained, own), *block][: wanted.limit]


def pasted(snapshot: Snapshot, draft: Draft, rows: Rows) -> int | None:
    """Return the row of the article that a text is: the same but for its beginning, its end, or its white space."""
    told = "".join(f"{draft.title}{draft.text}".split())
    for row in rows[rows >= 0].tolist():
        if snapshot.row_of(snapshot.article_id(row)) != row:  # as it was before it was put anew
            continue
        article = orjson.loads(snapshot.article(row))
        body = "".join(article["body"].split())
        whole = "".join(f"{article['title']}{article.get('summary') or ''}{body}".split())
        if body and body in told and len(body) >= PASTED_SHARE_MIN * len(told):
            return int(row)
        if told in whole and len(told) >= PASTED_SHARE_MIN * len(whole):
            return int(row)
    return None


def _plain(snapshot: Snapshot, row: int, limit: int, footing: Footing) -> list[_Chosen] | None:
    """Return the block of an article as the night chose it; None where that holds no more, or is not long enough."""
    if snapshot.plain_blocks is None or not snapshot.is_as_the_night_left(row):
        return None
    shown, tellings = snapshot.plain_blocks[row].tolist()
    count = min(limit, shown.index(NO_PLACE) if NO_PLACE in shown else PLAIN_MAX)
    if count < limit and (count == PLAIN_MAX or not _hold_all(snapshot, snapshot.neighbours_of(row)[1])):
        return None
    rows, scores, places = snapshot.neighbours[row].tolist(), snapshot.scores[row].tolist(), shown[:count]
    footing.tellings.update([rows[place] for place in tellings[:count]])
    known = [scores[place] for place in places]
    chances = snapshot.recipe.probability(np.array(known)).tolist()
    return [*zip([rows[place] for place in places], known, chances, strict=True)]


def _hold_all(snapshot: Snapshot, scores: Scores) -> bool:
    """Return whether an article's candidates, by their scores, are all that its block may hold, whatever the rest."""
    least = snapshot.recipe.score_of(snapshot.recipe.probability_min)
    return len(scores) == len(snapshot) - 1 or not len(scores) or float(scores[-1]) < least


@dataclass(slots=True)
class _Choice:
    """How a block is chosen for one article or text: what may be shown, its language (None: of none), its cohort, what
    editors want of it, and what it comes to rest on.
    """

    snapshot: Snapshot
    wanted: Wanted
    admitted: Admission
    language: str | None
    own: Cohorts
    ruling: Ruling
    footing: Footing = field(default_factory=Footing)

    def of(self, rows: Rows, scores: Scores, probes: Callable[[], Probes], complete: bool) -> list[_Chosen]:
        """Choose from the best candidates; from the whole snapshot where these do not suffice and are not all."""
        likely = int(np.count_nonzero(scores >= self.least))  # what is known of the others is far away, and not read
        passed = self.admitted.of(rows[:likely])
        chosen = self._ordered(rows[:likely][passed], scores[:likely][passed])
        if len(chosen) >= self.wanted.limit or complete or not len(scores) or float(scores[-1]) < self.least:
            return chosen
        return self._searched(probes())

    @property
    def least(self) -> float:
        """Return the score below which nothing is shown."""
        recipe, asked = self.snapshot.recipe, self.wanted.min_probability
        return recipe.score_of(recipe.probability_min if asked is None else asked)

    def _searched(self, probes: Probes) -> list[_Chosen]:
        """Choose from the whole snapshot. Where few stories take up all that is found, the rest is searched as well."""
        self.footing.searched = True
        snapshot, stories = self.snapshot, self.snapshot.facts["story"]
        limit = min(CANDIDATES_MAX, len(snapshot))
        allowed = self.admitted.of(slice(None))
        rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
        while True:
            with BATON.put_down():
                found = candidates(snapshot, snapshot.recipe, probes, limit, self.own, allowed)
            passed = (found.rows[0] >= 0) & (found.scores[0] >= self.least)
            rows = np.concatenate([rows, found.rows[0][passed]])
            scores = np.concatenate([scores, found.scores[0][passed]])
            chosen = self._ordered(rows, scores)
            if len(chosen) >= self.wanted.limit or not passed.all() or self.wanted.stories == "all":
                return chosen
            allowed = allowed & ~np.isin(stories, stories[rows])

    def _ordered(self, rows: Rows, scores: Scores) -> list[_Chosen]:
        wanted, snapshot = self.wanted, self.snapshot
        language = None if wanted.languages else self.language
        chances = snapshot.recipe.probability(scores)
        evergreens = min(self.ruling.evergreens, wanted.limit)
        chosen = choose(
            snapshot.vectors,
            rows,
            worth_of(snapshot, rows, self.ruling.weigh(rows, chances), wanted.mode),
            foreign_among(snapshot.languages, snapshot.facts["language"][rows], language),
            CHOSEN_AMONG if evergreens else wanted.limit,
            snapshot.facts["story"][rows] if wanted.stories == "one" else None,
        )
        places = np.array(self._with_evergreens(rows, [*chosen], evergreens) if evergreens else [*chosen], np.int64)
        self.footing.tellings.update(rows[[chosen[place] for place in places.tolist()]].tolist())
        return [*zip(rows[places].tolist(), scores[places].tolist(), chances[places].tolist(), strict=True)]

    def _with_evergreens(self, rows: Rows, places: list[int], least: int) -> list[int]:
        """Return the first places, the last of which give way to evergreen pieces until there are enough, in order."""
        limit = self.wanted.limit
        ageless = [bool(self.snapshot.facts["eventful"][rows[place]] < EVENTFUL_FROM) for place in places]
        taken = list(range(min(limit, len(places))))
        missing = least - sum(ageless[:limit])
        better = [number for number in range(limit, len(places)) if ageless[number]][: max(0, missing)]
        giving_way = [number for number in reversed(taken) if not ageless[number]][: len(better)]
        return [places[number] for number in sorted({*taken, *better} - set(giving_way))]


def _pins(
    snapshot: Snapshot, row: int, wanted: Wanted, met: Sequence[int], pinned: Mapping[int, int]
) -> dict[int, _Chosen]:
    """Return what is pinned, by its place, as far as the request wants it and it may be shown at all.

    It may tell the open article's own story, but none that the reader meets elsewhere on the page; where two tell one
    story and one of each is wanted, the later word counts.
    """
    rows = np.array([*pinned.values()], np.int64)
    shown = Admission(snapshot, wanted, met).of(rows) & (rows != row)
    own = snapshot.cohorts[row : row + 1]
    scores = scored(snapshot, snapshot.recipe, snapshot.probes(row), own, rows[np.newaxis]).scores[0]
    chances = snapshot.recipe.probability(scores)
    found = zip(pinned, rows.tolist(), scores.tolist(), chances.tolist(), shown, strict=True)
    pins = {place: (other, score, chance) for place, other, score, chance, may in found if may}
    if wanted.stories == "all":
        return pins
    last = {int(snapshot.facts["story"][other]): place for place, (other, _, _) in pins.items()}
    return {place: pins[place] for place in last.values()}


def _with_pins(
    snapshot: Snapshot, chosen: Sequence[_Chosen], pins: Mapping[int, _Chosen], wanted: Wanted
) -> list[_Chosen]:
    """Return a block with what is pinned at its places; what it repeats, or tells again, gives way to it."""
    stories = snapshot.facts["story"]
    rows = {row for row, _, _ in pins.values()}
    told = {int(stories[row]) for row in rows} if wanted.stories == "one" else set()
    block = [each for each in chosen if each[0] not in rows and int(stories[each[0]]) not in told]
    for place, pinned in sorted(pins.items()):
        block.insert(place - 1, pinned)
    return block[: wanted.limit]


def _items(
    snapshot: Snapshot, chosen: list[_Chosen], draft: Draft | None, own: Cohorts, pinned: Container[int] = ()
) -> list[Item]:
    """Return what was chosen, with reasons if there is a draft to give them for."""
    if draft is None or not chosen:
        return [Item(*each, each[0] in pinned) for each in chosen]
    with BATON.put_down():  # whole texts are read: others' blocks would be refused meanwhile
        why = reasons(snapshot, draft, own, [row for row, _, _ in chosen])
    return [Item(*each, each[0] in pinned, reason) for each, reason in zip(chosen, why, strict=True)]
