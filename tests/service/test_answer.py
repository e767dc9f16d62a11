import gzip
import tracemalloc
import zlib

import brotli
import pytest
from backports import zstd

from service.answer import CODED_BYTES_MIN, CODINGS, IDENTITY, Answer, _known_coding, coding_for, unpacked
from service.copies import ADDRESS_CHARACTERS

BODY = b'{"id":"a","related":[' + b'{"title":"Tides"},' * 100 + b"]}"
DECODED = {"br": brotli.decompress, "zstd": zstd.decompress, "gzip": gzip.decompress, IDENTITY: bytes}


def answer(body: bytes = BODY) -> Answer:
    return Answer(
        snapshot_id="s1",
        media_type="application/json",
        cache_control="max-age=60",
        keys=("snapshot:s1", "article:a"),
        articles=("a", "b"),
        bodies={IDENTITY: body},
    )


@pytest.mark.parametrize("coding", [*CODINGS, IDENTITY])
def test_body_in_every_coding_is_the_same(coding: str) -> None:
    form = answer().form(coding, "Accept-Encoding")
    headers = dict(form.headers)
    assert DECODED[coding](form.body) == BODY
    assert headers["Content-Length"] == str(len(form.body))
    assert headers.get("Content-Encoding", IDENTITY) == coding
    assert headers["Surrogate-Key"] == "snapshot:s1 article:a"
    assert headers["Cache-Tag"] == "snapshot:s1,article:a"


def test_each_coding_has_its_own_entity_tag_and_the_same_bytes_every_time() -> None:
    tags = {coding: answer().form(coding, "").etag for coding in (*CODINGS, IDENTITY)}
    assert len(set(tags.values())) == 4
    assert tags == {coding: answer().form(coding, "").etag for coding in tags}
    assert all(answer().form(coding, "").body == answer().form(coding, "").body for coding in CODINGS)
    assert answer(BODY + b" ").form(IDENTITY, "").etag not in tags.values()


@pytest.mark.parametrize("body", [b"", b"x" * (CODED_BYTES_MIN - 1)])
def test_short_body_is_sent_as_it_is(body: bytes) -> None:
    form = answer(body).form("br", "Accept-Encoding")
    assert form.body == body
    assert "Content-Encoding" not in dict(form.headers)
    assert dict(form.headers)["Vary"] == "Accept-Encoding"


def test_packed_answer_comes_back_with_all_its_codings() -> None:
    made = answer()
    made.form("br", "")
    made.form("gzip", "")
    found = unpacked(made.packed())
    assert found is not None
    assert found.bodies == made.bodies
    assert (found.keys, found.articles, found.cache_control) == (made.keys, made.articles, made.cache_control)
    assert found.form("br", "") == made.form("br", "")


@pytest.mark.parametrize("characters", [10, 200])
@pytest.mark.parametrize("others", [0, 12, 50])
@pytest.mark.parametrize("body", [b"{}", BODY * 20])
def test_size_is_no_less_than_what_an_answer_takes_in_memory(characters: int, others: int, body: bytes) -> None:
    ids = tuple(f"{number:x<{characters}}" for number in range(others + 1))
    keys = tuple(f"article:{each}" for each in ids)
    packed = Answer("s1", "text/html", "", keys, ids, {IDENTITY: body}).packed()
    tracemalloc.start()
    try:
        made = [unpacked(packed) for _ in range(20)]
        for each in made:
            assert each is not None
            for coding in (IDENTITY, *CODINGS):
                each.form(coding, "Accept-Encoding")
            assert each.size > 0
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made[0] is not None
    assert taken / len(made) + ADDRESS_CHARACTERS <= made[0].size


def test_what_was_not_packed_by_us_is_no_answer() -> None:
    packed = answer().packed()
    damaged = [b"", b"\0", packed[:3], packed[:40], b"\xff\xff\xff\x7f", b"\x02\0\0\0{}", b"\x04\0\0\0null"]
    damaged += [zlib.compress(packed), b"\0\0\0\0" + packed, packed[:-1]]
    # As somebody else may write it who can write to our Redis.
    for ours, others in (
        (b'"identity"', b'"identitx"'),
        (b'"articles":["', b'"articles":[7,"'),
        (b'"type":"', b'"type":7,"x":"'),
    ):
        assert packed.count(ours) == 1
        head = packed[4 : 4 + int.from_bytes(packed[:4], "little")].replace(ours, others)
        damaged.append(len(head).to_bytes(4, "little") + head + packed[4 + int.from_bytes(packed[:4], "little") :])
    for kept in damaged:
        assert unpacked(kept) is None, kept[:20]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", IDENTITY),
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("zstd, gzip", "zstd"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("BR", "br"),
        ("br;q=0", IDENTITY),
        ("*", "br"),
        ("*;q=0.1, gzip;q=0.5", "gzip"),
        ("br;q=0, *", "zstd"),
        ("identity", IDENTITY),
        ("identity;q=1, gzip;q=0.5", IDENTITY),
        ("deflate, compress", IDENTITY),
        ("gzip;q=nonsense", IDENTITY),
        (" gzip ; q=1.0 ", "gzip"),
        (",,;;==", IDENTITY),
        ("gzip;level=9", "gzip"),
    ],
)
def test_coding_is_what_the_client_likes_best(accepted: str, coding: str) -> None:
    assert coding_for(accepted) == coding


def test_long_wish_for_codings_is_read_each_time_and_a_short_one_once() -> None:
    before = _known_coding.cache_info().currsize
    for _ in range(3):
        assert coding_for("gzip" + ", made-up" * 3_000) == "gzip"
    assert _known_coding.cache_info().currsize == before
    assert coding_for("gzip, made-up;q=0.123") == "gzip"
    assert _known_coding.cache_info().currsize == before + 1
