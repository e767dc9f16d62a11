"""HTTP out: the forms of the answers, and the one way in which an answer comes from the cache or is made and kept."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Response, current_app
from pydantic import BaseModel, Field

from seealso.errors import UnknownArticle
from seealso.project import Placement
from seealso.settings import ServiceSettings
from seealso.snapshot.reader import Snapshot
from service.cache import Cache
from service.current import Current
from service.problems import REQUEST_ID_HEADER, request_id
from service.related import Item
from service.texts import Texts
from service.wanted import Wanted

CACHE_HEADER = "X-Seealso-Cache"
SNAPSHOT_HEADER = "X-Seealso-Snapshot"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views work with."""

    settings: ServiceSettings
    current: Current
    cache: Cache
    texts: Texts
    placements: Mapping[str, Placement]


def parts() -> Parts:
    """Return the parts of the app being run."""
    found = current_app.extensions["seealso"]
    assert isinstance(found, Parts)
    return found


class PassagePair(BaseModel):
    """Where two articles match best: a sentence of each, '' where one has no text."""

    own: str
    other: str


class Why(BaseModel):
    """Why an article is in a block."""

    parts: dict[str, float] = Field(description="what 'cosine', 'terms' and 'titles' gave; they sum up to the score")
    cosine: float = Field(description="the cosine of the two articles' vectors, -1 to 1")
    shared_terms: list[str] = Field(description="the heaviest terms and names that both have, as the other writes them")
    passages: PassagePair
    days_apart: int | None = Field(None, description="whole days between the two dates, null where one is unknown")
    same_section: bool | None = Field(None, description="whether both stand in one section")
    same_author: bool | None = Field(None, description="whether one person wrote both")
    same_story: bool | None = Field(None, description="whether both tell the same story")


class Card(BaseModel):
    """An article as shown in a block."""

    id: str
    title: str
    url: str | None
    section: str | None
    summary: str | None
    published: str | None = Field(description="ISO 8601, UTC")
    updated: str | None = Field(description="ISO 8601, UTC")
    author: str | None
    image: str | None
    language: str | None = Field(description="BCP 47")
    access: str | None
    score: float = Field(description="how related it is; comparable within one snapshot")
    probability: float = Field(description="the chance that a person would call the two related, 0 to 1")
    why: Why | None = Field(None, description="with explain=1 only")


class RelatedAnswer(BaseModel):
    """The block of an article."""

    id: str = Field(description="the article asked for")
    snapshot: str = Field(description="the snapshot that answered")
    related: list[Card] = Field(description="best first")


class SimilarAnswer(BaseModel):
    """The block of a text."""

    snapshot: str
    related: list[Card]


class ArticleAnswer(BaseModel):
    """An article as indexed; fields its source left out are missing."""

    id: str
    title: str
    body: str
    url: str | None = None
    section: str | None = None
    summary: str | None = None
    published: str | None = None
    updated: str | None = None
    author: str | None = None
    tags: list[str] | None = None
    language: str | None = None
    image: str | None = None
    editor_related: list[str] | None = None
    access: str | None = None
    sponsored: bool | None = None
    sensitive: bool | None = None
    canonical: str | None = None


class VersionAnswer(BaseModel):
    """What is running and what it serves."""

    version: str
    snapshot: str | None
    made: str | None = Field(description="when the snapshot was made, ISO 8601, UTC")
    articles: int | None
    model: str | None
    cache: str = Field(description="'up', 'down' (given up for the moment), or 'off'")


class StatusAnswer(BaseModel):
    """What is served, how old it is, and what somebody should look at."""

    snapshot: str | None
    made: datetime | None
    age_s: int | None
    articles: int | None
    model: str | None
    forced: list[str]
    cache: str
    warnings: list[str]


class StateAnswer(BaseModel):
    """A word that all is well."""

    status: str


def encode_cards(snapshot: Snapshot, items: Sequence[Item]) -> bytes:
    """Return the cards of a block as a JSON list. The snapshot holds each card as JSON; only its end is added."""
    return b"[" + b",".join(_encode_card(snapshot.card(item.row), item) for item in items) + b"]"


def _encode_card(card: bytes, item: Item) -> bytes:
    why = b"" if item.why is None else b',"why":' + orjson.dumps(item.why)
    numbers = f',"score":{item.score:.4f},"probability":{item.probability:.4f}'.encode()
    return card[:-1] + numbers + why + b"}"


def row_or_problem(snapshot: Snapshot, article_id: str) -> int:
    """Return the row of an article. Raises UnknownArticle."""
    row = snapshot.row_of(article_id)
    if row is None:
        raise UnknownArticle(article_id, snapshot.id)
    return row


def kept_or_made(
    kind: str, media_type: str, article_id: str, wanted: Wanted, make: Callable[[Snapshot], bytes]
) -> Response:
    """Return the answer that the cache keeps for this request to the current snapshot; else make it and keep it."""
    here = parts()
    snapshot = here.current.snapshot()
    key = cache_key(snapshot.id, kind, article_id, wanted)
    body = here.cache.get(key)
    level = "hit"
    if body is None:
        level = "miss"
        body = make(snapshot)
        here.cache.put(key, body)
    response = answer(body, media_type, snapshot)
    response.headers[CACHE_HEADER] = level
    return response


def cache_key(snapshot_id: str, kind: str, article_id: str, wanted: Wanted) -> str:
    """Return the key of an answer: the snapshot, and a digest of the normalised request."""
    request: list[Any] = [article_id.encode("utf-8", "surrogatepass").hex(), wanted]
    return f"{snapshot_id}:{kind}:{hashlib.blake2b(orjson.dumps(request), digest_size=16).hexdigest()}"


def answer(body: bytes, media_type: str, snapshot: Snapshot | None = None) -> Response:
    """Return bytes as an answer, with the headers that every answer has."""
    response = Response(body, content_type=media_type)
    response.headers[REQUEST_ID_HEADER] = request_id()
    if snapshot is not None:
        response.headers[SNAPSHOT_HEADER] = snapshot.id
    return response
