"""The short form of `make fuzz`: no law is broken by what the fuzzer begins with, nor by what once broke one."""

import pytest

from tests.fuzz.targets import WORDPRESS, Target, targets

TARGETS = targets()
# What the fuzzer found; the tests of each reader say what was wrong.
FOUND = [
    ("address", b"https://ape%ta.cttps://=1#y"),
    ("address", b"https://c<ra"),
    ("csv", b'\x02,"B\nb","sea,moon"\x00\x00,176732\x84e,0\nB\nb","sea,moon",1767322199\n'),
    ("manifest", b'{"format":6,"recipe":{"a":' + b"[" * 300 + b"]" * 300 + b"}}"),
    ("page-text", b"\x00\nTitle\nSummary\nBy Ada Fry\n21 July 2025\nThe sea came early."),
    ("snapshot", b"\x01\x00\xdf\x00\xff"),
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


@pytest.mark.parametrize(
    "name", ["jsonl", "csv", "parquet", "sql", "feed", "wordpress-export", "ghost-export", "page-text"]
)
def test_the_fuzzer_begins_with_what_a_source_takes_for_an_article(name: str) -> None:
    assert TARGETS[name].check(TARGETS[name].seeds[0])
