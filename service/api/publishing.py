"""/v1/articles: putting and removing articles between two nights. They are shown, and not, from the answer on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.article import Article, InvalidArticle, parse_time, printable, read_article
from seealso.editorial.articles import (
    LiveArticle,
    find_article,
    note_sent_in,
    place_in,
    put_article_in,
    remove_article_in,
)
from seealso.errors import CallerError, InvalidRequest, RemovedMeanwhile, ServiceBusy, UnknownArticle
from seealso.live.place import place
from seealso.live.placing import Placing, encode_placing
from seealso.snapshot.layout import published_ids
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.writer import encode_article
from service.api.answers import JSON, answer, decided
from service.api.inputs import ArticleBody, ImportBody, ReasonQuery, checked_id
from service.auth import needs, who
from service.deciding import Deciding, deciding
from service.live import TRIES_MAX
from service.parts import in_a_place, parts
from service.wanted import LIMIT_DEFAULT

publishing = APIBlueprint("publishing", __name__, tag="Publishing")
PUT_EXAMPLE = {
    "title": "Storm surge closes the estuary path",
    "body": "The path along the estuary was closed this morning after a storm surge at high tide.",
    "section": "News",
    "published": "2026-11-28T08:30:00Z",
    "language": "en",
}
publishers = needs(lambda: parts().door, "index", "admin")

State = Literal["new", "changed", "unchanged", "removed"]


class PutAnswer(BaseModel):
    """What became of an article."""

    article: str
    state: State
    snapshot: str
    passages: int = Field(description="how many passages it has; 0 where nothing was to be done")
    shown_under: list[str] = Field(description="in whose blocks it may stand now: it is among their first candidates")


class RemovedAnswer(BaseModel):
    """What became of an article."""

    article: str
    state: Literal["removed"]
    snapshot: str


class ImportedArticle(BaseModel):
    """What became of one of many."""

    article: str | None
    state: Literal["new", "changed", "unchanged", "refused"]
    detail: str | None = Field(description="why it was refused, and what to do")


class ImportAnswer(BaseModel):
    """What became of each, in their order."""

    articles: list[ImportedArticle]


class Put(NamedTuple):
    """What became of an article that was put."""

    state: State
    passages: int
    shown_under: list[str]


@publishing.put("/v1/articles/<article_id:article_id>")
@publishers
@in_a_place(lambda here: here.lanes.texts)
@publishing.input(ArticleBody, location="json", arg_name="body", example=PUT_EXAMPLE)
@publishing.output(PutAnswer, description="It answers, and stands in others' blocks, in every worker")
@publishing.doc(operation_id="put_article", security="key", responses=decided(400, 401, 403, 409, 413, 415, 503))
def put(article_id: str, body: ArticleBody) -> Response:
    """Publish an article, or what it is from now on. The next night takes it in; to put the same again does nothing."""
    article = body.article(article_id)
    done = put_article(article, who())
    snapshot = parts().current.snapshot()
    told = {"article": article.id, "state": done.state, "snapshot": snapshot.id, "passages": done.passages}
    return answer(orjson.dumps(told | {"shown_under": done.shown_under}), JSON, snapshot)


@publishing.delete("/v1/articles/<article_id:article_id>")
@publishers
@publishing.input(ReasonQuery, location="query", arg_name="query")
@publishing.output(RemovedAnswer, description="It is gone from every block, in every worker")
@publishing.doc(operation_id="remove_article", security="key", responses=decided(400, 401, 403, 404, 503))
def remove(article_id: str, query: ReasonQuery) -> Response:
    """Remove an article that is no more. It stays away until it is put again, or a source has a later version of it.

    What must not be shown whatever anybody puts is to be taken down.
    """
    remove_article(checked_id(article_id), who(), query.reason)
    snapshot = parts().current.snapshot()
    told = {"article": article_id, "state": "removed", "snapshot": snapshot.id}
    return answer(orjson.dumps(told), JSON, snapshot)


@publishing.post("/v1/articles")
@publishers
@in_a_place(lambda here: here.lanes.texts)
@publishing.input(
    ImportBody, location="json", arg_name="body", example={"articles": [{"id": "estuary", **PUT_EXAMPLE}]}
)
@publishing.output(ImportAnswer, description="Each stands for itself: one that is refused keeps no other back")
@publishing.doc(operation_id="put_articles", security="key", responses=decided(400, 401, 403, 413, 415, 503))
def put_many(body: ImportBody) -> Response:
    """Put several articles, one after the other."""
    done = [_put_one(fields) for fields in body.articles]
    return answer(orjson.dumps({"articles": done}), JSON)


def put_article(article: Article, by: str, sent: datetime | None = None) -> Put:
    """Have an article be as it is given from now on.

    `sent`: when that was told, by who may tell it late: it is not done if the store has something later, and kept also
    where nothing was to be done. Raises Outdated, RemovedMeanwhile, StoreUnavailable, ModelUnavailable, ModelMismatch,
    TextLate, ServiceBusy, and InvalidRequest.
    """
    here = parts()
    with here.editorial.store().reading() as connection:  # without one, nothing need be embedded
        before = find_article(connection, article.id)
    snapshot = here.current.snapshot()
    row, record = snapshot.row_of(article.id), encode_article(article)
    # This worker's snapshot may not have what has just been removed, or put, by another.
    same = row is not None and snapshot.article(row) == record and (before is None or before.record == record)
    if same and (sent is None or _noted(article.id, record, sent)):
        return Put("unchanged", 0, [])
    embedded = here.texts.embedded(snapshot, article)
    for _ in range(TRIES_MAX):
        edition, read_to = here.live.base_of(here.current.snapshot())
        if edition.manifest.model.digest != embedded.model:  # another model's snapshot has just taken over
            embedded = here.texts.embedded(edition, article)
        placing = place(edition, article, embedded)
        hosts = _first_hosts(edition, placing)
        try:
            with deciding() as what:
                _check_not_overtaken(what, read_to)
                if sent is not None:
                    _check_not_outdated(what, article.id, sent, article)
                else:
                    _check_not_removed(what, article.id, before)
                kept = put_article_in(what.writing, article, embedded, by, sent=sent)
                place_in(what.writing, edition.id, kept, encode_placing(placing))
                what.purge({"article": article.id, "reason": "article", **here.to_drop.shown(article.id, hosts)})
        except _Overtaken:
            here.editorial.look()  # it may have been put on another machine
            continue
        return Put("new" if row is None else "unchanged" if same else "changed", len(embedded.vectors), hosts)
    raise ServiceBusy("articles", TRIES_MAX)


def remove_article(article_id: str, by: str, reason: str, sent: datetime | None = None) -> None:
    """Have an article be no more, also one that is not here: the next night may bring it.

    `sent`: see `put_article`; it is kept also where there was nothing to remove. Raises Outdated, StoreUnavailable;
    UnknownArticle if it was removed already.
    """
    snapshot = parts().current.snapshot()
    dropped = parts().to_drop.hidden(article_id)  # it looks through all candidates; no other decision waits for that
    with deciding() as what:
        known = find_article(what.writing.connection, article_id)
        # A night may have brought back what was removed, by a later version of its source.
        if known is None or known.record is not None or snapshot.row_of(article_id) is not None:
            if sent is not None:
                _check_not_outdated(what, article_id, sent)
            removed = remove_article_in(what.writing, article_id, by, reason, sent)
            # Others may serve another snapshot, until they have followed: to be gone there is nothing to work out.
            for each in sorted({snapshot.id, *published_ids(parts().settings.index)}):
                place_in(what.writing, each, removed, None)
            what.purge({"article": article_id, "reason": "article", **dropped})
            return
        if sent is not None:  # what was published between the two may still come
            note_sent_in(what.writing, known, sent)
    raise UnknownArticle(article_id, snapshot.id)


def _noted(article_id: str, record: bytes, sent: datetime) -> bool:
    """Keep when a message was sent that changes nothing, unless the store has not its article, or not as it says.

    Return whether it is kept. What a night found is not in the store: then the article has to be put there.
    """
    with parts().editorial.store().writing() as writing:
        known = find_article(writing.connection, article_id)
        if known is None or known.record != record:
            return False
        note_sent_in(writing, known, sent)
    return True


class Outdated(Exception):
    """The store has something later of an article."""


def _check_not_outdated(what: Deciding, article_id: str, sent: datetime, article: Article | None = None) -> None:
    """Raise Outdated if what is known of an article is later than a message. `article`: as that has it, None: removed.

    Of two versions the one counts that was `updated` later, then the one that was sent later. Where one of the two is a
    removal, it is enough to be sent later: WordPress publishes a post that had been moved into the future as it was,
    `updated` before it was withdrawn. It tells whole seconds: of two that were sent in the same, the removal counts.
    """
    known = find_article(what.writing.connection, article_id)
    if known is None:
        return
    told = None if known.record is None else orjson.loads(known.record).get("updated")
    updated = None if told is None else parse_time(told)
    if article is None:
        outdated = sent < max(filter(None, (updated, known.sent)), default=known.moment)
    elif known.record is None:
        outdated = max(article.updated or sent, sent) <= (known.sent or known.moment)
    else:
        known_updated = updated or known.sent or known.moment
        outdated = (article.updated or sent, sent) < (known_updated, known.sent or sent)
    if outdated:
        raise Outdated


def _check_not_removed(what: Deciding, article_id: str, before: LiveArticle | None) -> None:
    """Raise RemovedMeanwhile if an article was removed since it was as `before`: the later word counts."""
    known = find_article(what.writing.connection, article_id)
    if known is not None and known.record is None and (before is None or known.sequence != before.sequence):
        raise RemovedMeanwhile(article_id)


class _Overtaken(Exception):
    """Another article was put since this one's place was worked out."""


def _check_not_overtaken(what: Deciding, read_to: int) -> None:
    if what.writing.placed != read_to:
        raise _Overtaken


def _first_hosts(edition: Snapshot, placing: Placing) -> list[str]:
    """Return the articles among whose first candidates an article is to stand, as many as a block has."""
    hosts = []
    for kin, score in zip(placing.hosts.tolist(), placing.host_scores.tolist(), strict=True):
        row = kin if kin >= 0 else edition.row_of(placing.fellows[-1 - kin])
        if row is not None and np.count_nonzero(edition.neighbours_of(row)[1] > score) < LIMIT_DEFAULT:
            hosts.append(edition.article_id(row))
    return hosts


def _put_one(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Put one of many; return what became of it, as ImportedArticle."""
    told = printable(fields["id"]) if isinstance(fields.get("id"), str) else None
    try:
        article, unknown = read_article(fields)
        if unknown:
            raise InvalidRequest(unknown[0], f"is not known here; known are {', '.join(Article.model_fields)}")
        state, detail = put_article(article, who()).state, None
    except (InvalidArticle, CallerError) as error:
        return {"article": told, "state": "refused", "detail": printable(str(error))}
    return {"article": told, "state": state, "detail": detail}
