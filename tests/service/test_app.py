import re

from flask.testing import FlaskClient
from openapi_spec_validator import validate


def test_openapi_document_is_valid_and_lists_every_address(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    validate(document)
    assert set(document["paths"]) == {
        "/v1/articles/{article_id}/related", "/v1/articles/{article_id}/related.html", "/v1/articles/{article_id}",
        "/v1/articles/{article_id}/takedown", "/v1/articles/{article_id}/proof", "/v1/takedowns",
        "/v1/purges", "/v1/purges/{purge_id}/retry", "/v1/purges/{purge_id}/done", "/v1/events", "/v1/clicks",
        "/v1/rules", "/v1/rules/{rule_id}", "/v1/changes", "/v1/changes/{sequence}/undo",
        "/v1/keys", "/v1/keys/{key_id}", "/v1/snapshots/{snapshot_id}/rollback",
        "/v1/articles", "/v1/webhooks/wordpress", "/v1/webhooks/ghost", "/v1/trial",
        "/v1/related", "/v1/page", "/v1/similar", "/v1/status", "/livez", "/readyz", "/version",
    }  # fmt: skip


def test_openapi_document_says_what_a_query_may_hold(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    parameters = {p["name"]: p for p in paths["/v1/articles/{article_id}/related"]["get"]["parameters"]}
    assert set(parameters) == {
        "article_id", "limit", "section", "exclude", "published_after", "published_before", "language", "explain",
        "mode", "min_probability", "stories", "placement",
    }  # fmt: skip
    limit = parameters["limit"]["schema"]
    assert (limit["type"], limit["minimum"], limit["maximum"], limit["default"]) == ("integer", 1, 50, 12)
    responses = paths["/v1/articles/{article_id}/related"]["get"]["responses"]
    assert set(responses) == {"200", "400", "404", "410", "503"}
    assert "application/problem+json" in responses["404"]["content"]


def test_docs_work_with_no_network(client: FlaskClient) -> None:
    page = client.get("/docs", follow_redirects=True)
    assert page.status_code == 200
    assert '"validatorUrl": null' in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith("/docs/"), link
        with client.get(link) as file:
            assert file.status_code == 200
