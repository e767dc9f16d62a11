"""/v1/related and /v1/page: the blocks of many articles at once, and the several blocks of one page."""

from collections.abc import Iterable, Sequence

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON, Card, answer
from service.api.inputs import BatchBody, PageBody
from service.blocks import encode_cards, row_of, shown_row_of
from service.parts import as_decided, in_a_place, made_in_time, parts
from service.problems import documented
from service.related import Item, related_on_page
from service.wanted import Wanted

BATCH_EXAMPLE = {"articles": ["tides-explained", "walking-the-ellen-estuary"], "limit": 3}
PAGE_EXAMPLE = {
    "article": "tides-explained",
    "shown": ["walking-the-ellen-estuary"],
    "blocks": [{"name": "below", "limit": 6}, {"name": "technology", "section": ["Technology"], "limit": 3}],
}

batch = APIBlueprint("batch", __name__, tag="Several blocks at once")


class BatchBlock(BaseModel):
    """The block of one of the articles."""

    id: str = Field(description="the article")
    related: list[Card] = Field(description="best first")


class BatchAnswer(BaseModel):
    """The blocks of many articles, all from one snapshot."""

    snapshot: str = Field(description="the snapshot that answered")
    blocks: list[BatchBlock] = Field(description="in the order asked for")
    unknown: list[str] = Field(description="the ids that are not in the index, or were taken down")


class FilledBlock(BaseModel):
    """One of the blocks of a page."""

    name: str
    related: list[Card] = Field(description="best first")


class PageAnswer(BaseModel):
    """The blocks of one page: no article twice, and one of each story."""

    id: str = Field(description="the article that is open")
    snapshot: str = Field(description="the snapshot that answered")
    blocks: list[FilledBlock] = Field(description="in the order asked for")


@batch.post("/v1/related")
@in_a_place(lambda here: here.lanes.batches)
@batch.input(BatchBody, location="json", arg_name="body", example=BATCH_EXAMPLE)
@batch.output(BatchAnswer, description="The blocks of the articles, each as it is under the article")
@batch.doc(operation_id="related_to_many", responses=documented(400, 413, 415, 429, 503))
def related_to_many(body: BatchBody) -> Response:
    """The blocks of many articles at once, for newsletters and static sites."""
    here = parts()
    wanted = body.wanted(here.placements)

    def make(snapshot: Snapshot) -> tuple[Response, set[int]]:
        rows = {article_id: shown_row_of(snapshot, article_id) for article_id in body.articles}
        known = {article_id: row for article_id, row in rows.items() if row is not None}
        filled = made_in_time((here.blocks.related(snapshot, row, wanted) for row in known.values()), len(known))
        blocks = [_encode_block(snapshot, "id", each, wanted, items) for each, items in zip(known, filled, strict=True)]
        unknown = orjson.dumps([article_id for article_id, row in rows.items() if row is None])
        head = b'{"snapshot":"' + snapshot.id.encode() + b'","blocks":['
        made = answer(head + b",".join(blocks) + b'],"unknown":' + unknown + b"}", JSON, snapshot)
        return made, {*known.values(), *_rows_in(filled)}

    return as_decided(make)


@batch.post("/v1/page")
@in_a_place(lambda here: here.lanes.batches)
@batch.input(PageBody, location="json", arg_name="body", example=PAGE_EXAMPLE)
@batch.output(PageAnswer, description="The blocks of the page, filled in their order")
@batch.doc(operation_id="page", responses=documented(400, 404, 410, 413, 415, 429, 503))
def page(body: PageBody) -> Response:
    """The several blocks of one page: nothing twice on the page, and one of each story."""
    here = parts()
    wanted = body.wanted(here.placements)

    def make(snapshot: Snapshot) -> tuple[Response, set[int]]:
        row = row_of(snapshot, body.article)
        shown = [found for found in map(snapshot.row_of, body.shown) if found is not None]
        ruling = here.blocks.rulings.of_article(snapshot, row)
        filling = related_on_page(snapshot, row, shown, wanted, ruling, here.blocks.ruled)
        filled = made_in_time(filling, len(wanted))
        blocks = [
            _encode_block(snapshot, "name", block.name, asked, items)
            for block, asked, items in zip(body.blocks, wanted, filled, strict=True)
        ]
        head = b'{"id":' + orjson.dumps(body.article) + b',"snapshot":"' + snapshot.id.encode() + b'","blocks":['
        return answer(head + b",".join(blocks) + b"]}", JSON, snapshot), {row, *_rows_in(filled)}

    return as_decided(make)


def _rows_in(blocks: Iterable[Iterable[Item]]) -> set[int]:
    return {item.row for items in blocks for item in items}


def _encode_block(snapshot: Snapshot, key: str, value: str, wanted: Wanted, items: Sequence[Item]) -> bytes:
    """Return a block as JSON, and count it; `key` is the field that tells it from the others."""
    parts().metrics.block(wanted.limit, len(items))
    head = b'{"' + key.encode() + b'":' + orjson.dumps(value)
    return head + b',"related":' + encode_cards(snapshot, items) + b"}"
