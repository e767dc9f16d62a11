"""/v1/webhooks/...: content systems tell by themselves what was published, changed and withdrawn.

Each message is signed with a secret that both know. Messages may come late, twice, or in another order: what is older
than what is known changes nothing.
"""

import functools
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from apiflask import APIBlueprint
from flask import Response, abort, request
from pydantic import BaseModel, ConfigDict, Field

from seealso.article import Article, InvalidArticle, parse_time
from seealso.errors import InvalidRequest, SignatureWrong, UnknownArticle
from seealso.posts import article_of_post, ghost_fields, is_protected, wordpress_fields
from service.api.answers import JSON, answer, decided
from service.api.inputs import checked_id
from service.api.publishing import Outdated, put_article, remove_article
from service.parts import in_a_place, parts

webhooks = APIBlueprint("webhooks", __name__, tag="Content systems")
# A message is refused that is older, or of so far in the future.
SECONDS_APART_MAX = 300.0
_GHOST = re.compile(r"sha256=([0-9a-f]{64}), ?t=([0-9]{1,16})")
_HUB = re.compile(r"sha256=([0-9a-f]{64})")

View = Callable[..., Response]


class WordPressMessage(BaseModel):
    """What happened to a post, as the plugin in examples/wordpress tells it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    event: Literal["published", "removed"]
    time: int = Field(ge=0, lt=10**12, description="when it was sent, in seconds since 1970")
    post: dict[str, Any] = Field(description="the post as WordPress's REST interface has it; of a removed one, its id")


class GhostPost(BaseModel):
    """A post as it is, and what of it was otherwise before."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    current: dict[str, Any] = {}
    previous: dict[str, Any] = {}


class GhostMessage(BaseModel):
    """What happened to a post, as Ghost tells it; messages on anything else change nothing."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    post: GhostPost | None = None


class MessageAnswer(BaseModel):
    """What became of a message."""

    article: str | None
    state: Literal["new", "changed", "unchanged", "removed", "outdated", "ignored"]


def signed(
    secret_of: Callable[[], str | None], text_of: Callable[[bytes], tuple[str, bytes]]
) -> Callable[[View], View]:
    """Have a view be called only for messages that are signed with a secret; without a secret there is no such view.

    `text_of` returns from a body the signature that its headers have, and what is signed. Raises SignatureWrong.
    """

    def guarded(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: Any, **named: Any) -> Response:
            secret = secret_of()
            if not secret:
                abort(404)
            given, text = text_of(request.get_data())
            wanted = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(given, wanted):
                raise SignatureWrong("it is not made of this body with this secret")
            return view(*arguments, **named)

        return checked

    return guarded


def _of_ghost(body: bytes) -> tuple[str, bytes]:
    signature, moment = _ghost_signature()
    _check_time(int(moment) / 1000)
    return signature, body + moment.encode()


def _ghost_signature() -> tuple[str, str]:
    """Return the signature of a message, and when it was sent, in milliseconds since 1970. Raises SignatureWrong."""
    match = _GHOST.fullmatch(request.headers.get("X-Ghost-Signature", ""))
    if match is None:
        raise SignatureWrong("X-Ghost-Signature must be 'sha256=..., t=...'")
    return match[1], match[2]


def _of_wordpress(body: bytes) -> tuple[str, bytes]:
    match = _HUB.fullmatch(request.headers.get("X-Hub-Signature-256", ""))
    if match is None:
        raise SignatureWrong("X-Hub-Signature-256 must be 'sha256=...'")
    return match[1], body


@webhooks.post("/v1/webhooks/wordpress")
@in_a_place(lambda here: here.lanes.texts)
@signed(lambda: parts().settings.wordpress_secret, _of_wordpress)
@webhooks.input(WordPressMessage, location="json", arg_name="body")
@webhooks.output(MessageAnswer)
@webhooks.doc(operation_id="wordpress", responses=decided(400, 401, 404, 413, 415, 503))
def wordpress(body: WordPressMessage) -> Response:
    """What WordPress tells of a post; signed by `X-Hub-Signature-256`."""
    _check_time(body.time)
    if type(body.post.get("id")) is not int:  # True is an int too
        raise InvalidRequest("post", "has no id, which is a number")
    if body.event == "removed" or body.post.get("status", "publish") != "publish" or is_protected(body.post):
        return _removed(str(body.post["id"]), "WordPress", body.time)
    return _published(wordpress_fields(body.post), "WordPress", body.time)


@webhooks.post("/v1/webhooks/ghost")
@in_a_place(lambda here: here.lanes.texts)
@signed(lambda: parts().settings.ghost_secret, _of_ghost)
@webhooks.input(GhostMessage, location="json", arg_name="body")
@webhooks.output(MessageAnswer)
@webhooks.doc(operation_id="ghost", responses=decided(400, 401, 404, 413, 415, 503))
def ghost(body: GhostMessage) -> Response:
    """What Ghost tells of a post; signed by `X-Ghost-Signature`."""
    if body.post is None:
        return _told(None, "ignored")
    post = body.post.current or body.post.previous
    if not isinstance(post.get("id"), str):
        raise InvalidRequest("post", "has no id")
    sent = int(_ghost_signature()[1]) / 1000
    if not body.post.current or post.get("status") != "published":
        return _removed(post["id"], "Ghost", sent)
    return _published(ghost_fields(post), "Ghost", sent)


def _published(fields: Mapping[str, Any], by: str, sent: float) -> Response:
    try:
        article = article_of_post(fields)
    except InvalidArticle as error:
        raise InvalidRequest("post", str(error)) from None
    if _is_outdated(article):
        return _told(article.id, "outdated")
    try:
        return _told(article.id, put_article(article, f"webhook of {by}", datetime.fromtimestamp(sent, UTC)).state)
    except Outdated:
        return _told(article.id, "outdated")


def _removed(post_id: str, by: str, sent: float) -> Response:
    article_id = checked_id(post_id, "post")
    try:
        remove_article(article_id, f"webhook of {by}", f"withdrawn in {by}", datetime.fromtimestamp(sent, UTC))
    except UnknownArticle:
        return _told(article_id, "unchanged")
    except Outdated:
        return _told(article_id, "outdated")
    return _told(article_id, "removed")


def _is_outdated(article: Article) -> bool:
    """Return whether a later version of an article is known."""
    snapshot = parts().current.snapshot()
    row = snapshot.row_of(article.id)
    known = None if row is None else orjson.loads(snapshot.card(row))["updated"]
    return article.updated is not None and known is not None and article.updated < parse_time(known)


def _check_time(sent: float) -> None:
    """Raise SignatureWrong if a message is not of now: somebody may have kept it, to send it again."""
    if abs(time.time() - sent) > SECONDS_APART_MAX:
        raise SignatureWrong(f"it is of {abs(time.time() - sent):.0f} seconds ago or ahead; are both clocks right?")


def _told(article_id: str | None, state: str) -> Response:
    return answer(orjson.dumps({"article": article_id, "state": state}), JSON)
