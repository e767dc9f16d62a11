"""/v1/articles/...: an article, the block under it, and the block as HTML."""

import orjson
from apiflask import APIBlueprint
from flask import Response

from seealso.snapshot.reader import Snapshot
from service.api.answers import (
    ArticleAnswer,
    RelatedAnswer,
    answer,
    encode_cards,
    kept_or_made,
    parts,
    row_or_problem,
)
from service.api.reading import BlockQuery, RelatedQuery
from service.block.fragment import render_block
from service.problems import documented
from service.related import related_to_article

JSON = "application/json"
HTML = "text/html; charset=utf-8"
articles = APIBlueprint("articles", __name__, tag="Articles")


@articles.get("/v1/articles/<article_id:article_id>/related")
@articles.input(RelatedQuery, location="query", arg_name="query")
@articles.output(RelatedAnswer, description="The block, best first; empty for an article marked sensitive")
@articles.doc(operation_id="related", responses=documented(400, 404, 503))
def related(article_id: str, query: RelatedQuery) -> Response:
    """The block of related articles under an article."""
    wanted = query.wanted(parts().placements)

    def make(snapshot: Snapshot) -> bytes:
        items = related_to_article(snapshot, row_or_problem(snapshot, article_id), wanted)
        head = b'{"id":' + orjson.dumps(article_id) + b',"snapshot":"' + snapshot.id.encode() + b'","related":'
        return head + encode_cards(snapshot, items) + b"}"

    return kept_or_made("json", JSON, article_id, wanted, make)


@articles.get("/v1/articles/<article_id:article_id>/related.html")
@articles.input(BlockQuery, location="query", arg_name="query")
@articles.doc(
    operation_id="related_html",
    responses=documented(400, 404, 503)
    | {
        200: {
            "description": "The block as an HTML fragment; nothing at all where no article is to be shown",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
)
def related_html(article_id: str, query: BlockQuery) -> Response:
    """The same block as an HTML fragment, to be included in the page."""
    wanted = query.wanted(parts().placements)

    def make(snapshot: Snapshot) -> bytes:
        row = row_or_problem(snapshot, article_id)
        items = related_to_article(snapshot, row, wanted)
        cards = [orjson.loads(snapshot.card(item.row)) for item in items]
        return render_block(cards, orjson.loads(snapshot.card(row))["language"]).encode()

    return kept_or_made("html", HTML, article_id, wanted, make)


@articles.get("/v1/articles/<article_id:article_id>")
@articles.output(ArticleAnswer)
@articles.doc(operation_id="article", responses=documented(404, 503))
def article(article_id: str) -> Response:
    """An article as it was indexed."""
    snapshot = parts().current.snapshot()
    return answer(snapshot.article(row_or_problem(snapshot, article_id)), JSON, snapshot)
