"""Requests that no client sends, in bytes, to the real server: each is refused, or is one request, and never two."""

import json
import re
import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.makers import articles, index_of
from tests.servers import Running, serving
from tests.service.test_server import connect, to_the_end

pytestmark = pytest.mark.row("S6")

PATH = "/v1/articles/a001/related"
BODY = b'{"article":"a001","blocks":[{"name":"b"}]}'
SIZE = len(BODY)
# Each case is sent with a number of its own, of as many digits, in the place of this.
NUMBER = "NNN"
FIRST, SECOND = f"case-{NUMBER}-first", f"case-{NUMBER}-second"
# What a stranger would like to have answered behind a proxy that has seen one request.
OTHER = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {SECOND}\r\n\r\n".encode()
CHUNKED, END = "Transfer-Encoding: chunked", b"0\r\n\r\n"


def request(line: str, *headers: str, body: bytes = b"", hosts: tuple[str, ...] = ("x",)) -> bytes:
    """Return a request as it stands."""
    lines = [line, *(f"Host: {host}" for host in hosts), f"X-Request-Id: {FIRST}", *headers]
    return "".join(f"{each}\r\n" for each in lines).encode("latin-1") + b"\r\n" + body


def get(*headers: str, path: str = PATH, body: bytes = b"", hosts: tuple[str, ...] = ("x",)) -> bytes:
    return request(f"GET {path} HTTP/1.1", *headers, body=body, hosts=hosts)


def post(*headers: str, body: bytes = b"") -> bytes:
    return request("POST /v1/page HTTP/1.1", "Content-Type: application/json", *headers, body=body)


def length(size: object) -> str:
    return f"Content-Length: {size}"


def chunk(size: str, data: bytes = BODY) -> bytes:
    return size.encode() + b"\r\n" + data + b"\r\n" + END


WHOLE = chunk(f"{SIZE:x}")
REFUSED = {
    "two lengths that differ": post(length(SIZE), length(SIZE + len(OTHER)), body=BODY + OTHER),
    "a list of lengths that differ": post(length(f"{SIZE}, {SIZE + len(OTHER)}"), body=BODY + OTHER),
    "a list of lengths": post(length(f"{SIZE}, {SIZE}"), body=BODY),
    "a length with a sign": post(length(f"+{SIZE}"), body=BODY + OTHER),
    "a length below nothing": post(length(-1), body=OTHER),
    "a length in hexadecimal": post(length(hex(SIZE)), body=BODY + OTHER),
    "a length of 24 digits": post(length("9" * 24), body=BODY + OTHER),
    "a length after a space": post(f"Content-Length : {SIZE}", body=BODY + OTHER),
    "a coding after a space": post("Transfer-Encoding : chunked", body=END + OTHER),
    "a coding on a line of its own": post("Transfer-Encoding:\r\n chunked", body=END + OTHER),
    "a coding that is nearly chunked": post("Transfer-Encoding: xchunked", body=END + OTHER),
    "a coding behind chunked": post("Transfer-Encoding: chunked, identity", body=END + OTHER),
    "two codings": post(CHUNKED, "Transfer-Encoding: identity", body=END + OTHER),
    "no coding and a length": post("Transfer-Encoding: identity", length(SIZE), body=BODY + OTHER),
    "chunked before HTTP/1.1": request(
        "POST /v1/page HTTP/1.0", "Connection: keep-alive", CHUNKED, body=END + OTHER
    ),
    "a bare CR in a header": get(f"X-A: a\r{CHUNKED}", body=END + OTHER),
    "a space in a header's name": get("X A: a", body=OTHER),
    "a space after a header's name": get("X-A : a", body=OTHER),
    "a space before the first header": f"GET {PATH} HTTP/1.1\r\n Host: x\r\nX-Request-Id: {FIRST}\r\n\r\n".encode(),
    "a header without a name": get(": a", body=OTHER),
    "a header without a colon": get("abc", body=OTHER),
    "a NUL in a header": get("X-A: a\0b", body=OTHER),
    "a NUL in a header's name": get("X\0A: a", body=OTHER),
    "a NUL in the path": get(path="/v1/articles/a\0b/related", body=OTHER),
    "a NUL in the path, percent-encoded": get(path="/v1/articles/a%00b/related"),
    "a space in the path": get(path="/v1/articles/a b/related", body=OTHER),
    "a tab in the path": get(path="/v1/articles/a\tb/related", body=OTHER),
    "a path that is not ASCII": get(path="/v1/articles/\xff/related", body=OTHER),
    "a path without its slash": get(path=PATH[1:], body=OTHER),
    "two hosts": get(hosts=("x", "y")),
    "two hosts that are the same": get(hosts=("x", "x")),
    "no version": f"GET {PATH}\r\nX-Request-Id: {FIRST}\r\n\r\n".encode() + OTHER,
    "another version": request(f"GET {PATH} HTTP/2.0", body=OTHER),
    "HTTP/2 as it begins": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + OTHER,
    "two spaces in the first line": request(f"GET  {PATH} HTTP/1.1", body=OTHER),
    "a body that needs a key": request("POST /v1/keys HTTP/1.1", length(len(OTHER)), body=OTHER),
    "a body that is too long": post(length(50_000_000), body=OTHER),
    "a chunk of 0x": post(CHUNKED, body=chunk(hex(SIZE)) + OTHER),
    "a chunk with a sign": post(CHUNKED, body=chunk(f"+{SIZE:x}") + OTHER),
    "a chunk below nothing": post(CHUNKED, body=chunk("-1") + OTHER),
    "a chunk after a space": post(CHUNKED, body=chunk(f" {SIZE:x}") + OTHER),
    "a chunk of no size": post(CHUNKED, body=chunk("") + OTHER),
    "a chunk of a letter": post(CHUNKED, body=chunk("g") + OTHER),
    "a chunk beyond 64 bits": post(CHUNKED, body=chunk("f" * 17) + OTHER),
    "a chunk that is small modulo 64 bits": post(CHUNKED, body=chunk(f"1{'0' * 14}{SIZE:02x}") + OTHER),
    "a chunk's line with a bare LF": post(CHUNKED, body=f"{SIZE:x}\n".encode() + BODY + b"\n0\n\n" + OTHER),
    "a chunk's extension with a bare LF": post(CHUNKED, body=f"{SIZE:x};\n".encode() + OTHER + END),
}  # fmt: skip
ONE = {
    "both lengths, the body ends before the length": post(length(len(END + OTHER)), CHUNKED, body=END + OTHER),
    "both lengths, the other way round": post(CHUNKED, length(len(END + OTHER)), body=END + OTHER),
    "both lengths, the body ends behind the length": post(length(4), CHUNKED, body=chunk(f"{len(OTHER):x}", OTHER)),
    "both lengths, on GET": get(length(5), CHUNKED, body=END + OTHER),
    "both lengths, and the body is good": post(length(SIZE), CHUNKED, body=WHOLE + OTHER),
    "the same length twice": post(length(SIZE), length(SIZE), body=BODY),
    "a length with an underscore": get("Content_Length: 5"),
    "bare LF at the ends of lines": f"GET {PATH} HTTP/1.1\nHost: x\nX-Request-Id: {FIRST}\n\n".encode(),
    "a chunk with an extension": post(CHUNKED, body=chunk(f"{SIZE:x};a=1")),
    "a chunk before a space": post(CHUNKED, body=chunk(f"{SIZE:x} ")),
    "a chunk with leading zeros": post(CHUNKED, body=chunk(f"{SIZE:020x}")),
    "a chunk that goes on where it should end": post(CHUNKED, body=WHOLE.replace(BODY + b"\r\n", BODY + b"XX") + OTHER),
    "a trailer": post(CHUNKED, body=WHOLE[:-2] + b"Content-Length: 99\r\n\r\n"),
    "a body on GET": get(length(len(OTHER)), body=OTHER),
    "a chunked body on GET": get(CHUNKED, body=chunk(f"{len(OTHER):x}", OTHER)),
    "a body on GET of no block": get(length(len(OTHER)), path="/livez", body=OTHER),
    "a body on GET of nothing": get(length(len(OTHER)), path="/nothing", body=OTHER),
    "a whole address": get(path=f"http://x{PATH}"),
    "the address of somebody else": get(path=f"http://y{PATH}"),
    "a host as the address": get(path="x:80"),
    "a star as the address": get(path="*"),
    "a fragment": get(path=f"{PATH}#x"),
    "a tunnel": request("CONNECT x:80 HTTP/1.1"),
    "no host": get(hosts=()),
    "an empty host": get(hosts=("",)),
}  # fmt: skip
# Both are asked for by whatever way one counts, and both are answered, in their order.
TWO = {
    "two in a row": get(body=OTHER),
    "a body on GET, and another": get(length(len(OTHER)), body=OTHER + OTHER),
    "a chunked body, and another": post(CHUNKED, body=WHOLE + OTHER),
    "a chunked body on GET, and another": get(CHUNKED, body=chunk("3", b"abc") + OTHER),
}  # fmt: skip
# The server waits for the rest of it, until the client says that there is none.
UNFINISHED = {
    "a chunk of nearly 64 bits": post(CHUNKED, body=chunk("f" * 16) + OTHER),
    "a body that ends too early": post(length(SIZE + 1 + len(OTHER)), body=BODY + OTHER),
}
CASES = REFUSED | ONE | TWO | UNFINISHED


class Outcome(NamedTuple):
    """What came back: the statuses of the answers; and which requests were answered, as the log says."""

    statuses: list[int]
    logged: list[str]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("raw")
    index_of(folder / "index", articles(6))
    given = {"SEEALSO_LOG_REQUESTS": "1", "SEEALSO_CONNECTION_IDLE_S": "2"}
    with serving(folder / "index", folder / "log", 1, True, **given) as running:
        yield running


@pytest.fixture(scope="module")
def outcomes(service: Running) -> dict[str, Outcome]:
    """What became of all cases: sent at once, each on its own connection, and read until the server ends it."""
    connections = []
    for number, (name, content) in enumerate(CASES.items()):
        connections.append(connect(service))
        connections[-1].sendall(content.replace(NUMBER.encode(), f"{number:03}".encode()))
        if name in UNFINISHED:
            connections[-1].shutdown(socket.SHUT_WR)
    received = []
    for each in connections:
        with each:
            received.append(to_the_end(each))
    assert service.get(PATH).status == 200
    logged = [line["request_id"] for line in service.logged() if line["event"] == "request_answered"]
    return {
        name: Outcome(
            statuses_in(received[number]),
            [each.rpartition("-")[2] for each in logged if each.startswith(f"case-{number:03}-")],
        )
        for number, name in enumerate(CASES)
    }


def statuses_in(received: bytes) -> list[int]:
    """Return the statuses of answers that came one after the other, each whole."""
    statuses = []
    while received:
        head, ended, received = received.partition(b"\r\n\r\n")
        assert ended, head
        statuses.append(int(head.split()[1]))
        size = re.search(rb"^content-length: (\d+)\r?$", head, re.IGNORECASE | re.MULTILINE)
        assert size, head
        assert len(received) >= int(size[1]), head
        received = received[int(size[1]) :]
    return statuses


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused(outcomes: dict[str, Outcome], name: str) -> None:
    statuses, logged = outcomes[name]
    assert len(statuses) <= 1  # or the connection is closed
    assert all(400 <= status < 500 for status in statuses)
    assert logged in ([], ["first"])


@pytest.mark.parametrize("name", ONE)
def test_what_may_be_read_in_two_ways_is_one_request(outcomes: dict[str, Outcome], name: str) -> None:
    statuses, logged = outcomes[name]
    assert len(statuses) == 1
    assert statuses[0] < 500
    assert logged == ["first"]


@pytest.mark.parametrize("name", TWO)
def test_two_requests_are_two(outcomes: dict[str, Outcome], name: str) -> None:
    statuses, logged = outcomes[name]
    assert (statuses, logged) == ([200, 200], ["first", "second"])


@pytest.mark.parametrize("name", UNFINISHED)
def test_what_never_ends_is_no_second_request(outcomes: dict[str, Outcome], name: str) -> None:
    statuses, logged = outcomes[name]
    assert statuses in ([], [400])
    assert logged in ([], ["first"])


def test_others_are_answered_afterwards(outcomes: dict[str, Outcome], service: Running) -> None:
    assert len(outcomes) == len(CASES)
    assert service.get(PATH).status == 200
    assert service.post("/v1/page", json.loads(BODY)).status == 200
    assert not [line for line in service.log.read_text().splitlines() if '"level": "error"' in line]
    assert len(service.workers()) == 1
