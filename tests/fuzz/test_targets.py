"""The short form of `make fuzz`: no law is broken by what the fuzzer begins with, nor by what once broke one."""

import orjson
import pytest

from service.api import inputs
from tests.fuzz.targets import POST, REQUESTS, WORDPRESS, Target, check_request, of_model, targets
from tests.service.test_uploads import document_of

TARGETS = targets()
# What the fuzzer found; the tests of each reader say what was wrong.
FOUND = [
    ("address", b"https://ape%ta.cttps://=1#y"),
    ("address", b"https://c<ra"),
    ("block-address", b"/v1/articles/related"),
    ("body", of_model(inputs.ArticleBody, b'{"title": "T", "body": "B", "summary": "\\ud800"}')),
    ("csv", b'\x02,"B\nb","sea,moon"\x00\x00,176732\x84e,0\nB\nb","sea,moon",1767322199\n'),
    ("manifest", b'{"format":6,"recipe":{"a":' + b"[" * 300 + b"]" * 300 + b"}}"),
    ("page-text", b"\x00\nTitle\nSummary\nBy Ada Fry\n21 July 2025\nThe sea came early."),
    ("query", of_model(inputs.RelatedQuery, b"x" * 3_000)),
    ("request", b"GET /desk/panel?\xe7\n\n"),
    ("request", b"GET /desk/login?then=\xe7\n\n"),
    ("snapshot", b"\x01\x00\xdf\x00\xff"),
    ("upload", document_of("T", more={f"word/{'x' * 3_000}.xml": b""}).replace(b"word/x", b"word/y", 1)),
    ("webhook", b'\3\n{"post": {"current": {}, "previous": {"id": ""}}}'),
    ("wordpress-api", b'\n{"message": "No.", "code": ' + b"[" * 1_000 + b"]" * 1_000 + b"}"),
    ("wordpress-api", b"7\n[1, 1]"),
    ("wordpress-api", b"3\n" + orjson.dumps([POST | {"id": -5}]) + b"\x003\n" + orjson.dumps([1, POST | {"id": -5}])),
    ("wordpress-export", WORDPRESS.replace(b"content:encoded", b"encoded")),
]


@pytest.mark.parametrize("name", TARGETS)
def test_no_law_is_broken_by_what_the_fuzzer_begins_with(name: str) -> None:
    target: Target = TARGETS[name]
    assert target.seeds
    for seed in target.seeds:
        assert len(seed) <= target.most
        target.check(seed)
        target.check(seed[: len(seed) // 2])
    target.check(b"")


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_no_law_is_broken_by_what_broke_one(name: str, content: bytes) -> None:
    TARGETS[name].check(content)


@pytest.mark.parametrize("request_as_sent", REQUESTS)
def test_the_fuzzer_begins_with_requests_that_are_answered(request_as_sent: bytes) -> None:
    assert check_request(request_as_sent) < 400


TAKING_IN = [
    *("jsonl", "csv", "parquet", "sql", "feed", "wordpress-export", "wordpress-api", "ghost-export", "page-text"),
    *("block-address", "webhook", "upload", "document"),
]


@pytest.mark.parametrize("name", TAKING_IN)
def test_the_fuzzer_begins_with_what_is_taken_in(name: str) -> None:
    assert TARGETS[name].check(TARGETS[name].seeds[0])
