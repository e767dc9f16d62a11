"""/v1/similar: the block of a text that is not in the index."""

from functools import partial

from apiflask import APIBlueprint
from flask import Response

from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON, SimilarAnswer, answer
from service.api.inputs import SimilarBody
from service.blocks import encode_cards
from service.parts import as_decided, in_a_place, parts
from service.problems import documented
from service.related import related_to_text
from service.rulings import Ruling
from service.texts import title_and_text
from service.traces import span

EXAMPLE = {"title": "A working title", "body": "The text of a draft, as far as it is written.", "limit": 6}

similar = APIBlueprint("similar", __name__, tag="Texts")


@similar.post("/v1/similar")
@in_a_place(lambda here: here.lanes.texts)
@similar.input(SimilarBody, location="json", arg_name="body", example=EXAMPLE)
@similar.output(SimilarAnswer, description="The articles most related to the text, best first")
@similar.doc(operation_id="similar", responses=documented(400, 413, 415, 429, 503))
def similar_to_text(body: SimilarBody) -> Response:
    """The articles related to a text that is not in the index: a draft, or a pasted page."""
    here = parts()
    wanted = body.wanted(here.placements)
    title, text = (body.title or "", body.body or "") if body.text is None else title_and_text(body.text)
    language = body.language[0] if len(body.language) == 1 else None

    def make(snapshot: Snapshot) -> tuple[Response, set[int]]:
        with span("text_read"):
            draft = here.texts.draft(snapshot, title, text, language)
        with span("text_ranked"):
            items = related_to_text(snapshot, draft, wanted, partial(ruling_of, snapshot))
        head = b'{"snapshot":"' + snapshot.id.encode() + b'","related":'
        made = answer(head + encode_cards(snapshot, items) + b"}", JSON, snapshot)
        return made, {item.row for item in items}

    return as_decided(make)


def ruling_of(snapshot: Snapshot, row: int | None) -> Ruling:
    """Return what editors want of the block of an article, or of a text that is none."""
    rulings = parts().blocks.rulings
    return rulings.of_text(snapshot) if row is None else rulings.of_article(snapshot, row)
