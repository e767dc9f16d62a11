"""HTTP out: the forms of the answers, and what every one of them has."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from flask import Response, current_app, g
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as BaseResponse

from seealso.editorial.decisions import now
from seealso.editorial.purges import add_purge_in, make_due
from seealso.editorial.rules import Wish
from seealso.editorial.store import Writing
from seealso.errors import BlocksLate, StoreUnavailable
from seealso.project import Placement
from seealso.settings import ServiceSettings
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.store import SnapshotStore
from service.auth import Door, needs
from service.blocks import Blocks
from service.cache import Cache
from service.clicks import Clicks
from service.comparing import Comparisons
from service.current import Current
from service.editorial import KNOWN_SECONDS, Editorial
from service.elsewhere import Elsewhere
from service.engine import Engine
from service.front import Front
from service.lanes import Lane, Lanes
from service.live import LiveArticles
from service.metrics import Metrics
from service.problems import REQUEST_ID_HEADER, documented, request_id
from service.purging import Purging
from service.texts import Texts
from service.to_drop import ToDrop, rule_message

JSON = "application/json"
View = Callable[..., BaseResponse]
Made = TypeVar("Made")
SNAPSHOT_HEADER = "X-Seealso-Snapshot"
UNCONFIRMED_HEADER = "X-Seealso-Unconfirmed"
# Blocks that are explained, or searched for in a large index, take many milliseconds each; and a service that is told
# to stop waits 25 seconds for what is in flight.
BLOCKS_SECONDS_MAX = 15.0
# Whom views need; where others may ask as well, the view says so itself.
editors = needs(lambda: parts().door, "editor", "admin")
admins = needs(lambda: parts().door, "admin")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views work with."""

    settings: ServiceSettings
    current: Current
    cache: Cache
    blocks: Blocks
    editorial: Editorial
    door: Door
    live: LiveArticles
    engine: Engine
    to_drop: ToDrop
    purging: Purging | None
    clicks: Clicks
    front: Front
    lanes: Lanes
    texts: Texts
    elsewhere: Elsewhere
    metrics: Metrics
    placements: Mapping[str, Placement]
    comparisons: Comparisons
    snapshot_store: SnapshotStore | None


@contextmanager
def deciding() -> Iterator["Deciding"]:
    """Decide something. When the block ends it is on the disk, all workers know it, and caches are being told.

    Where other machines share the store and one does not know it in time, the answer says so: see `answer`. Caches are
    told a little later then, for that machine would fill them with what they dropped. Raises StoreUnavailable.
    """
    here = parts()
    store = here.editorial.store()
    with store.writing() as writing:
        what = Deciding(writing, here.purging, here.settings.site, KNOWN_SECONDS if store.shared else 0.0, [])
        yield what
    try:  # it has been done, whatever can be told of it
        here.editorial.catch_up()
        behind = here.editorial.unknowing()
        unknowing = [f"{machine.name} (silent for {machine.silent_s:.0f} s)" for machine in behind]
    except StoreUnavailable as error:
        unknowing = [f"this worker, which answers nobody until it does ({error.reason})"]
    if here.purging is not None:
        if what.purge_after_s and what.purges and not unknowing:
            with suppress(StoreUnavailable):  # then they are sent when they are due
                make_due(store, what.purges, now())
        here.purging.wake()
    g.seealso_unknowing = [*g.get("seealso_unknowing", []), *unknowing]


class Deciding(NamedTuple):
    """What is decided in one transaction, and who tells caches of it.

    `purge_after_s`: how long they are not told if other machines may not know it; `purges`: the ids of what they are.
    """

    writing: Writing
    purging: Purging | None
    site: str | None
    purge_after_s: float
    purges: list[int]

    def purge(self, message: dict[str, Any]) -> None:
        """Have caches told of what was last decided, if there is an address to tell it to."""
        if self.purging is not None:
            add_purge_in(self.writing, message, self.purge_after_s, self.site)
            self.purges.append(self.writing.sequence)

    def purge_rule(self, wish: Wish, holds: bool) -> None:
        """Have caches told of a rule that was last decided: now it holds, or no more."""
        self.purge(rule_message(wish, parts().to_drop.ruled(wish, holds)))


def decided(*statuses: int) -> Any:
    """Return the answers to a decision, beside what it is as a rule, as the OpenAPI document takes them."""
    told = f"In force on this machine; {UNCONFIRMED_HEADER} names those that may not know it yet"
    return documented(*statuses) | {202: {"description": told}}


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


def made_in_time(making: Iterable[Made], wanted: int) -> list[Made]:
    """Return what is made one after the other, so many in all. Raises BlocksLate once it takes too long."""
    end, made = time.monotonic() + BLOCKS_SECONDS_MAX, list[Made]()
    for each in making:
        made.append(each)
        if len(made) < wanted and time.monotonic() > end:
            raise BlocksLate(len(made), wanted, BLOCKS_SECONDS_MAX)
    return made


def in_a_place(lane_of: Callable[[Parts], Lane]) -> Callable[[View], View]:
    """Have a view hold one of the few places for what is no page view, from before its body is read."""

    def held_by(view: View) -> View:
        @functools.wraps(view)
        def held(*arguments: Any, **named: Any) -> BaseResponse:
            with lane_of(parts()).place():
                return view(*arguments, **named)

        return held

    return held_by
