import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import service.api.answers
from seealso.article import Article
from seealso.editorial.store import Store
from service.api.batch import BATCH_EXAMPLE, PAGE_EXAMPLE, BatchAnswer, PageAnswer
from service.api.inputs import ARTICLES_MAX, BLOCKS_MAX, SHOWN_MAX
from tests.conftest import ROOT
from tests.deciding import take_down
from tests.makers import article, articles, index_of

ANYTHING = {"min_probability": 0, "limit": 50}


def post(client: FlaskClient, address: str, body: object) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(address, data=data, content_type="application/json")


def batch(client: FlaskClient, articles: list[str], **filters: Any) -> dict[str, Any]:
    answer = post(client, "/v1/related", {"articles": articles} | filters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    assert body["snapshot"] == answer.headers["X-Seealso-Snapshot"]
    return body


def page(client: FlaskClient, article_id: str, *blocks: dict[str, Any], **more: Any) -> dict[str, list[str]]:
    """Return the ids in each block of a page."""
    named = [{"name": f"block {number}"} | block for number, block in enumerate(blocks, 1)]
    answer = post(client, "/v1/page", {"article": article_id, "blocks": named} | more)
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert (body["id"], body["snapshot"]) == (article_id, answer.headers["X-Seealso-Snapshot"])
    return {block["name"]: [card["id"] for card in block["related"]] for block in body["blocks"]}


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({}, ""),
        ({"limit": 3, "section": ["News"], "exclude": ["a003", "x"]}, "limit=3&section=News&exclude=a003&exclude=x"),
        ({"language": ["en"], "mode": "latest", "stories": "all"}, "language=en&mode=latest&stories=all"),
        ({"min_probability": 0, "published_after": "2025-03-15"}, "min_probability=0&published_after=2025-03-15"),
        ({"explain": True, "limit": 2}, "explain=1&limit=2"),
    ],
)
def test_each_block_of_a_batch_is_the_block_of_its_article_byte_for_byte(
    client: FlaskClient, filters: dict[str, Any], query: str
) -> None:
    asked = ["linked", "a000", "paid", "http://news.example//x/y", "secret", "/news/leading/", "hostile"]
    answer = post(client, "/v1/related", {"articles": asked} | filters)
    blocks = []
    for article_id in asked:
        alone = client.get(f"/v1/articles/{article_id}/related?{query}")
        assert alone.status_code == 200
        snapshot = b'"snapshot":"' + alone.headers["X-Seealso-Snapshot"].encode() + b'",'
        blocks.append(alone.data.replace(snapshot, b""))
    assert b'"blocks":[' + b",".join(blocks) + b'],"unknown":[]}' in answer.data


def test_batch_names_what_is_not_in_the_index_and_answers_the_rest(client: FlaskClient) -> None:
    body = batch(client, ["nobody", "a001", "x" * 200, "a000"])
    assert [block["id"] for block in body["blocks"]] == ["a001", "a000"]
    assert body["unknown"] == ["nobody", "x" * 200]
    assert batch(client, ["nobody"])["blocks"] == []


def test_batch_takes_as_many_articles_as_it_says(client: FlaskClient) -> None:
    every = [f"n{number}" for number in range(ARTICLES_MAX)]
    assert batch(client, every)["unknown"] == every


def test_what_takes_too_long_is_refused_and_says_how_far_it_came(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.parts.BLOCKS_SECONDS_MAX", -1)
    assert batch(client, ["a000", "nobody"])["blocks"]
    blocks = [{"name": "a"}, {"name": "b"}]
    for late in (
        post(client, "/v1/related", {"articles": ["a000", "nobody", "a001", "a002"]}),
        post(client, "/v1/page", {"article": "a000", "blocks": [*blocks, {"name": "c"}]}),
    ):
        assert (late.status_code, late.get_json()["type"]) == (503, "urn:seealso:problem:blocks-late")
        assert "1 of 3 blocks" in late.get_json()["detail"]
        assert int(late.headers["Retry-After"]) > 0
    assert post(client, "/v1/page", {"article": "a000", "blocks": blocks[:1]}).status_code == 200


def test_answers_are_as_documented(client: FlaskClient) -> None:
    answer = post(client, "/v1/related", {"articles": ["a000", "nobody"], "explain": True})
    BatchAnswer.model_validate_json(answer.data, strict=True, extra="forbid")
    answer = post(client, "/v1/page", {"article": "a000", "blocks": [{"name": "a", "explain": True}, {"name": "b"}]})
    PageAnswer.model_validate_json(answer.data, strict=True, extra="forbid")


def test_same_request_is_answered_with_the_same_bytes(client: FlaskClient) -> None:
    for address, body in (
        ("/v1/related", {"articles": ["a003", "a000", "nobody"]}),
        ("/v1/page", {"article": "a000", "blocks": [{"name": "a", "limit": 2}, {"name": "b"}]}),
    ):
        assert post(client, address, body).data == post(client, address, body).data


@pytest.fixture
def told(tmp_path: Path, make_app: Callable[..., APIFlask]) -> FlaskClient:
    """A newsroom with one story told by three of its articles, and one told by four."""
    pieces: list[Article] = [
        *articles(12, section="News"),
        *[article(f"flood{n}", body=f"bread yeast oven flour {n}", canonical="flood0") for n in range(3)],
        *[article(f"vote{n}", body=f"chess opening pawn {n}", canonical="vote0", section="Sport") for n in range(4)],
    ]
    index_of(tmp_path, pieces)
    return make_app(tmp_path).test_client()


def test_nothing_stands_twice_on_a_page(told: FlaskClient) -> None:
    blocks = page(told, "a000", {"min_probability": 0, "limit": 3}, ANYTHING, ANYTHING, shown=["a003", "nobody"])
    every = [each for block in blocks.values() for each in block]
    # Of 12 articles and two stories: not the open article, and not what is shown.
    assert len(every) == len(set(every)) == 12
    assert not {"a000", "a003"} & set(every)
    assert [len(block) for block in blocks.values()] == [3, 9, 0]


def test_page_tells_each_story_once(told: FlaskClient) -> None:
    first, second = page(told, "a001", {"section": ["Sport"], "min_probability": 0}, ANYTHING).values()
    assert first == ["vote0"]
    assert {each for each in second if not each.startswith("a")} == {"flood0"}
    (block,) = page(told, "a001", ANYTHING, shown=["vote2", "flood1"]).values()
    assert {each for each in block if not each.startswith("a")} == set()
    (block,) = page(told, "vote3", ANYTHING).values()
    assert {each for each in block if not each.startswith("a")} == {"flood0"}


def test_first_block_of_an_empty_page_is_the_block_of_its_article(client: FlaskClient) -> None:
    body = {"article": "a000", "blocks": [{"name": "below", "limit": 5, "section": ["News"]}, {"name": "more"}]}
    first = post(client, "/v1/page", body).get_json()["blocks"][0]
    alone = client.get("/v1/articles/a000/related?limit=5&section=News").get_json()
    assert first == {"name": "below", "related": alone["related"]}


def test_filter_of_one_block_does_not_bind_the_others(client: FlaskClient) -> None:
    any_chance = {"min_probability": 0}
    science, without, rest = page(
        client, "a000", {"section": ["Science"]} | any_chance, {"exclude": ["linked"]} | ANYTHING, ANYTHING
    ).values()
    assert science == ["de1"]
    assert "linked" not in without
    assert "linked" in rest


def test_page_of_a_sensitive_article_has_empty_blocks(client: FlaskClient) -> None:
    assert page(client, "secret", {}, ANYTHING) == {"block 1": [], "block 2": []}


def test_page_of_an_unknown_article_is_404(client: FlaskClient) -> None:
    answer = post(client, "/v1/page", {"article": "nobody", "blocks": [{"name": "a"}]})
    assert answer.status_code == 404
    assert answer.get_json()["type"] == "urn:seealso:problem:unknown-article"


def test_page_shows_and_takes_as_much_as_it_says(client: FlaskClient) -> None:
    shown = [f"n{number}" for number in range(SHOWN_MAX)]
    assert len(page(client, "a000", *[{"limit": 1}] * BLOCKS_MAX, shown=shown)) == BLOCKS_MAX


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "articles", "is missing"),
        ({"articles": []}, "articles", "at least 1 item"),
        ({"articles": [f"n{number}" for number in range(501)]}, "articles", "at most 500 items"),
        ({"articles": ["a", "b", "a"]}, "articles", "articles: item 3 repeats the id of item 1 ('a'); send each once"),
        ({"articles": ["a", 7]}, "articles", "item 2 input should be a valid string (got 7)"),
        ({"articles": ["a", ""]}, "articles", "item 2 string should have at least 1 character"),
        ({"articles": ["x" * 201]}, "articles", "item 1 string should have at most 200"),
        ({"articles": "a"}, "articles", "list"),
        ({"articles": {"a": 1}}, "articles", "list"),
        ({"articles": None}, "articles", "list"),
        ({"articles": ["a"], "limit": 51}, "limit", "50"),
        ({"articles": ["a"], "lmit": 5}, "lmit", "is not known here; known are limit"),
        ({"articles": ["a"], "placement": "aside"}, "placement", "there is no placement 'aside'"),
        (b'{"articles": ["\\ud800"]}', "articles", "item 1 input should be a valid string"),
        (b'{"articles": ["a"], "articles": ["b"]}', "body", "more than once"),
        (b"[]", "body", "JSON object"),
    ],
)
def test_wrong_batch_is_400_and_names_the_field(client: FlaskClient, body: object, field: str, said: str) -> None:
    refused(post(client, "/v1/related", body), field, said)


def one_block(**fields: object) -> dict[str, object]:
    return {"article": "a000", "blocks": [{"name": "a"}, {"name": "b"} | fields]}


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"blocks": [{"name": "a"}]}, "article", "article: is missing"),
        ({"article": "a000"}, "blocks", "blocks: is missing"),
        ({"article": "", "blocks": [{"name": "a"}]}, "article", "at least 1 character"),
        ({"article": ["a000"], "blocks": [{"name": "a"}]}, "article", "string"),
        ({"article": "a000", "blocks": []}, "blocks", "at least 1 item"),
        ({"article": "a000", "blocks": [{"name": f"{n}"} for n in range(21)]}, "blocks", "at most 20 items"),
        ({"article": "a000", "blocks": {"name": "a"}}, "blocks", "list"),
        ({"article": "a000", "blocks": ["a"]}, "blocks", "blocks: item 1 must be a JSON object (got 'a')"),
        ({"article": "a000", "blocks": [{"limit": 3}]}, "blocks", "blocks: item 1 name: is missing"),
        (one_block(name="a"), "blocks", "blocks: item 2 repeats the name of item 1 ('a'); send each once"),
        (one_block(name=7), "blocks", "item 2 name: input should be a valid string"),
        (one_block(limit=0), "blocks", "blocks: item 2 limit: input should be greater than or equal to 1 (got 0)"),
        (one_block(limit="3"), "blocks", "item 2 limit: input should be a valid integer"),
        (one_block(exclude=["x", ""]), "blocks", "item 2 exclude item 2 string should have at least 1 character"),
        (one_block(lmit=3), "blocks", "item 2 lmit: is not known here; known are limit, section"),
        (one_block(language=["x!"]), "blocks", "item 2 language item 1 must be a BCP 47 tag"),
        (one_block(stories="all"), "blocks", "item 2 stories: input should be 'one'"),
        (one_block(placement="aside"), "blocks", "item 2 placement: there is no placement 'aside'"),
        (one_block() | {"shown": ["x"] * 201}, "shown", "at most 200 items"),
        (one_block() | {"shown": [None]}, "shown", "item 1 input should be a valid string"),
        (one_block() | {"limit": 3}, "limit", "is not known here; known are article, shown, blocks"),
        (b'{"article": "a000", "blocks": [{"name": "a", "\\ud800": 1}]}', "blocks", "item 1"),
        ({"article": "a000", "blocks": [{"name": "a", "x" * 2_000: 1}]}, "blocks", "item 1 " + "x" * 59 + "…: is not"),
        (b'{"article": "a000", "blocks": [{"name": "a", "name": "b"}]}', "body", "more than once"),
        (b'{"article": "a000", "blocks": [{"name": "\\ud800"}]}', "blocks", "item 1 name: "),
        (b'{"article": "a000", "blocks": ' + b"[" * 100_000, "body", "nested too deeply"),
    ],
)
def test_wrong_page_is_400_and_names_the_place(client: FlaskClient, body: object, field: str, said: str) -> None:
    refused(post(client, "/v1/page", body), field, said)


def refused(answer: TestResponse, field: str, said: str) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["field"] == field
    assert said in answer.get_json()["detail"]
    assert len(answer.data) < 1_000


def test_placement_holds_for_a_batch_and_for_a_block_of_a_page(
    index: Path, make_app: Callable[..., APIFlask], tmp_path: Path
) -> None:
    (tmp_path / "seealso.toml").write_text(
        '[placements.aside]\nlimit = 2\nsections = ["News"]\nmin_probability = 0\nstories = "all"\n'
    )
    client = make_app(index, project=tmp_path / "seealso.toml").test_client()
    (block,) = batch(client, ["linked"], placement="aside")["blocks"]
    alone = client.get("/v1/articles/linked/related?placement=aside").get_json()["related"]
    assert (block["related"], len(alone)) == (alone, 2)
    first, second = page(client, "linked", {"placement": "aside"}, {"placement": "aside", "limit": 3}).values()
    assert (len(first), len(second)) == (2, 3)
    assert set(first).isdisjoint(second)


def test_several_blocks_wait_for_a_place_beside_page_views(index: Path, make_app: Callable[..., APIFlask]) -> None:
    app = make_app(index, threads=1)
    client = app.test_client()
    with app.extensions["seealso"].lanes.batches.place():
        for address, body in (("/v1/related", BATCH_EXAMPLE), ("/v1/page", PAGE_EXAMPLE), ("/v1/page", b"\xff")):
            answer = post(client, address, body)
            assert answer.status_code == 503
            assert answer.get_json()["type"] == "urn:seealso:problem:busy"
            assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/v1/articles/a000/related").status_code == 200
    assert post(client, "/v1/related", BATCH_EXAMPLE).status_code == 200


def test_there_is_no_other_way_to_ask(client: FlaskClient) -> None:
    for address in ("/v1/related", "/v1/page"):
        answer = client.get(address)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
        assert client.post(address, data=b"{}", content_type="text/plain").status_code == 415


def test_page_of_the_readme_is_the_documented_one() -> None:
    told = (ROOT / "README.md").read_text().split("/v1/page --json '")[1].split("'")[0]
    assert json.loads(told) == PAGE_EXAMPLE


def test_examples_and_problems_are_in_the_openapi_document(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    for address, example, problems in (
        ("/v1/related", BATCH_EXAMPLE, {"400", "413", "415", "429", "503"}),
        ("/v1/page", PAGE_EXAMPLE, {"400", "404", "410", "413", "415", "429", "503"}),
    ):
        operation = paths[address]["post"]
        assert operation["requestBody"]["required"]
        assert operation["requestBody"]["content"]["application/json"]["example"] == example
        assert set(operation["responses"]) == {"200", *problems}


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/v1/related", {"articles": ["a000", "a001"], "stories": "all"} | ANYTHING),
        ("/v1/page", {"article": "a000", "blocks": [{"name": "below"} | ANYTHING]}),
        ("/v1/similar", {"text": "tides moon sea harbour", "stories": "all"} | ANYTHING),
    ],
)
def test_what_is_taken_down_while_an_answer_is_made_is_not_in_it(
    tmp_path: Path, make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch, address: str, body: object
) -> None:
    index_of(tmp_path, articles(12))
    app = make_app(tmp_path)
    assert b'"a003"' in post(app.test_client(), address, body).data
    left = ["a003"]

    def answer(*told: Any) -> Any:
        if left:
            take_down(Store(tmp_path), [left.pop()], "ann", "a court order", None)
        return service.api.answers.answer(*told)

    for module in ("batch", "similar"):
        monkeypatch.setattr(f"service.api.{module}.answer", answer)
    sent = post(app.test_client(), address, body)
    assert sent.status_code == 200
    assert not left
    assert b'"a003"' not in sent.data
    assert b'"a006"' in sent.data


def test_article_that_is_taken_down_while_its_page_is_filled_is_gone(
    tmp_path: Path, make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch
) -> None:
    index_of(tmp_path, articles(12))
    app = make_app(tmp_path)

    def answer(*told: Any) -> Any:
        take_down(Store(tmp_path), ["a000"], "ann", "a court order", None)
        return service.api.answers.answer(*told)

    monkeypatch.setattr("service.api.batch.answer", answer)
    sent = post(app.test_client(), "/v1/page", {"article": "a000", "blocks": [{"name": "below"}]})
    assert sent.status_code == 410
