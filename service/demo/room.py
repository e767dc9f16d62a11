"""/demo: the newspaper of examples/newsroom as a small website whose articles end in the live block.

It is there only where SEEALSO_DEMO says so. What a visitor chooses stands in the address of every page; without scripts
all of it works but the block that a script would put in.
"""

from typing import Any

import orjson
from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from markupsafe import Markup

from seealso.article import primary_language
from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON
from service.api.inputs import RelatedQuery
from service.api.reading import read_query
from service.block.fragment import render_block
from service.block.labels import HEADINGS, labels_of, name_of
from service.blocks import encode_cards, row_of
from service.demo.choices import SWITCHES, Choices
from service.demo.drawings import draw
from service.demo.paper import LANGUAGE, dressed, newest, section_at, story_of
from service.desk.pages import HEADERS, policy, wants_data
from service.parts import in_a_place, parts
from service.problems import MEDIA_TYPE

PICTURE_SECONDS = 86_400
FRONT_STORIES, SECTION_STORIES, BAND_STORIES = 11, 13, 4

demo = Blueprint(
    "demo", __name__, url_prefix="/demo", template_folder="templates", static_folder="static", static_url_path="/static"
)


@demo.get("/")
def front() -> Response:
    """The front page: the newest pieces, and some of every section."""
    snapshot, choices = parts().current.snapshot(), _choices()
    stories = newest(snapshot, most=FRONT_STORIES)
    bands = [(section, newest(snapshot, section, BAND_STORIES)) for section in snapshot.sections]
    return _page("front.html", snapshot, choices, stories=stories, bands=[band for band in bands if band[1]])


@demo.get("/sections/<path:slug>")
def section(slug: str) -> Response:
    """A section's newest pieces."""
    snapshot, choices = parts().current.snapshot(), _choices()
    name = section_at(snapshot, slug) or abort(404)
    stories = newest(snapshot, name, SECTION_STORIES)
    return _page("section.html", snapshot, choices, section=name, stories=stories)


@demo.get("/articles/<article_id:article_id>")
@in_a_place(lambda here: here.lanes.batches)
def article(article_id: str) -> Response:
    """A piece, the block under it, and the switches of the block."""
    here, choices = parts(), _choices()
    snapshot = here.current.snapshot()
    row = row_of(snapshot, article_id)
    whole: dict[str, Any] = orjson.loads(snapshot.article(row))
    items = here.blocks.related(snapshot, row, choices.wanted)
    cards = [_dressed(snapshot, item.row, choices) for item in items]
    language = whole.get("language")
    if primary_language(language) == primary_language(LANGUAGE):
        language = LANGUAGE  # as the paper writes dates
    fragment = render_block(cards, language, choices.look, here.blocks.dress)
    return _page(
        "article.html",
        snapshot,
        choices,
        story=story_of(snapshot, row),
        paragraphs=[paragraph for paragraph in whole["body"].split("\n\n") if paragraph],
        sponsored=whole.get("sponsored"),
        fragment=Markup(fragment),  # noqa: S704 - all within is escaped, see render_block
        cards=cards,
        switches=SWITCHES,
        languages=sorted((name_of(tag), tag) for tag in HEADINGS),
    )


@demo.get("/v1/articles/<article_id:article_id>/related")
@in_a_place(lambda here: here.lanes.batches)
def related(article_id: str) -> Response:
    """The block as JSON for the script, as the service gives it, but leading into the demo."""
    here = parts()
    snapshot = here.current.snapshot()
    row = row_of(snapshot, article_id)
    query = read_query(request.query_string.decode("latin-1"), RelatedQuery)
    items = here.blocks.related(snapshot, row, query.wanted(here.placements))
    cards = orjson.loads(encode_cards(snapshot, items))
    shown = [
        card | _dressed(snapshot, item.row, Choices(way="script")) for card, item in zip(cards, items, strict=True)
    ]
    return Response(orjson.dumps({"id": article_id, "snapshot": snapshot.id, "related": shown}), content_type=JSON)


@demo.get("/pictures/<section>-<int:number>.svg")
def picture(section: str, number: int) -> Response:
    """A picture drawn for a piece."""
    response = Response(draw(section, number), content_type="image/svg+xml; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={PICTURE_SECONDS}"
    return response


@demo.after_request
def protect(response: Response) -> Response:
    """Give a page its headers, and a browser that wants a page a problem as one."""
    if response.mimetype == MEDIA_TYPE and not wants_data():
        told = orjson.loads(response.get_data())
        response.set_data(render_template("demo/problem.html", problem=told, choices=Choices(), sections=[], today=""))
        response.mimetype = "text/html"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", policy())
    return response


def _choices() -> Choices:
    return read_query(request.query_string.decode("latin-1"), Choices)


def _page(template: str, snapshot: Snapshot, choices: Choices, **facts: Any) -> Response:
    made = labels_of(LANGUAGE).day(snapshot.manifest.created)
    sections = [(name, name.casefold()) for name in snapshot.sections]
    frame = {"choices": choices, "sections": sections, "today": made}
    return make_response(render_template(f"demo/{template}", **frame, **facts))


def _dressed(snapshot: Snapshot, row: int, choices: Choices) -> dict[str, Any]:
    story = story_of(snapshot, row)
    card = orjson.loads(snapshot.card(row))
    url = url_for("demo.article", article_id=card["id"], _external=True) + choices.query
    return dressed(card, url, request.host_url.rstrip("/") + f"/demo/pictures/{story['picture']}.svg")
