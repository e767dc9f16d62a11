"""A client of the service: a method for each thing it does, as typed calls, at once or in asyncio.

    with Client("https://related.example") as seealso:
        block = seealso.related("tides-explained", limit=6)

In: an address, a key where one is needed. Out: what the service answers, as it answers it. It knows nothing else of
this project, so that this one file may be copied into a program that has httpx2 and none of what an index needs.
"""

import asyncio
import functools
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import (
    Any,
    Concatenate,
    Generic,
    Literal,
    NotRequired,
    ParamSpec,
    Required,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)
from urllib.parse import quote

import httpx2

PAUSE_SECONDS = 0.2
# Whoever is told to come back later than this is told so instead of waiting.
PAUSE_SECONDS_MAX = 5.0
# What a server says when the same may be welcome a moment later (RFC 9110, 15.6; RFC 6585, 4).
_LATER = frozenset({429, 502, 503, 504})

Mode = Literal["background", "latest", "evergreen"]
Scope = Literal["read", "editor", "index", "admin"]
Action = Literal["pin", "exclude", "boost", "bury", "sensitive", "sponsored", "evergreen"]


class SeealsoFailure(Exception):
    """A call came to nothing."""


class NoAnswer(SeealsoFailure):
    """The service did not answer, or not in time."""


class Problem(SeealsoFailure):
    """The service refused, and says why (RFC 9457). `type` is stable; `field` names what of the request is wrong."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        self.status = status
        self.title = str(told.get("title", "The answer is an error"))
        self.detail = str(told.get("detail", f"it is no problem+json; is the address that of the service? ({status})"))
        self.type = str(told.get("type", "about:blank"))
        self.field: str | None = told.get("field")
        self.request_id: str | None = told.get("request_id")
        super().__init__(f"{self.title}: {self.detail}")


class Filters(TypedDict, total=False):
    """What a block may hold; what is left out is as the service and its placements have it."""

    limit: int
    section: Sequence[str]
    exclude: Sequence[str]
    language: Sequence[str]
    published_after: str
    published_before: str
    mode: Mode
    min_probability: float
    stories: Literal["one", "all"]
    placement: str


class Explained(Filters, total=False):
    """The same, and whether each item says why it is there."""

    explain: bool


class Look(Filters, total=False):
    """What a block as HTML may hold, and how it looks."""

    layout: Literal["list", "grid", "compact", "carousel"]
    heading: int
    images: bool
    theme: Literal["auto", "light", "dark"]
    lang: str
    json_ld: bool


class Text(Explained, total=False):
    """A text to find related articles for: `text`, or `title` and `body`."""

    text: str
    title: str
    body: str


class PageBlock(Explained, total=False):
    """One of the blocks of a page."""

    name: Required[str]


class Fields(TypedDict, total=False):
    """An article's fields but its id."""

    title: Required[str]
    body: Required[str]
    url: str | None
    section: str | None
    summary: str | None
    published: str | None
    updated: str | None
    author: str | None
    tags: list[str] | None
    language: str | None
    image: str | None
    image_alt: str | None
    image_width: int | None
    image_height: int | None
    image_srcset: str | None
    editor_related: list[str] | None
    access: str | None
    sponsored: bool | None
    sensitive: bool | None
    canonical: str | None
    cut_away: str | None


class Article(Fields):
    """An article as indexed."""

    id: str


class Card(TypedDict):
    """An article as shown in a block."""

    id: str
    title: str
    url: str | None
    section: str | None
    summary: str | None
    published: str | None
    updated: str | None
    author: str | None
    language: str | None
    image: str | None
    access: str | None
    image_alt: NotRequired[str | None]
    image_width: NotRequired[int | None]
    image_height: NotRequired[int | None]
    image_srcset: NotRequired[str | None]
    reading_minutes: NotRequired[int | None]
    score: float
    probability: float
    pinned: NotRequired[bool]
    team: NotRequired[str]
    why: NotRequired[dict[str, Any]]


class Similar(TypedDict):
    """The block of a text."""

    snapshot: str
    related: list[Card]


class Related(Similar):
    """The block of an article."""

    id: str


class BatchBlock(TypedDict):
    """The block of one of many articles."""

    id: str
    related: list[Card]


class Batch(TypedDict):
    """The blocks of many articles, and the ids that are not in the index."""

    snapshot: str
    blocks: list[BatchBlock]
    unknown: list[str]


class FilledBlock(TypedDict):
    """One of the blocks of a page."""

    name: str
    related: list[Card]


class Page(TypedDict):
    """The blocks of one page: nothing twice."""

    id: str
    snapshot: str
    blocks: list[FilledBlock]


class _Decided(TypedDict):
    """`unconfirmed`: machines that may not know it yet; missing where all do."""

    unconfirmed: NotRequired[str]


class Put(_Decided):
    """What became of an article."""

    article: str
    state: Literal["new", "changed", "unchanged", "removed"]
    snapshot: str
    passages: NotRequired[int]
    shown_under: NotRequired[list[str]]


class Imported(TypedDict):
    """What became of one of many; why it was refused."""

    article: str | None
    state: Literal["new", "changed", "unchanged", "refused"]
    detail: str | None


class Import(_Decided):
    """What became of each of many, in their order."""

    articles: list[Imported]


class TakedownFacts(TypedDict):
    """An article that may not be shown."""

    article: str
    since: str
    until: str | None
    who: str
    reason: str


class Purge(TypedDict):
    """What caches in front may still hold: surrogate keys, addresses of blocks, and of the pages they stand on."""

    keys: list[str]
    paths: list[str]
    pages: list[str]


class Takedown(_Decided):
    """What was taken down, or was until now, and what is left to be done elsewhere."""

    takedown: TakedownFacts
    purge: Purge


class Takedowns(TypedDict):
    """The articles that may not be shown now."""

    takedowns: list[TakedownFacts]


class Proof(TypedDict):
    """Under which articles one is shown."""

    article: str
    snapshot: str
    taken_down: bool
    indexed: bool
    blocks_made: int
    shown_under: list[str]


class Wish(TypedDict, total=False):
    """What an editor wants of blocks."""

    action: Required[Action]
    reason: Required[str]
    under: dict[str, str] | None
    about: dict[str, str] | None
    number: int | None
    until: str | None


class Rule(_Decided):
    """A rule that holds."""

    id: int
    action: Action
    under: dict[str, str] | None
    about: dict[str, str] | None
    number: int | None
    since: str
    until: str | None
    who: str
    reason: str


class Rules(TypedDict):
    """The rules that hold now."""

    rules: list[Rule]


class Change(_Decided):
    """One entry of the log."""

    sequence: int
    moment: str
    who: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str


class Changes(TypedDict):
    """Entries of the log, the newest first."""

    changes: list[Change]


class Told(TypedDict):
    """A message to the caches in front, and what came of it."""

    id: int
    state: Literal["waiting", "done", "given-up"]
    message: dict[str, Any]
    since: str
    tries: int
    next_try: str | None
    done: str | None
    failure: str | None


class Purges(TypedDict):
    """Messages to caches, the newest first."""

    purges: list[Told]


class Click(TypedDict, total=False):
    """An item that was clicked, and its place in the block, from 1 on."""

    item: Required[str]
    slot: Required[int]
    team: str


class Seen(TypedDict, total=False):
    """What a page showed of a block, in its order, and what was clicked there."""

    article: Required[str]
    block: str
    shown: Sequence[str]
    clicked: Sequence[Click]
    slots: Sequence[int]
    teams: Sequence[str]


class Days(TypedDict, total=False):
    """From which day on and up to which, as '2026-11-28'."""

    first: str
    last: str


class Counted(Days, total=False):
    """Which counts are asked for, and how they are added up."""

    by: Literal["item", "article", "pair", "slot", "day", "block", "team"]
    article: str
    item: str
    limit: int


class Rate(TypedDict):
    """How often something was shown and clicked, and between which shares the true one lies."""

    of: dict[str, Any]
    shown: int
    clicked: int
    share: float | None
    low: float | None
    high: float | None


class Rates(TypedDict):
    """Shares of clicks."""

    rates: list[Rate]


class Key(TypedDict):
    """A key: all but its text, which nobody can find out."""

    id: str
    name: str
    scope: Scope
    created: str
    expires: str | None
    revoked: str | None
    last_used: str | None


class Keys(TypedDict):
    """All keys, revoked and expired ones included."""

    keys: list[Key]


class KeyMade(_Decided):
    """A key that was made, and its text, which is told this once."""

    key: Key
    text: str


class RolledBack(_Decided):
    """What is served from now on, and was until now; since when by the worker that answers, and soon by all."""

    snapshot: str
    before: str
    live: str | None
    within_ms: int
    detail: str


class Status(TypedDict):
    """What is served, how old it is, and what somebody should look at."""

    snapshot: str | None
    made: str | None
    age_s: int | None
    articles: int | None
    live: int | None
    model: str | None
    forced: list[str]
    cache: str
    engine: str
    degraded: list[str]
    warnings: list[str]


Answer = TypeVar("Answer")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """A request, not yet sent. `again`: whether to have done it twice is to have done it once.

    `has`: what its answer has in any case, '' where it is no JSON object: the block as HTML (`as_text`), or nothing.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    again: bool = False
    has: str = ""
    as_text: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class _Endpoint(Generic[P, Answer]):
    """A method that makes a call: on a Client it answers, on an AsyncClient its answer is awaited."""

    def __init__(self, make: Callable[Concatenate[Any, P], Call[Answer]]) -> None:
        self.__doc__ = make.__doc__
        self._make = make

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, Answer]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Awaitable[Answer]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        @functools.wraps(self._make)
        def asked(*given: P.args, **named: P.kwargs) -> Any:
            return client.send(self._make(client, *given, **named))

        return asked


def _of(article_id: str, ends: str = "") -> str:
    return f"/v1/articles/{quote(article_id, safe='')}{ends}"


def _said(**named: Any) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}


class _Calls:
    """What can be asked for; ids may be any text."""

    @_Endpoint
    def related(self, article_id: str, **wanted: Unpack[Explained]) -> Call[Related]:
        """Return the block under an article, best first."""
        return Call("GET", _of(article_id, "/related"), wanted, again=True, has="related")

    @_Endpoint
    def related_html(self, article_id: str, **wanted: Unpack[Look]) -> Call[str]:
        """Return the block as an HTML fragment; '' where nothing is to be shown."""
        return Call("GET", _of(article_id, "/related.html"), wanted, again=True, as_text=True)

    @_Endpoint
    def related_to_many(self, articles: Sequence[str], **wanted: Unpack[Explained]) -> Call[Batch]:
        """Return the blocks of up to 500 articles at once."""
        return Call("POST", "/v1/related", body={"articles": [*articles], **wanted}, again=True, has="blocks")

    @_Endpoint
    def page(self, article_id: str, blocks: Sequence[PageBlock], shown: Sequence[str] = ()) -> Call[Page]:
        """Return the several blocks of one page, nothing twice, nor of what is `shown` there already."""
        return Call(
            "POST",
            "/v1/page",
            body={"article": article_id, "shown": [*shown], "blocks": [*blocks]},
            again=True,
            has="blocks",
        )

    @_Endpoint
    def similar(self, **text: Unpack[Text]) -> Call[Similar]:
        """Return the block of a text that is not in the index."""
        return Call("POST", "/v1/similar", body=text, again=True, has="related")

    @_Endpoint
    def article(self, article_id: str) -> Call[Article]:
        """Return an article as indexed; fields that its source left out are missing."""
        return Call("GET", _of(article_id), again=True, has="id")

    @_Endpoint
    def put(self, article_id: str, **fields: Unpack[Fields]) -> Call[Put]:
        """Publish an article, or what it is from now on, whole. Needs a key for `index`."""
        return Call("PUT", _of(article_id), body=fields, again=True, has="article")

    @_Endpoint
    def put_many(self, articles: Sequence[Article]) -> Call[Import]:
        """Put up to fifty articles; each stands for itself. Needs a key for `index`."""
        return Call("POST", "/v1/articles", body={"articles": [*articles]}, again=True, has="articles")

    @_Endpoint
    def delete(self, article_id: str, reason: str) -> Call[Put]:
        """Remove an article that is no more. Needs a key for `index`."""
        return Call("DELETE", _of(article_id), {"reason": reason}, has="article")

    @_Endpoint
    def take_down(self, article_id: str, reason: str, until: str | None = None) -> Call[Takedown]:
        """Show an article nowhere any more, from the answer on. Needs a key for `editor`, as all below but clicks."""
        return Call("POST", _of(article_id, "/takedown"), body={"reason": reason, "until": until}, has="takedown")

    @_Endpoint
    def restore(self, article_id: str, reason: str) -> Call[Takedown]:
        """Show an article again that was taken down."""
        return Call("DELETE", _of(article_id, "/takedown"), {"reason": reason}, has="takedown")

    @_Endpoint
    def takedowns(self) -> Call[Takedowns]:
        """Return what may not be shown now."""
        return Call("GET", "/v1/takedowns", again=True, has="takedowns")

    @_Endpoint
    def proof(self, article_id: str) -> Call[Proof]:
        """Return under which articles one is shown; all blocks that might are made anew."""
        return Call("GET", _of(article_id, "/proof"), again=True, has="shown_under")

    @_Endpoint
    def make_rule(self, **wish: Unpack[Wish]) -> Call[Rule]:
        """Pin, exclude, boost, bury; mark an article; ask for evergreen pieces."""
        return Call("POST", "/v1/rules", body=wish, has="action")

    @_Endpoint
    def rules(self, article: str | None = None, section: str | None = None) -> Call[Rules]:
        """Return the rules that hold, or those that name an article or a section."""
        return Call("GET", "/v1/rules", _said(article=article, section=section), again=True, has="rules")

    @_Endpoint
    def undo_rule(self, rule_id: int, reason: str) -> Call[Rule]:
        """Have a rule hold no more."""
        return Call("DELETE", f"/v1/rules/{rule_id}", {"reason": reason}, has="action")

    @_Endpoint
    def changes(self, subject: str | None = None, after: int = 0, limit: int = 100) -> Call[Changes]:
        """Return what was decided, by whom and why, the newest first."""
        return Call("GET", "/v1/changes", _said(subject=subject, after=after, limit=limit), again=True, has="changes")

    @_Endpoint
    def undo(self, sequence: int, reason: str) -> Call[Change]:
        """Undo a change."""
        return Call("POST", f"/v1/changes/{sequence}/undo", {"reason": reason}, has="sequence")

    @_Endpoint
    def purges(self, state: str | None = None, limit: int = 100) -> Call[Purges]:
        """Return what caches in front were told: all, or what is `waiting`, `done` or `given-up`."""
        return Call("GET", "/v1/purges", _said(state=state, limit=limit), again=True, has="purges")

    @_Endpoint
    def retry_purge(self, purge_id: int) -> Call[Told]:
        """Have caches told again."""
        return Call("POST", f"/v1/purges/{purge_id}/retry", again=True, has="state")

    @_Endpoint
    def purge_done(self, purge_id: int) -> Call[Told]:
        """Say that the caches were made to drop it by hand."""
        return Call("POST", f"/v1/purges/{purge_id}/done", again=True, has="state")

    @_Endpoint
    def events(self, *blocks: Seen, user_agent: str, gpc: bool = False) -> Call[None]:
        """Say what a reader was shown of a page's blocks, and clicked there. Needs no key.

        `user_agent` is the one that the reader's browser sent: what calls itself a program is not counted. `gpc` is
        whether it sent `Sec-GPC: 1`: its reader wants none of it.
        """
        # A stranger may send any letters; headers are sent in ASCII.
        told = {"User-Agent": user_agent.encode("ascii", "replace").decode(), **({"Sec-GPC": "1"} if gpc else {})}
        return Call("POST", "/v1/events", body={"blocks": blocks}, headers=told)

    @_Endpoint
    def clicks(self, **counted: Unpack[Counted]) -> Call[Rates]:
        """Return how often things were shown and clicked."""
        return Call("GET", "/v1/clicks", counted, again=True, has="rates")

    @_Endpoint
    def trial(self, **days: Unpack[Days]) -> Call[dict[str, Any]]:
        """Return how the two recipes that are tried compare."""
        return Call("GET", "/v1/trial", days, again=True, has="trial")

    @_Endpoint
    def keys(self) -> Call[Keys]:
        """Return who has a key, and what it opens. Needs a key for `admin`, as the next three."""
        return Call("GET", "/v1/keys", again=True, has="keys")

    @_Endpoint
    def make_key(self, name: str, scope: Scope, expires: str | None = None) -> Call[KeyMade]:
        """Make a key for a person or a program."""
        return Call("POST", "/v1/keys", body={"name": name, "scope": scope, "expires": expires}, has="key")

    @_Endpoint
    def revoke_key(self, key_id: str, reason: str) -> Call[Key]:
        """Have a key open nothing any more."""
        return Call("DELETE", f"/v1/keys/{quote(key_id, safe='')}", {"reason": reason}, has="scope")

    @_Endpoint
    def roll_back(self, snapshot_id: str, reason: str) -> Call[RolledBack]:
        """Serve an earlier snapshot again, until the next night."""
        return Call(
            "POST", f"/v1/snapshots/{quote(snapshot_id, safe='')}/rollback", body={"reason": reason}, has="before"
        )

    @_Endpoint
    def status(self) -> Call[Status]:
        """Return what is served, and what somebody should look at. Needs no key."""
        return Call("GET", "/v1/status", again=True, has="snapshot")


class _Sender(_Calls):
    """What both clients are made of. `seconds_max` is for one try, a slow answer included; `tries` for all calls that
    may be made twice; those that may not are repeated only where no connection came about.
    """

    def __init__(self, url: str, key: str | None = None, *, seconds_max: float = 10.0, tries: int = 3) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the service's address must begin with http:// or https:// (got {url!r})")
        if tries < 1 or seconds_max <= 0:
            raise ValueError(f"tries and seconds_max must be above 0 (got {tries} and {seconds_max})")
        self.url = url.rstrip("/")
        self._seconds_max = seconds_max
        self._tries = tries
        self._headers = {"Accept": "application/json, text/html, application/problem+json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    async def _answer(
        self,
        call: Call[Answer],
        ask: Callable[[httpx2.Request], Awaitable[httpx2.Response]],
        pause: Callable[[float], Awaitable[None]],
    ) -> Answer:
        """Send a call, in tries, and return its answer; what it awaits need not suspend."""
        request = self._request(call)
        for left in reversed(range(self._tries)):
            wait_s = PAUSE_SECONDS * 2 ** (self._tries - 1 - left)
            try:
                response = await ask(request)
            except (httpx2.RequestError, TimeoutError) as error:
                if left == 0 or not (call.again or isinstance(error, httpx2.ConnectError)):
                    raise NoAnswer(f"{self.url} did not answer ({type(error).__name__}: {error})") from error
            else:
                if response.is_success:
                    answer: Answer = _read(call, response)
                    return answer
                wait_s = max(wait_s, _retry_after_s(response))
                if left == 0 or not call.again or response.status_code not in _LATER or wait_s > PAUSE_SECONDS_MAX:
                    raise Problem(response.status_code, _problem_of(response))
            await pause(wait_s)
        raise AssertionError("the last try returns or raises")

    def _request(self, call: Call[Any]) -> httpx2.Request:
        if {".", ".."} & {*call.path.split("/")}:  # it would be taken for another address, however it is written
            raise ValueError(f"'.' and '..' are ids that no address can hold (got {call.path})")
        query = {name: int(value) if isinstance(value, bool) else value for name, value in call.query.items()}
        body = None if call.body is None else dict(call.body)
        timeout = httpx2.Timeout(self._seconds_max).as_dict()
        extensions = {"timeout": timeout}
        url = self.url + call.path
        headers = {**self._headers, **call.headers}
        return httpx2.Request(call.method, url, params=query, headers=headers, json=body, extensions=extensions)


class Client(_Sender):
    """The service, each call returning what it answers. Safe from many threads. Raises Problem, NoAnswer."""

    def __init__(self, url: str, key: str | None = None, *, seconds_max: float = 10.0, tries: int = 3) -> None:
        super().__init__(url, key, seconds_max=seconds_max, tries=tries)
        self._http = httpx2.Client()

    def send(self, call: Call[Answer]) -> Answer:
        """Return the answer to a call."""
        return _run(self._answer(call, self._ask, _sleep))

    async def _ask(self, request: httpx2.Request) -> httpx2.Response:
        # The limits of an HTTP client are for connecting, sending and each byte that comes: together they have no end.
        outcome: queue.SimpleQueue[httpx2.Response | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._ask_aside, args=(request, outcome), name="seealso", daemon=True).start()
        try:
            answer = outcome.get(timeout=self._seconds_max)
        except queue.Empty:
            raise TimeoutError(f"no whole answer within {self._seconds_max:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask_aside(self, request: httpx2.Request, outcome: queue.SimpleQueue[httpx2.Response | Exception]) -> None:
        ends = time.monotonic() + self._seconds_max
        try:
            response = self._http.send(request, stream=True)
            try:
                body = b"".join(_in_time(piece, ends) for piece in response.iter_bytes())
            finally:
                response.close()
            outcome.put(httpx2.Response(response.status_code, headers=_plain(response), content=body))
        except Exception as error:  # whatever it is, it is raised where the answer is awaited
            outcome.put(error)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Sender):
    """The service, the answer of each call to be awaited. Raises Problem, NoAnswer."""

    def __init__(self, url: str, key: str | None = None, *, seconds_max: float = 10.0, tries: int = 3) -> None:
        super().__init__(url, key, seconds_max=seconds_max, tries=tries)
        self._http = httpx2.AsyncClient()

    async def send(self, call: Call[Answer]) -> Answer:
        """Return the answer to a call."""
        return await self._answer(call, self._ask, asyncio.sleep)

    async def _ask(self, request: httpx2.Request) -> httpx2.Response:
        async with asyncio.timeout(self._seconds_max):
            return await self._http.send(request)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.aclose()


def _run(answering: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what a coroutine returns that awaits nothing but what is done at once."""
    try:
        answering.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    raise AssertionError("nothing suspends here")


async def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _in_time(piece: bytes, ends: float) -> bytes:
    if time.monotonic() > ends:
        raise TimeoutError("nobody waits for it any more")
    return piece


def _plain(response: httpx2.Response) -> list[tuple[str, str]]:
    """Return the headers of an answer whose body has been read and decoded."""
    return [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]


def _read(call: Call[Answer], response: httpx2.Response) -> Any:
    """Return what an answer says. Raises NoAnswer for what is none of the service's, whatever its status."""
    if call.as_text:
        return _fragment(response)
    if not call.has and response.status_code == 204:
        return None
    try:
        answer = response.json()
    except ValueError as error:
        raise NoAnswer(f"{response.status_code} came without JSON; is the address that of the service?") from error
    if not isinstance(answer, dict) or call.has not in answer:
        raise NoAnswer(f"{response.status_code} came with other JSON; is the address that of the service?")
    if unconfirmed := response.headers.get("X-Seealso-Unconfirmed"):
        answer["unconfirmed"] = unconfirmed
    return answer


def _fragment(response: httpx2.Response) -> str:
    """Return a block as HTML, '' for none. Raises NoAnswer for what is none, such as the page of a proxy."""
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    if response.text and not (is_html and response.text.startswith('<section class="seealso')):
        raise NoAnswer(f"{response.status_code} came without a block; is the address that of the service?")
    return response.text


def _problem_of(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _retry_after_s(response: httpx2.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", 0))
    except ValueError:  # a date: whoever says one does not mean a moment
        return PAUSE_SECONDS_MAX + 1
