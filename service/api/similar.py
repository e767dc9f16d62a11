"""/v1/similar: the block of a text that is not in the index."""

import functools
from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from service.api.answers import SimilarAnswer, answer, encode_cards, parts
from service.api.articles import JSON
from service.api.reading import SimilarBody
from service.problems import documented
from service.related import related_to_text
from service.texts import title_and_text

EXAMPLE = {"title": "A working title", "body": "The text of a draft, as far as it is written.", "limit": 6}

similar = APIBlueprint("similar", __name__, tag="Texts")


def in_a_place(view: Callable[..., Response]) -> Callable[..., Response]:
    """Have a view hold one of the few places for a text, from before its body is read."""

    @functools.wraps(view)
    def held(*arguments: Any, **named: Any) -> Response:
        with parts().texts.place():
            return view(*arguments, **named)

    return held


@similar.post("/v1/similar")
@in_a_place
@similar.input(SimilarBody, location="json", arg_name="body", example=EXAMPLE)
@similar.output(SimilarAnswer, description="The articles most related to the text, best first")
@similar.doc(operation_id="similar", responses=documented(400, 413, 415, 503))
def similar_to_text(body: SimilarBody) -> Response:
    """The articles related to a text that is not in the index: a draft, or a pasted page."""
    here = parts()
    snapshot = here.current.snapshot()
    wanted = body.wanted(here.placements)
    title, text = (body.title or "", body.body or "") if body.text is None else title_and_text(body.text)
    language = body.language[0] if len(body.language) == 1 else None
    draft = here.texts.draft(snapshot, title, text, language)
    cards = encode_cards(snapshot, related_to_text(snapshot, draft, wanted))
    return answer(b'{"snapshot":"' + snapshot.id.encode() + b'","related":' + cards + b"}", JSON, snapshot)
