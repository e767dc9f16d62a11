"""A snapshot, and the live articles laid beside it: what is served between two nights.

`Live` takes live articles in, one placing after the other; an `Edition` is what it holds at one moment, and answers as
a snapshot does. Rows of the snapshot come first. Each time an article is put it gets a new row; the row that it had is
gone: it is never shown, and nobody finds it by its id.
"""

import itertools
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows, Scores
from seealso.article import parse_time
from seealso.editorial.articles import LiveArticle, Placed
from seealso.encoder import Vectors
from seealso.live.growing import Arrivals, Growing, GrowingTerms
from seealso.live.laid import LaidTerms, LaidVectors
from seealso.live.placing import Kin, decode_placing
from seealso.relatedness import CANDIDATES_MAX, Probes
from seealso.snapshot.files import FACT_ROW, NO_TIME, card_of
from seealso.snapshot.snapshot import Snapshot, stating

_ELSEWHERE = -1
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition(Snapshot):
    """A snapshot with live articles beside it. Safe from many threads.

    All that is by row has rows for the live articles, too, but for `neighbours`, `scores`, `plain_blocks` and `map`,
    which are the snapshot's.
    `rows`: of the articles that were put, by id, None for those that were removed; `gone` (bool) by row; `touched`
    (int64) by row: the last placing that changed an article's list, or the article itself; `live`: all there is by now.
    """

    live: "Live" = field(repr=False)
    rows: Mapping[str, int | None]
    gone: Mask
    touched: NDArray[np.int64]
    number: int

    @property
    def lineage(self) -> str:
        """Return a name for what its rows are: the same for two that differ only in how far they go."""
        return self.live.name

    @property
    def articles_count(self) -> int:
        """Return how many articles there are."""
        return int(np.count_nonzero(~self.gone))

    @property
    def live_count(self) -> int:
        """Return how many of them are live."""
        return int(np.count_nonzero(~self.gone[len(self.neighbours) :]))

    @property
    def placed(self) -> int:
        """Return the number of the last placing of a live article that is in here."""
        return self.number

    def row_of(self, article_id: str) -> int | None:
        """Return the row of an article, None if it is not in here, or was removed."""
        row = self.rows.get(article_id, _ELSEWHERE)
        return Snapshot.row_of(self, article_id) if row == _ELSEWHERE else row

    def row_at(self, url: str) -> int | None:
        """Return the row of an article with exactly this address, None if none has it."""
        wanted = stating(url)
        if wanted is None:
            return None
        base = len(self.neighbours)
        live = (base + place for place, card in enumerate(self.live.cards[: len(self) - base]) if wanted in card)
        row = next((row for row in live if not self.gone[row]), None)
        if row is None:
            row = Snapshot.row_at(self, url)
        return None if row is None or self.gone[row] else row

    @property
    def here(self) -> Mask:
        """Return for each row whether its article is here, and has not been put anew or removed."""
        return ~self.gone

    def card(self, row: int) -> bytes:
        """Return an article as shown in a block."""
        base = len(self.neighbours)
        return self.cards[row] if row < base else self.live.cards[row - base]

    def article(self, row: int) -> bytes:
        """Return the whole article."""
        base = len(self.neighbours)
        return self.articles[row] if row < base else self.live.articles[row - base]

    def story_of(self, row: int) -> str:
        """Return the name of the story that an article tells: the id of the one that stands for it, or began it."""
        story = int(self.facts["story"][row])
        return self.article_id(story) if story >= 0 else self.live.stories[-1 - story]

    def neighbours_of(self, row: int) -> tuple[Rows, Scores]:
        """Return the rows and scores of an article's candidates, best first, itself not among them."""
        base = len(self.neighbours)
        rows, scores = Snapshot.neighbours_of(self, row) if row < base else self.live.candidates[row - base]
        more, their_scores = self.live.arrivals.of(row)
        if not len(more):
            return rows, scores
        stay = more < len(self)  # later ones are of another edition
        stay[stay] = ~self.gone[more[stay]]
        if not stay.all():
            more, their_scores = more[stay], their_scores[stay]
        # Rows of live articles come last, those that came later after others: so equal scores stand in their order.
        scores = np.concatenate([scores, their_scores])
        best = np.argsort(-scores, kind="stable")[:CANDIDATES_MAX]
        return np.concatenate([rows, more])[best], scores[best]

    def is_as_the_night_left(self, row: int) -> bool:
        """Return whether nobody decided anything of an article's candidates, and none has come since the night."""
        is_live = row >= len(self.neighbours)
        return not is_live and not self.touched[row] and Snapshot.is_as_the_night_left(self, row)

    def hosts_of(self, row: int) -> Rows:
        """Return the rows of all articles among whose candidates one is."""
        base = len(self.neighbours)
        known = Snapshot.hosts_of(self, row) if row < base else self.live.arrivals.hosts_of(row)
        live = [base + place for place, (rows, _) in enumerate(self.live.candidates) if row in rows]
        found = np.unique(np.concatenate([known, np.array(live, np.int64)]))
        found = found[found < len(self)]
        hosts: Rows = found[~self.gone[found]]
        return hosts

    def probes(self, row: int) -> Probes:
        """Return an article as what related ones are wanted for."""
        base = len(self.neighbours)
        if row < base:
            return Snapshot.probes(self, row)
        terms = self.terms
        assert isinstance(terms, LaidTerms)
        return Probes(
            self.vectors.vector(row)[np.newaxis], terms.live.row(row - base), terms.live_titles.row(row - base)
        )

    def passages_of(self, row: int) -> tuple[Vectors, NDArray[np.int32]]:
        """Return an article's passages: their vectors (float32, passages x dimension), and where each stands."""
        base = len(self.neighbours)
        if row < base:
            return Snapshot.passages_of(self, row)
        embedded = self.live.sources[row - base].embedded
        assert embedded is not None
        return embedded.vectors.astype(np.float32), embedded.spans

    def still_holds(self, placed: int, article_ids: Sequence[str], searched: bool) -> bool:
        """Return whether a block would be the same today that was made when `placed` was the number it is now."""
        if placed >= self.number:
            return True
        changed = self.live.changed
        if searched or any(changed.get(article_id, 0) > placed for article_id in article_ids):
            return False
        row = self.row_of(article_ids[0])
        return row is None or bool(self.touched[row] <= placed)


class Live:
    """The live articles of one snapshot, as far as this process has taken them in.

    `cards`, `articles`, `candidates`, `sources`: by live row; `stories`: names of those that live articles began, the
    one with the number -1 first; `changed`: the last placing of each article that was put or removed.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.name = f"{snapshot.id}+{next(_numbers)}"
        self.number = 0
        self.cards: list[bytes] = []
        self.articles: list[bytes] = []
        self.candidates: list[tuple[Rows, Scores]] = []
        self.sources: list[LiveArticle] = []
        self.stories: list[str] = []
        self._story_numbers: dict[str, int] = {}
        self.arrivals = Arrivals()
        self.changed: dict[str, int] = {}
        self._rows: Mapping[str, int | None] = {}
        self._is_given_out = False  # whether an edition has the arrays by which rows are gone
        self._sections = {label: number for number, label in enumerate(snapshot.sections)}
        self._languages = {label: number for number, label in enumerate(snapshot.languages)}
        self._taking = threading.Lock()

    @property
    def gone(self) -> Mask:
        """Return which of all rows there are now are gone."""
        gone: Mask = self._gone.rows
        return gone

    def edition(self) -> Snapshot:
        """Return all that is here now; the snapshot itself where nothing was ever put or removed."""
        with self._taking:
            if not self.number:
                return self.snapshot
            self._is_given_out = True
            base = self.snapshot
            known = {each.name: getattr(base, each.name) for each in fields(Snapshot)}
            terms: dict[str, Any] = {each.name: getattr(base.terms, each.name) for each in fields(base.terms)}
            laid = {
                "vectors": LaidVectors(base.vectors, self._vectors.rows),
                "terms": LaidTerms(**terms, live=self._terms.rows, live_titles=self._titles.rows),
                "facts": self._facts.rows,
                "sensitive": self._sensitive.rows,
                "sponsored": self._sponsored.rows,
                "decided": self._gone.rows,
                "cohorts": self._cohorts.rows,
                "sections": tuple(self._sections),
                "languages": tuple(self._languages),
            }
            return Edition(
                **(known | laid),
                live=self,
                rows=self._rows,
                gone=self._gone.rows,
                touched=self._touched.rows,
                number=self.number,
            )

    def take(self, placed: Iterable[Placed]) -> list[tuple[Placed, Exception]]:
        """Take articles in, in the order of their placings; return those that could not be, and why."""
        failed: list[tuple[Placed, Exception]] = []
        with self._taking:
            rows = dict(self._rows)  # editions that were given out go on with theirs
            for each in placed:
                if not self.number:
                    self._begin()
                try:
                    self._take(each, rows)
                except Exception as error:  # whatever wrote it: nobody would be answered any more
                    failed.append((each, error))
                self.number = each.number
            self._rows = rows
        return failed

    def _begin(self) -> None:
        """Have room for live articles, once there is one: until then the snapshot's own arrays, mapped, do."""
        snapshot = self.snapshot
        self._facts = Growing(snapshot.facts)
        self._sensitive, self._sponsored = Growing(snapshot.sensitive), Growing(snapshot.sponsored)
        self._cohorts = Growing(snapshot.cohorts)
        self._gone = Growing.zeros(len(snapshot), np.bool_)
        self._touched = Growing.zeros(len(snapshot), np.int64)
        self._vectors = Growing(np.empty((0, snapshot.vectors.dimension), np.float32))
        self._terms, self._titles = GrowingTerms(), GrowingTerms()

    def _take(self, placed: Placed, rows: dict[str, int | None]) -> None:
        live = placed.live
        before = rows.get(live.id, _ELSEWHERE)
        before = self.snapshot.row_of(live.id) if before == _ELSEWHERE else before
        rows[live.id] = None if placed.content is None else self._add(placed, placed.content, before, rows)
        self.changed[live.id] = placed.number
        if before is not None:
            self._lose(before)

    def _lose(self, row: int) -> None:
        """Have a row be gone from now on; not in the editions that were given out, in which requests are under way."""
        if self._is_given_out:  # 2 ms of 100,000 articles, once for all that are taken in together
            self._gone.part()
            self._sensitive.part()
            self._is_given_out = False
        self._gone.rows[row] = True
        self._sensitive.rows[row] = True  # by which all rules pass it over

    def _add(self, placed: Placed, content: bytes, before: int | None, rows: Mapping[str, int | None]) -> int:
        """Add the row of an article, and return it. All that may be wrong with it shows before anything is added."""
        placing, record = decode_placing(content), placed.live.record or b""
        article = orjson.loads(record)
        row = len(self._facts.rows)
        if placing.vector.shape != (self.snapshot.vectors.dimension,) or not np.isfinite(placing.vector).all():
            raise ValueError("its vector is none of this snapshot's model")

        def known(kin: Kin, scores: Scores) -> tuple[Rows, Scores]:
            """Return the rows of what is meant, without those that are live no more."""
            found = np.array([_row_of(each, placing.fellows, rows) for each in kin.tolist()], np.int64)
            return found[found >= 0], scores[found >= 0]

        facts = self._fact_row(article, self._story_number(placing.story), before)
        candidates = known(placing.candidates, placing.candidate_scores)
        hosts, host_scores = known(placing.hosts, placing.host_scores)
        card = orjson.dumps(card_of(article))
        self.cards.append(card)
        self.articles.append(record)
        self.sources.append(placed.live)
        self.candidates.append(candidates)
        self._cohorts.add(placing.cohorts[np.newaxis])
        self._gone.add(np.zeros(1, np.bool_))
        self._touched.add(np.array([placed.number]))
        self._vectors.add(placing.vector[np.newaxis])
        self._terms.add(placing.terms)
        self._titles.add(placing.titles)
        self._facts.add(facts)
        self._sensitive.add(facts["sensitive"])
        self._sponsored.add(facts["sponsored"])
        self._touched.rows[hosts] = placed.number
        self.arrivals.add(hosts, row, host_scores)
        return row

    def _story_number(self, name: str) -> int:
        """Return the number of a story, the same for the same name.

        One that live articles began has a number that is no row: none of them stands for it, and the best is shown.
        """
        row = self.snapshot.row_of(name)
        if row is not None:
            return int(self.snapshot.facts["story"][row])
        if name not in self._story_numbers:
            self._story_numbers[name] = -1 - len(self.stories)
            self.stories.append(name)
        return self._story_numbers[name]

    def _fact_row(self, article: Mapping[str, Any], story: int, before: int | None) -> NDArray[Any]:
        facts = np.zeros(1, FACT_ROW)
        published = article.get("published")
        facts["published"] = NO_TIME if published is None else int(parse_time(published).timestamp())
        facts["section"] = _number_of(article.get("section"), self._sections)
        facts["language"] = _number_of(article.get("language"), self._languages)
        facts["story"] = story
        # What came today is fresh, however bound to its days; of what was known before, the night told.
        facts["eventful"] = 0.0 if before is None else self._facts.rows["eventful"][before]
        facts["sponsored"], facts["sensitive"] = bool(article.get("sponsored")), bool(article.get("sensitive"))
        return facts


def _row_of(kin: int, fellows: Sequence[str], rows: Mapping[str, int | None]) -> int:
    """Return the row of what is meant; -1 if it is live no more."""
    if kin >= 0:
        return kin
    row = rows.get(fellows[-1 - kin])
    return _ELSEWHERE if row is None else row


def _number_of(label: str | None, numbers: dict[str, int]) -> int:
    """Return the number of a label, a new one for one that is not known; -1 for none."""
    return -1 if not label else numbers.setdefault(label, len(numbers))
