"""S2: bad input to what reads bodies, ids and queries is refused by the part that is wrong, and costs little CPU."""

import gzip
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product

import pytest
from apiflask import APIFlask
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from seealso.article import Article
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.settings import ServiceSettings
from service.app import create_app
from tests.makers import HashEncoder, articles, index_of
from tests.service.api.test_webhooks import SECRET, signature

pytestmark = pytest.mark.row("S2")

CPU_SECONDS_MAX = 0.05
# The least of these is taken: a process has other threads, and clears up when it likes.
TRIES = 20
MEGABYTE = 1_000_000

# What reads a body: the body it takes, with TEXT where a text or a post belongs, and the field in which that is.
READERS = {
    "POST /v1/related": ('{"articles": [TEXT]}', "articles"),
    "POST /v1/page": ('{"article": TEXT, "blocks": [{"name": "a"}]}', "article"),
    "POST /v1/similar": ('{"text": TEXT}', "text"),
    "POST /v1/events": ('{"blocks": [{"article": TEXT}]}', "blocks"),
    "PUT /v1/articles/a": ('{"title": TEXT, "body": "B"}', "title"),
    "POST /v1/articles": ('{"articles": [TEXT]}', "articles"),
    "POST /v1/articles/a000/takedown": ('{"reason": TEXT}', "reason"),
    "POST /v1/rules": ('{"action": "exclude", "about": {"article": TEXT}, "reason": "x"}', "about"),
    "POST /v1/snapshots/a/rollback": ('{"reason": TEXT}', "reason"),
    "POST /v1/keys": ('{"name": TEXT, "scope": "read"}', "name"),
    "POST /v1/webhooks/wordpress": ('{"event": "published", "time": 1, "post": TEXT}', "post"),
    "POST /v1/webhooks/ghost": ('{"post": TEXT}', "post"),
}
# What stands in place of the text. What is no JSON is refused as the body that it is in, all else by its field.
NO_JSON = {
    "nesting": "[" * 100_000,
    "nesting that is closed": "[" * 100_000 + "]" * 100_000,
    "nesting of objects": '{"a":' * 100_000,
    "NaN": "NaN",
    "-Infinity": "-Infinity",
    "a bare NUL": '"\0"',
    "a repeated key": '{"a": 1, "a": 1}',
    "a key repeated ten thousand times": "{" + '"a": 1,' * 10_000 + '"a": 1}',
    "Arabic digits": "٣",
    "a number of 10,000 digits": "9" * 10_000,
}
NO_TEXT = {
    "nesting that is read": "[" * 500 + "]" * 500,
    "1e999": "1e999",
    "a lone surrogate": r'"\ud800"',
    "NUL": r'"\u0000"',
    "1 MB of spaces": json.dumps(" " * MEGABYTE),
    "an id of 10,000 characters": json.dumps("x" * 10_000),
}
JSON = {"Content-Type": "application/json"}


@cache
def bomb() -> bytes:
    return gzip.compress(bytes(100 * MEGABYTE))


# What is made of a body that is good, how it is sent, and the status.
BODIES: dict[str, tuple[Callable[[bytes], bytes], Mapping[str, str], int]] = {
    "nothing": (lambda body: b"", JSON, 400),
    "UTF-16": (lambda body: body.decode().encode("utf-16"), JSON, 400),
    "UTF-16, as it says": (
        lambda body: body.decode().encode("utf-16"),
        {"Content-Type": "application/json; charset=utf-16"},
        400,
    ),
    "a key given twice": (lambda body: body[:-1] + b", " + body[1:], JSON, 400),
    "1 MB of spaces": (lambda body: b" " * MEGABYTE, JSON, 400),
    "1 MB of spaces, and one character": (lambda body: body + b" " * MEGABYTE + b"x", JSON, 400),
    "more than is read": (lambda body: body + b" " * (2 * MEGABYTE), JSON, 413),
    "a form": (lambda body: body, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "parts": (lambda body: body, {"Content-Type": "multipart/form-data; boundary=a"}, 415),
    "of no type": (lambda body: body, {}, 415),
    "a gzip bomb": (lambda body: bomb(), JSON | {"Content-Encoding": "gzip"}, 415),
    "a gzip bomb that is not said to be one": (lambda body: bomb(), JSON, 400),
}
IDS = {
    "of 10,000 characters": "x" * 10_000,
    "of 10,000 spaces": "%20" * 10_000,
    "with ../": "../../etc/passwd",
    "with ../ in code": "..%2F..%2Fetc%2Fpasswd",
    "with %00": "a000%00",
    "a lone surrogate": "%ED%A0%80",
    "UTF-16": "%FF%FEa%000%000%000%00",
    "Arabic digits": "%D9%A3",
    "nesting": "[" * 10_000,
    "slashes": "/" * 10_000,
}
# What gives an article, and says 404 of one that is none.
GIVERS = ["/v1/articles/{}", "/v1/articles/{}/related", "/v1/articles/{}/related.html"]
# What is asked, the status, and the field. 404: there is no such address, or nothing at it.
ADDRESSES = [
    ("DELETE /v1/rules/%D9%A2?reason=x", 404, None),
    ("POST /v1/changes/%D9%A2/undo?reason=x", 404, None),
    ("POST /v1/purges/%D9%A1/retry", 404, None),
    (f"DELETE /v1/rules/{'9' * 10_000}?reason=x", 404, None),
    ("POST /v1/snapshots/../rollback", 404, None),
    ("POST /v1/snapshots/%2e%2e/rollback", 404, None),
    ("POST /v1/snapshots/%00/rollback", 404, None),
    (f"POST /v1/snapshots/{'x' * 10_000}/rollback", 404, None),
    ("DELETE /v1/keys/%00?reason=x", 404, None),
    (f"DELETE /v1/keys/{'x' * 10_000}?reason=x", 404, None),
    *(
        (f"{method} /v1/articles/{article_id}{ends}", 400, "article")
        for article_id in ("%00", "x" * 10_000, "%20" * 10_000)
        for method, ends in (("DELETE", "?reason=x"), ("POST", "/takedown"), ("GET", "/proof"))
    ),
]
BLOCK = "/v1/articles/a000/related"
QUERIES = [
    *((f"{BLOCK}{ends}?{query}", field)
      for ends in ("", ".html")
      for query, field in (
          ("limit=%D9%A3", "limit"), ("limit=NaN", "limit"), ("limit=1e999", "limit"), ("limit=3&limit=3", "limit"),
          (f"limit={'[' * 10_000}", "limit"), (f"limit={'+' * 10_000}3", "limit"), (f"limit={'9' * 10_000}", "limit"),
          ("min_probability=%D9%A0.%D9%A3", "min_probability"), ("min_probability=NaN", "min_probability"),
          ("min_probability=1e999", "min_probability"), ("min_probability=1e-999", "min_probability"),
          ("published_after=%D9%A2%D9%A0%D9%A2%D9%A5-01-01", "published_after"),
          (f"published_after={'+' * 10_000}", "published_after"), (f"section={'+' * 10_000}", "section"),
          ("section=%00", "section"), ("exclude=%00", "exclude"), (f"exclude={'x' * 10_000}", "exclude"),
          ("mode=%00", "mode"), ("placement=../", "placement"), (f"language={'a-' * 5_000}", "language"),
          ("section=%ED%A0%80", "query"), ("%FF%FEl%00", "query"), ("&" * 10_000, "query"), ("%00=1", "\0"),
      )),
    ("/v1/articles/a000/related?explain=%D9%A1", "explain"),
    ("/v1/articles/a000/related.html?heading=%D9%A3", "heading"),
    ("/v1/clicks?first=%D9%A2%D9%A0%D9%A2%D9%A5-01-01", "first"),
    ("/v1/clicks?item=%00", "item"),
    (f"/v1/clicks?article={'x' * 10_000}", "article"),
    ("/v1/changes?after=%D9%A3", "after"),
    ("/v1/changes?subject=%00", "subject"),
    ("/v1/rules?article=%00", "article"),
    (f"/v1/rules?section={'+' * 10_000}", "section"),
    (f"/v1/purges?state={'x' * 10_000}", "state"),
    (f"/v1/trial?first={'9' * 10_000}", "first"),
]  # fmt: skip


class Asking:
    """Asks an app with a key that opens everything, signed as content systems sign."""

    def __init__(self, app: APIFlask, key: str) -> None:
        self._app = app
        self._key = key

    def refused(
        self,
        asked: str,
        status: int,
        field: str | None,
        body: bytes = b'{"reason": "x"}',
        headers: Mapping[str, str] = JSON,
    ) -> None:
        """Check that what is asked ('GET /v1/...') is refused with a status, by a field, at little cost."""
        least = math.inf
        for _ in range(TRIES):
            environ = self._environ(asked, body, headers)
            began = time.process_time()
            answer = Response.from_app(self._app, environ, buffered=True)
            least = min(least, time.process_time() - began)
            if least < CPU_SECONDS_MAX:
                break
        assert answer.status_code == status, answer.get_data()[:1_000]
        assert answer.content_type == "application/problem+json"
        told = answer.get_json()
        assert (told["status"], told.get("field")) == (status, field)
        assert told["detail"]
        assert least < CPU_SECONDS_MAX

    def _environ(self, asked: str, body: bytes, headers: Mapping[str, str]) -> dict[str, object]:
        method, _, address = asked.partition(" ")
        path, _, query = address.partition("?")
        moment = str(int(time.time() * 1000))
        given = {
            "Authorization": f"Bearer {self._key}",
            "X-Hub-Signature-256": signature(body),
            "X-Ghost-Signature": f"{signature(body + moment.encode())}, t={moment}",
        }
        sent = body if method in ("POST", "PUT") else None
        return EnvironBuilder(
            path, method=method, query_string=query, data=sent, headers=Headers(given | dict(headers))
        ).get_environ()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    index = tmp_path_factory.mktemp("index")
    index_of(index, articles(20))
    settings = ServiceSettings(
        index=index,
        body_bytes_max=2 * MEGABYTE,
        rate_limit="none",
        events_limit="none",
        wordpress_secret=SECRET,
        ghost_secret=SECRET,
    )
    app = create_app(settings, HashEncoder)
    key, client = create_key(Store(index), "S2", "admin", "test")[1], app.test_client()
    rule = {"action": "exclude", "about": {"article": "a001"}, "reason": "x"}
    assert client.post("/v1/similar", json={"text": "tides moon"}).status_code == 200
    assert client.post("/v1/rules", json=rule, headers={"Authorization": f"Bearer {key}"}).get_json()["id"] == 2
    yield Asking(app, key)
    here = app.extensions["seealso"]
    here.cache.close()
    here.engine.close()
    here.editorial.close()


@pytest.mark.parametrize("name", NO_JSON)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_json_is_refused_as_a_body(asking: Asking, reader: str, name: str) -> None:
    body, _ = READERS[reader]
    asking.refused(reader, 400, "body", body.replace("TEXT", NO_JSON[name]).encode())


# So many characters are a text that related articles can be found for.
LONG_TEXT = ("POST /v1/similar", "an id of 10,000 characters")


@pytest.mark.parametrize(("reader", "name"), sorted({*product(READERS, NO_TEXT)} - {LONG_TEXT}))
def test_what_is_no_text_is_refused_by_its_field(asking: Asking, reader: str, name: str) -> None:
    body, field = READERS[reader]
    asking.refused(reader, 400, field, body.replace("TEXT", NO_TEXT[name]).encode())


@pytest.mark.parametrize("field", Article.model_fields)
def test_half_a_character_is_refused_in_each_field_of_an_article(asking: Asking, field: str) -> None:
    body = {"title": "T", "body": "B", field: "\ud800"}
    asking.refused("PUT /v1/articles/a", 400, field, json.dumps(body).encode())


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("reader", READERS)
def test_body_that_is_sent_wrongly_is_refused(asking: Asking, reader: str, name: str) -> None:
    make, headers, status = BODIES[name]
    good = READERS[reader][0].replace("TEXT", '"a000"').encode()
    asking.refused(reader, status, "body" if status == 400 else None, make(good), headers)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("giver", GIVERS)
def test_id_that_no_article_has_is_404(asking: Asking, giver: str, name: str) -> None:
    asking.refused(f"GET {giver.format(IDS[name])}", 404, None)


@pytest.mark.parametrize(("asked", "status", "field"), ADDRESSES)
def test_address_that_is_none_is_refused(asking: Asking, asked: str, status: int, field: str | None) -> None:
    asking.refused(asked, status, field)


@pytest.mark.parametrize(("address", "field"), QUERIES)
def test_query_that_is_wrong_is_refused_by_its_field(asking: Asking, address: str, field: str) -> None:
    asking.refused(f"GET {address}", 400, field)


def test_text_of_spaces_as_long_as_a_text_may_be_has_no_words(asking: Asking) -> None:
    asking.refused("POST /v1/similar", 400, "text", json.dumps({"text": " " * 100_000}).encode())
