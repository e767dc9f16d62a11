"""/v1/articles/...: an article, the block under it, and the block as HTML."""

from apiflask import APIBlueprint
from flask import Response

from service.answer import IDENTITY
from service.api.answers import JSON, ArticleAnswer, RelatedAnswer, answer
from service.api.inputs import BlockQuery, RelatedQuery
from service.blocks import Asked, row_of
from service.parts import parts
from service.problems import REQUEST_ID_HEADER, documented, request_id

articles = APIBlueprint("articles", __name__, tag="Articles")


@articles.get("/v1/articles/<article_id:article_id>/related")
@articles.input(RelatedQuery, location="query", arg_name="query")
@articles.output(RelatedAnswer, description="The block, best first; empty for an article marked sensitive")
@articles.doc(operation_id="related", responses=documented(400, 404, 410, 503))
def related(article_id: str, query: RelatedQuery) -> Response:
    """The block of related articles under an article."""
    return block(Asked(article_id, "json", query.wanted(parts().placements)))


@articles.get("/v1/articles/<article_id:article_id>/related.html")
@articles.input(BlockQuery, location="query", arg_name="query")
@articles.doc(
    operation_id="related_html",
    responses=documented(400, 404, 410, 503)
    | {
        200: {
            "description": "The block as an HTML fragment; nothing at all where no article is to be shown",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
)
def related_html(article_id: str, query: BlockQuery) -> Response:
    """The same block as an HTML fragment, to be included in the page."""
    here = parts()
    look = query.look(here.placements, here.blocks.dress)
    return block(Asked(article_id, "html", query.wanted(here.placements), look))


@articles.get("/v1/articles/<article_id:article_id>")
@articles.output(ArticleAnswer)
@articles.doc(operation_id="article", responses=documented(404, 410, 503))
def article(article_id: str) -> Response:
    """An article as it was indexed."""
    snapshot = parts().current.snapshot()
    return answer(snapshot.article(row_of(snapshot, article_id)), JSON, snapshot)


def block(asked: Asked) -> Response:
    """Make a block as the front does, which asks Flask only where that fails: then the error is told here."""
    here = parts()
    form = here.blocks.make(here.current.snapshot(), asked).form(IDENTITY, here.views.vary)
    response = Response(form.body, headers=form.headers)
    response.headers[REQUEST_ID_HEADER] = request_id()
    return response
