from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.snapshot.files import CARD_FIELDS
from tests.makers import articles, index_of


def ids(client: FlaskClient, query: str = "", article_id: str = "a000") -> list[str]:
    answer = client.get(f"/v1/articles/{article_id}/related?{query}")
    assert answer.status_code == 200, answer.text
    return [card["id"] for card in answer.get_json()["related"]]


def test_block_has_twelve_cards_best_first(client: FlaskClient) -> None:
    answer = client.get("/v1/articles/a000/related?min_probability=0&stories=all")
    body = answer.get_json()
    assert answer.content_type == "application/json"
    assert body["id"] == "a000"
    assert len(body["related"]) == 12
    subject = {f"a{number:03}" for number in (3, 6, 9, 12, 15, 18)}
    assert subject <= {card["id"] for card in body["related"][:7]}
    assert set(body["related"][0]) == {*CARD_FIELDS, "score", "probability"}
    chances = [card["probability"] for card in body["related"]]
    assert all(0 <= chance <= 1 for chance in chances)
    assert answer.headers["X-Seealso-Snapshot"] == body["snapshot"]


def test_limit_is_a_bound(client: FlaskClient) -> None:
    assert len(ids(client, "limit=1")) == 1
    assert (
        len(ids(client, "limit=50&min_probability=0&stories=all")) == 24
    )  # of 27: not itself, the sensitive one, the sponsored one


def test_only_what_is_likely_is_shown(client: FlaskClient) -> None:
    usual, all_of_them = ids(client, "limit=50"), ids(client, "limit=50&min_probability=0&stories=all")
    assert set(usual) < set(all_of_them)
    assert ids(client, "limit=50&min_probability=1") == []


def test_filters_hold(client: FlaskClient) -> None:
    any_chance = "min_probability=0"
    assert ids(client, f"{any_chance}&section=Science") == ["de1"]
    assert set(ids(client, f"{any_chance}&section=science&section=A %26 B")) == {"de1", "linked"}
    assert ids(client, f"{any_chance}&language=de") == ["de1"]
    assert ids(client, f"{any_chance}&published_after=2025-03-15") == ["de1"]
    assert ids(client, f"{any_chance}&published_after=2025-04-01&published_before=2025-04-01") == ["de1"]
    assert "a003" not in ids(client, "exclude=a003&exclude=a006&limit=50")
    assert ids(client, "section=No such section") == []


def test_sensitive_and_sponsored_articles_are_nowhere(client: FlaskClient) -> None:
    assert not {"secret", "paid"} & set(ids(client, "limit=50"))
    assert ids(client, article_id="secret") == []
    assert client.get("/v1/articles/secret/related.html").data == b""
    assert len(ids(client, "min_probability=0&stories=all", article_id="paid")) == 12


def test_reasons_come_when_asked_for(client: FlaskClient) -> None:
    (card,) = client.get("/v1/articles/a000/related?limit=1&explain=1&stories=all").get_json()["related"]
    why = card["why"]
    assert sum(why["parts"].values()) == pytest.approx(card["score"], abs=2e-4)
    assert {"moon", "sea"} <= set(" ".join(why["shared_terms"]).split()) <= {"tides", "moon", "sea", "harbour"}
    assert why["passages"]["own"] == "tides moon sea harbour number0"
    assert why["passages"]["other"].startswith("tides moon sea harbour number")
    assert {name: why[name] for name in ("days_apart", "same_section", "same_author", "same_story")} == {
        "days_apart": 0, "same_section": True, "same_author": True, "same_story": False
    }  # fmt: skip
    assert "why" not in client.get("/v1/articles/a000/related?explain=0").get_json()["related"][0]


def test_unknown_article_is_404_and_says_so(client: FlaskClient) -> None:
    for path in ("/v1/articles/nobody/related", "/v1/articles/nobody/related.html", "/v1/articles/nobody"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"
        assert answer.get_json()["type"] == "urn:seealso:problem:unknown-article"
        assert "'nobody'" in answer.get_json()["detail"]


def test_id_that_is_an_address_works_plain_and_escaped(client: FlaskClient) -> None:
    for article_id in ("http://news.example//x/y", "/news/leading/"):
        for form in (article_id, quote(article_id, safe="")):
            assert client.get(f"/v1/articles/{form}/related").get_json()["id"] == article_id
            assert client.get(f"/v1/articles/{form}").get_json()["title"] == "An id that is an address"


def test_article_comes_back_as_indexed(client: FlaskClient) -> None:
    article = client.get("/v1/articles/linked").get_json()
    assert article == {
        "id": "linked", "title": "About linked", "body": "A text on linked.", "url": "https://news.example/a?b=1&c=2",
        "section": "A & B", "summary": "A summary.", "updated": "2025-05-05T00:00:00Z",
    }  # fmt: skip


def test_html_block_is_cards_with_escaped_text(client: FlaskClient) -> None:
    answer = client.get("/v1/articles/a000/related.html?limit=50&min_probability=0&stories=all")
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.text.startswith('<section class="seealso seealso-list" lang="en" dir="ltr">')
    assert answer.text.count("<li") == 24
    assert answer.text.count("<script") == 1  # what is told to machines
    assert answer.text.count("</script") == 1
    assert "<script" not in client.get("/v1/articles/a000/related.html?json_ld=0").text
    assert '<a href="https://news.example/a?b=1&amp;c=2">About linked</a>' in answer.text


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=51", "limit", "less than or equal to 50"),
        ("limit=-1", "limit", "digits 0-9"),
        ("limit=1_0", "limit", "digits 0-9"),
        ("limit=+5", "limit", "digits 0-9"),
        ("limit= 5", "limit", "digits 0-9"),
        ("limit=5.0", "limit", "digits 0-9"),
        ("limit=%D9%A3", "limit", "digits 0-9"),
        ("limit=NaN", "limit", "digits 0-9"),
        ("limit=1e1", "limit", "digits 0-9"),
        ("limit=" + "9" * 5_000, "limit", "digits 0-9"),
        ("limit=", "limit", "digits 0-9"),
        ("limit=3&limit=4", "limit", "more than once"),
        ("limt=3", "limt", "known are limit, section"),
        ("explain=yes", "explain", "0 or 1"),
        ("published_after=yesterday", "published_after", "ISO 8601"),
        ("published_after=1700000000", "published_after", "ISO 8601"),
        ("language=x!", "language", "BCP 47"),
        ("section=", "section", "at least 1 character"),
        ("exclude=" + "x" * 201, "exclude", "at most 200"),
        ("section=%FF", "query", "UTF-8"),
        ("section=%ED%A0%80", "query", "UTF-8"),
        ("&".join(["section=a"] * 51), "section", "at most 50"),
        ("&".join(["section=a"] * 301), "query", "more than 300"),
        ("%00=1", "\x00", "known are"),
        ("x" * 2_000 + "=1", "x" * 59 + "…", "known are"),
        ("&".join(["x" * 2_000] * 2), "x" * 59 + "…", "more than once"),
    ],
)
def test_wrong_query_is_400_and_names_the_field(client: FlaskClient, query: str, field: str, said: str) -> None:
    for kind in ("related", "related.html"):
        answer = client.get(f"/v1/articles/a000/{kind}?{query}")
        body = answer.get_json()
        assert answer.status_code == 400
        assert answer.content_type == "application/problem+json"
        assert body["type"] == "urn:seealso:problem:invalid-request"
        if not (kind == "related.html" and field == "explain"):
            assert body["field"] == field
            assert said in body["detail"]
        assert len(answer.data) < 1_000


def test_html_block_knows_no_explain(client: FlaskClient) -> None:
    assert client.get("/v1/articles/a000/related.html?explain=1").status_code == 400


def test_new_snapshot_is_answered_from_at_once_and_never_from_old_keys(
    tmp_path: Path, make_app: Callable[..., APIFlask]
) -> None:
    index_of(tmp_path, articles(5))
    app = make_app(tmp_path)
    client = app.test_client()
    before = client.get("/v1/articles/a000/related?min_probability=0").get_json()
    index_of(tmp_path, articles(9))
    app.extensions["seealso"].current.refresh()
    after = client.get("/v1/articles/a000/related?min_probability=0").get_json()
    assert (len(before["related"]), len(after["related"])) == (4, 8)
    assert before["snapshot"] != after["snapshot"]


def test_head_and_options_are_answered(client: FlaskClient) -> None:
    assert client.head("/v1/articles/a000/related").status_code == 200
    assert set(client.options("/v1/articles/a000/related").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_ids_of_any_letters_are_no_fault(client: FlaskClient) -> None:
    for article_id in ("%00", "..%2F..%2Fetc%2Fpasswd", "%FF%FE", "%ED%A0%80", "x" * 5_000, "%F0%9F%98%80", "a%0Ab"):
        answer = client.get(f"/v1/articles/{article_id}/related")
        assert answer.status_code == 404, article_id
        answer.get_json()


def test_hostile_text_is_data_in_json(client: FlaskClient) -> None:
    cards: list[dict[str, Any]] = client.get("/v1/articles/a000/related?limit=50").get_json()["related"]
    (card,) = [card for card in cards if card["id"] == "hostile"]
    assert card["title"] == "<script>alert('\"&')</script>"


@pytest.fixture
def placed(index: Path, make_app: Callable[..., APIFlask], tmp_path: Path) -> FlaskClient:
    (tmp_path / "seealso.toml").write_text(
        """
        [[source]]
        kind = "sql"
        address = "${NOT_OF_THE_SERVICE}"
        query = "select 1"

        [block]
        layout = "grid"
        heading = 3
        rel = "nofollow"
        utm_source = "related"

        [placements.aside]
        layout = "compact"
        limit = 2
        sections = ["News"]
        min_probability = 0
        """
    )
    return make_app(index, project=tmp_path / "seealso.toml").test_client()


def test_placement_says_what_a_request_leaves_open(placed: FlaskClient) -> None:
    path = "/v1/articles/linked/related"
    assert (
        placed.get(f"{path}?placement=aside").get_json()["related"]
        == placed.get(f"{path}?limit=2&section=News&min_probability=0").get_json()["related"]
    )
    assert len(placed.get(f"{path}?placement=aside").get_json()["related"]) == 2
    assert len(placed.get(f"{path}?placement=aside&limit=5").get_json()["related"]) == 5
    assert placed.get(f"{path}.html?placement=aside").text.count("<li") == 2
    found = placed.post("/v1/similar", json={"text": "tides moon", "placement": "aside"}).get_json()["related"]
    assert len(found) == 2


def test_placement_that_is_not_known_names_those_that_are(placed: FlaskClient, client: FlaskClient) -> None:
    answer = placed.get("/v1/articles/linked/related?placement=below")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "placement")
    assert "known are aside" in answer.get_json()["detail"]
    answer = client.get("/v1/articles/linked/related?placement=below")
    assert "seealso.toml names none" in answer.get_json()["detail"]


def test_looks_are_as_the_request_the_placement_or_the_website_says(placed: FlaskClient) -> None:
    path = "/v1/articles/a000/related.html?stories=all&min_probability=0"
    site = placed.get(f"{path}&limit=50").text
    assert '"seealso seealso-grid"' in site
    assert '<h3 class="seealso-heading' in site
    assert 'href="https://news.example/a?b=1&amp;c=2&amp;utm_source=related" rel="nofollow"' in site
    assert '"seealso seealso-compact"' in placed.get(f"{path}&placement=aside").text
    asked = placed.get(f"{path}&placement=aside&layout=list&theme=dark&heading=2").text
    assert '"seealso seealso-list seealso-dark"' in asked
    assert '<h2 class="seealso-heading' in asked
