"""HTTP out: the forms of the answers, and what every one of them has."""

from datetime import datetime
from typing import Any

from flask import Response, g
from pydantic import BaseModel, Field

from seealso.snapshot.snapshot import Snapshot
from service.problems import REQUEST_ID_HEADER, documented, request_id

JSON = "application/json"
SNAPSHOT_HEADER = "X-Seealso-Snapshot"
UNCONFIRMED_HEADER = "X-Seealso-Unconfirmed"


def decided(*statuses: int) -> Any:
    """Return the answers to a decision, beside what it is as a rule, as the OpenAPI document takes them."""
    told = f"In force on this machine; {UNCONFIRMED_HEADER} names those that may not know it yet"
    return documented(*statuses) | {202: {"description": told}}


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
    image_alt: str | None = Field(None, description="what the picture shows, in words")
    image_width: int | None = Field(None, description="in pixels")
    image_height: int | None = None
    image_srcset: str | None = Field(None, description="the picture in several widths, as HTML's srcset has it")
    reading_minutes: int | None = Field(None, description="how long the text takes to be read; null for no text")
    score: float = Field(description="how related it is; comparable within one snapshot")
    probability: float = Field(description="the chance that a person would call the two related, 0 to 1")
    pinned: bool | None = Field(None, description="true where an editor put it there; else missing")
    team: str | None = Field(None, description="while a trial runs: 'a' or 'b', for the page's events; else missing")
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
    image_alt: str | None = None
    image_width: int | None = None
    image_height: int | None = None
    image_srcset: str | None = None
    editor_related: list[str] | None = None
    access: str | None = None
    sponsored: bool | None = None
    sensitive: bool | None = None
    canonical: str | None = None
    cut_away: str | None = Field(None, description="what stood on its page and was left out, as menus and adverts")


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
    articles: int | None = Field(description="those that may be found: of the snapshot, and live ones")
    live: int | None = Field(description="those that were put since the night read its sources")
    model: str | None
    forced: list[str]
    cache: str
    engine: str = Field(
        description="the search engine: 'off' (there is none), 'up', 'down' (it does not answer), or 'stale' (it has "
        "another snapshot)"
    )
    degraded: list[str] = Field(
        description="parts that are missing for now: 'cache', 'snapshot' (what is published cannot be served), "
        "'editorial' (what was decided cannot be read; what is known holds), 'engine' (snapshots are searched without "
        "it)"
    )
    warnings: list[str]


class StateAnswer(BaseModel):
    """A word that all is well."""

    status: str


def answer(body: bytes, media_type: str, snapshot: Snapshot | None = None) -> Response:
    """Return bytes as an answer, with the headers that every answer has.

    Where something was decided that other machines do not know yet, it is a 202, and says which.
    """
    response = Response(body, content_type=media_type)
    if unknowing := g.get("seealso_unknowing"):
        response.status_code = 202
        # A machine's name has the path of its index folder, in whatever letters that is.
        response.headers[UNCONFIRMED_HEADER] = ", ".join(unknowing).encode("ascii", "backslashreplace").decode()
    response.headers[REQUEST_ID_HEADER] = request_id()
    response.headers["Cache-Control"] = "no-store"  # blocks, which caches may keep, are answered before Flask
    if snapshot is not None:
        response.headers[SNAPSHOT_HEADER] = snapshot.id
    return response
