"""/desk/: one box for words, an article's id or its address; the archive searched by meaning or by words.

Every state is an address. With `part=results` only the list is sent, for the page's script, which asks while one types.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import orjson
from flask import Response, render_template
from markupsafe import Markup
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from seealso.article import clean_line, parse_time
from seealso.editorial.decisions import now
from seealso.errors import ModelMismatch, ModelUnavailable, PageNotRead
from seealso.passages import sentences
from seealso.snapshot.snapshot import Snapshot
from seealso.words import words
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import day, likelihood, marked
from service.finding import Filters, Found, by_date, by_meaning, by_words, is_address, named_row
from service.parts import parts
from service.texts import title_and_text
from service.why import Draft, cut_quote, reasons

find_room = room("find")
PAGE = 20
QUERY_CHARACTERS_MAX = 2_000


def _end_of(text: object) -> object:
    """Return the last moment of a day that is given alone: what is asked for up to a day includes it."""
    return f"{text}T23:59:59Z" if isinstance(text, str) and len(text) == 10 else text


_Moment = Annotated[datetime | None, BeforeValidator(lambda text: parse_time(text) if text else None)]
_End = Annotated[datetime | None, BeforeValidator(lambda text: parse_time(_end_of(text)) if text else None)]
_Label = Annotated[str, Field(max_length=200), AfterValidator(clean_line)]


class FindQuery(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, Field(max_length=QUERY_CHARACTERS_MAX)] = ""
    by: Literal["meaning", "words"] = "meaning"
    section: _Label = ""
    tag: _Label = ""
    language: _Label = ""
    author: _Label = ""
    after: _Moment = None
    before: _End = None
    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    part: Literal["", "results"] = ""

    def filters(self) -> Filters:
        """Return which articles are looked for."""
        return Filters(self.section, self.tag, self.language, self.author, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Result:
    """An article that was found, as it is shown. `states`: what an editor should know of it."""

    card: dict[str, Any]
    title: Markup
    quote: Markup
    day: str
    chance: str
    states: list[str]


class Results(NamedTuple):
    """What was found: some of it, and how many there are; `note` says what was taken for what; `trouble`, why not;
    `waits`, what it waits for; `full`: there may be more, of which these are the best.
    """

    results: list[Result]
    total: int = 0
    note: str = ""
    trouble: str = ""
    waits: str = ""
    full: bool = False


@find_room.get("/")
@looking
def find() -> Response:
    """Find articles."""
    query = query_of(FindQuery)
    here = parts()
    snapshot = here.current.snapshot()
    here.texts.warm(snapshot)
    try:
        found = results(snapshot, query)
    except (ModelUnavailable, ModelMismatch, PageNotRead) as error:  # words can still be found
        found = Results([], trouble=str(error))
    facts: dict[str, Any] = {"query": query, "found": found, "pages": -(-found.total // PAGE), "size": PAGE}
    if query.part:
        return page_part(render_template("results.html", **facts))
    return page("find.html", sections=snapshot.sections, languages=snapshot.languages, **facts)


def page_part(markup: str) -> Response:
    """Return a part of a page, for its script."""
    return Response(markup, mimetype="text/html")


def results(snapshot: Snapshot, query: FindQuery) -> Results:
    """Return what is found. Raises what the encoder raises."""
    asked, filters = query.q.strip(), query.filters()
    row = named_row(snapshot, asked)
    if not asked:
        return _shown(snapshot, query, by_date(snapshot, filters.mask(snapshot)), None, "")
    if row is not None:
        return _related(snapshot, query, row)
    if is_address(asked):
        return _elsewhere(snapshot, query, asked)
    if query.by == "words":
        return _shown(snapshot, query, by_words(snapshot, asked, filters.mask(snapshot)), None, "")
    return _meant(snapshot, query, "", *title_and_text(asked), query.language or None)


def _related(snapshot: Snapshot, query: FindQuery, row: int) -> Results:
    """Return an article, and what is related to it."""
    draft = Draft.of_article(snapshot, row)
    with parts().lanes.texts.place():
        found = by_meaning(snapshot, draft, query.filters().mask(snapshot))
        others = found.rows != row
        assert found.probabilities is not None
        first = Found(
            np.concatenate([[row], found.rows[others]]),
            np.concatenate([[1.0], found.probabilities[others]]),
            found.own,
            found.full,
        )
        return _shown(snapshot, query, first, draft, f"“{snapshot.title(row)}”, and what is related to it")


def _elsewhere(snapshot: Snapshot, query: FindQuery, asked: str) -> Results:
    """Return what is related to a page of another site. Raises PageNotRead, ServiceBusy, what the encoder raises."""
    elsewhere = parts().elsewhere
    read = elsewhere.known(asked)
    if read is None and query.part and elsewhere.is_on:
        return Results([], waits="It is no article of the index. Press Enter, and the page is read from its site.")
    read = read or elsewhere.read(asked)
    note = f"What is related to “{read.title or read.url}”, read from {urlsplit(read.url).hostname}"
    return _meant(snapshot, query, note, read.title, read.text, read.language)


def _meant(snapshot: Snapshot, query: FindQuery, note: str, title: str, text: str, language: str | None) -> Results:
    """Return what is related to a text, which takes a place among texts."""
    with parts().lanes.texts.place():
        draft = parts().texts.draft(snapshot, title, text, language)
        return _shown(snapshot, query, by_meaning(snapshot, draft, query.filters().mask(snapshot)), draft, note)


def _shown(snapshot: Snapshot, query: FindQuery, found: Found, draft: Draft | None, note: str) -> Results:
    own = found.rows[(query.page - 1) * PAGE : query.page * PAGE]
    rows = [int(row) for row in own]
    why: list[dict[str, Any]] = []
    if draft is not None and found.own is not None and rows:
        why = reasons(snapshot, draft, found.own, rows)
    shown = []
    for place, row in enumerate(rows, (query.page - 1) * PAGE):
        probability = None if found.probabilities is None else float(found.probabilities[place])
        reason = why[place - (query.page - 1) * PAGE] if why else None
        shown.append(result_of(snapshot, row, query.q, probability, reason))
    return Results(shown, len(found.rows), note, full=found.full)


def result_of(
    snapshot: Snapshot, row: int, asked: str, probability: float | None, why: dict[str, Any] | None
) -> Result:
    """Return an article as it is shown among others that were found."""
    card = orjson.loads(snapshot.card(row))
    terms = why["shared_terms"] if why else [asked]
    quote = why["passages"]["other"] if why else quote_of(snapshot, row, asked)
    return Result(
        card=card,
        title=marked(card["title"], terms),
        quote=marked(quote, terms),
        day=day(card["published"]),
        chance="" if probability is None else likelihood(probability),
        states=states_of(snapshot, row),
    )


def states_of(snapshot: Snapshot, row: int) -> list[str]:
    """Return what keeps an article out of blocks, or else sets it apart."""
    states = list[str]()
    if snapshot.article_id(row) in snapshot.hidden:
        states.append("taken down")
    elif snapshot.sensitive[row]:
        states.append("sensitive")
    if snapshot.sponsored[row]:
        states.append("sponsored" if _is_sponsored(snapshot, row) else "kept out of all blocks")
    if row >= len(snapshot.neighbours):
        states.append("since last night")
    return states


def _is_sponsored(snapshot: Snapshot, row: int) -> bool:
    """Return whether its source or an editor says so: a snapshot has as sponsored, too, what a rule keeps out."""
    article_id, rules = snapshot.article_id(row), parts().editorial.decisions.rules_at(now())
    if any(rule.wish.action == "sponsored" and rule.wish.article == article_id for rule in rules):
        return True
    return bool(orjson.loads(snapshot.article(row)).get("sponsored"))


def quote_of(snapshot: Snapshot, row: int, asked: str) -> str:
    """Return the sentence of an article that has most of the words asked for; its summary where nothing was asked."""
    article = orjson.loads(snapshot.article(row))
    wanted, summary = set(words(asked)), str(article.get("summary") or "")
    if not wanted:
        return summary
    text = f"{summary}\n\n{article['body']}"
    best = max(sentences(text, article.get("language")), key=lambda each: len(wanted & set(words(each))), default="")
    return cut_quote(best)
