import orjson
from flask.testing import FlaskClient
from pydantic import BaseModel

from seealso.article import Article
from seealso.snapshot.files import CARD_FIELDS
from service.api.answers import ArticleAnswer, Card, RelatedAnswer, SimilarAnswer, VersionAnswer


def test_documented_cards_and_articles_are_what_the_snapshot_holds() -> None:
    assert set(Card.model_fields) == {*CARD_FIELDS, "score", "probability", "pinned", "why", "team"}
    assert set(ArticleAnswer.model_fields) == set(Article.model_fields)


def test_answers_are_as_documented(client: FlaskClient) -> None:
    asked: dict[str, type[BaseModel]] = {
        "/v1/articles/linked/related?explain=1": RelatedAnswer,
        "/v1/articles/linked/related": RelatedAnswer,
        "/v1/articles/linked": ArticleAnswer,
        "/version": VersionAnswer,
    }
    for path, model in asked.items():
        model.model_validate(orjson.loads(client.get(path).data), strict=True, extra="forbid")
    answer = client.post("/v1/similar", json={"text": "tides", "explain": True})
    SimilarAnswer.model_validate(orjson.loads(answer.data), strict=True, extra="forbid")
