"""Pages of other sites (S4): whom nobody asks, and where what is asked is cut off. All servers here are real.

What is public to these tests is 127.0.0.2 alone; 127.0.0.1 stands for our own network.
"""

import gzip
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seealso.errors import PageNotRead
from service.fetching import Fetcher, FetchLimits, addresses_of, is_public

pytestmark = pytest.mark.row("S4")

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
HTML = b"Content-Type: text/html\r\n"


class Listener:
    """A server that sends raw bytes to whoever connects, and counts who does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.heard: list[bytes] = []


Says = Callable[[bytes], Iterator[bytes]]


@contextmanager
def listening(host: str, says: Says, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    server = socket.create_server((host, port))
    listener = Listener(server.getsockname()[1])

    def serve_one(connection: socket.socket) -> None:
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
                asked = spoken.recv(65_536)
                listener.heard.append(asked)
                for piece in says(asked):
                    spoken.sendall(piece)
        except OSError:
            pass  # cut off, which is what many of these tests are about

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            listener.connections += 1
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def saying(*pieces: bytes) -> Says:
    return lambda _: iter(pieces)


def page(body: bytes, headers: bytes = HTML, status: bytes = b"200 OK") -> bytes:
    length = str(len(body)).encode()
    return b"HTTP/1.1 " + status + b"\r\n" + headers + b"Content-Length: " + length + b"\r\n\r\n" + body


def redirect(to: str) -> bytes:
    return page(b"", b"Location: " + to.encode() + b"\r\n", b"302 Found")


def fetcher(
    *ports: int,
    hosts: str = "*",
    names: Mapping[str, Sequence[str]] | None = None,
    **limits: Any,
) -> Fetcher:
    """Return one for which 127.0.0.2 is public; what is no name of these is looked up as ever."""

    def look_up(host: str, port: int) -> Sequence[str]:
        return (names or {}).get(host) or addresses_of(host, port)

    given = FetchLimits(**{"seconds_max": 60.0} | limits)  # longer than a page takes on a busy machine
    return Fetcher(hosts, given, ports, look_up, lambda address: address == OUTSIDE)


def refused(fetching: Fetcher, url: str) -> str:
    with pytest.raises(PageNotRead) as error:
        fetching.fetch(url)
    return error.value.reason


@pytest.fixture
def inside() -> Iterator[Listener]:
    """A server of our own network, which nobody may ask."""
    with listening(INSIDE, saying(page(b"a secret"))) as listener:
        yield listener


def test_page_is_read() -> None:
    with listening(OUTSIDE, saying(page(b"<p>Hello"))) as server:
        found = fetcher(server.port).fetch(f"http://{OUTSIDE}:{server.port}/a b?c=\u00fc#part")
        assert (found.content, found.media_type) == (b"<p>Hello", "text/html")
        asked = server.heard[0].lower()
        assert asked.startswith(b"get /a%20b?c=%c3%bc http/1.1\r\n")
        assert b"cookie" not in asked
        assert b"authorization" not in asked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "017700000001",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]", "LOCALHOST.", "127.0.0.1.",
    ],
)  # fmt: skip
def test_our_own_network_is_asked_under_none_of_its_names(inside: Listener, host: str) -> None:
    for real in (Fetcher("*", ports={inside.port}), fetcher(inside.port)):
        said = refused(real, f"http://{host}:{inside.port}/")
        assert "not on the public internet" in said or "there is no host" in said or "no name" in said
    assert inside.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1",
        "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
        "fec0::1", "ff02::1", "100::1", "5f00::1", "4000::1", "nonsense", "",
    ],
)  # fmt: skip
def test_address_that_is_nobodys_on_the_internet_is_not_connected_to(address: str) -> None:
    assert not is_public(address)
    assert "not on the public internet" in refused(
        Fetcher("*", look_up=lambda *_: [address or "x"]), "https://a.example/"
    )


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:2800:21f::1", "2a00:1450::1"]
)
def test_address_of_the_internet_is(address: str) -> None:
    assert is_public(address)


def test_redirects_are_followed_so_often_and_looked_at_each_time(inside: Listener) -> None:
    def says(asked: bytes) -> Iterator[bytes]:
        number = int(asked.split(b" ")[1][1:])
        yield redirect(f"/{number - 1}") if number else page(b"the end")

    with listening(OUTSIDE, says) as server:
        address = f"http://{OUTSIDE}:{server.port}"
        assert fetcher(server.port).fetch(f"{address}/5").url == f"{address}/0"
        assert "more than 5 times" in refused(fetcher(server.port), f"{address}/6")


@pytest.mark.parametrize(
    "to",
    ["http://127.0.0.1:{port}/", "//localhost:{port}/", "http://inside.example:{port}/", "http://2130706433:{port}/"],
)
def test_chain_of_redirects_into_our_network_ends_before_it(inside: Listener, to: str) -> None:
    def says(asked: bytes) -> Iterator[bytes]:
        first = asked.startswith(b"GET /first")
        yield redirect("/second" if first else to.format(port=inside.port))

    with listening(OUTSIDE, says, inside.port) as server:
        fetching = fetcher(inside.port, names={"inside.example": [INSIDE]})
        assert "not on the public internet" in refused(fetching, f"http://{OUTSIDE}:{inside.port}/first")
        assert (server.connections, inside.connections) == (2, 0)


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "", "http://", "http://["]
)
def test_redirect_to_what_is_no_page_is_not_followed(to: str) -> None:
    with listening(OUTSIDE, saying(redirect(to))) as server:
        said = refused(fetcher(server.port), f"http://{OUTSIDE}:{server.port}/")
        assert "no address of a page" in said or "more than 5 times" in said


def test_name_that_changes_its_address_is_asked_at_the_one_that_was_checked(inside: Listener) -> None:
    answers = iter([[OUTSIDE], [INSIDE], [INSIDE]])
    with listening(OUTSIDE, saying(page(b"the one that was checked")), inside.port) as server:
        fetching = Fetcher("*", None, {inside.port}, lambda *_: next(answers), lambda address: address == OUTSIDE)
        url = f"http://rebinding.example:{inside.port}/"
        assert fetching.fetch(url).content == b"the one that was checked"
        assert b"host: rebinding.example" in server.heard[0].lower()
        assert next(answers) == [INSIDE]  # it was looked up once
        assert "not on the public internet" in refused(fetching, url)
        assert (server.connections, inside.connections) == (1, 0)


def test_name_with_one_address_within_is_not_asked_at_the_others(inside: Listener) -> None:
    with listening(OUTSIDE, saying(page(b"x")), inside.port) as server:
        fetching = fetcher(inside.port, names={"both.example": [OUTSIDE, INSIDE]})
        assert "not on the public internet" in refused(fetching, f"http://both.example:{inside.port}/")
        assert (server.connections, inside.connections) == (0, 0)


def test_address_that_is_down_leaves_the_next_one_its_time() -> None:
    with listening("127.0.0.3", saying(page(b"x"))) as server:
        fetching = Fetcher("*", None, {server.port}, lambda *_: [OUTSIDE, "127.0.0.3"], lambda _: True)
        assert fetching.fetch(f"http://two.example:{server.port}/").content == b"x"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "no address of a page"),
        ("a.example", "no address of a page"),
        ("file:///etc/passwd", "no address of a page"),
        ("ftp://a.example/", "no address of a page"),
        ("javascript:alert(1)", "no address of a page"),
        ("http://", "no address of a page"),
        ("http://[::1", "no address of a page"),
        ("http://a.example/\r\nHost: b", "no address of a page"),
        ("http://a.example/" + "x" * 2_000, "no address of a page"),
        ("http://user:word@a.example/", "a user's name"),
        ("http://a.example:22/", "its port is 22"),
        ("http://a.example:99999/", "its port is 99999"),
        ("http://a.example:x/", "its port is x"),
        ("http://a..example/", "no name"),
        ("http://a<b.example/", "no name"),
        ("http://a%2eexample/", "no name"),
        ("http://[fe80::1%25eth0]/", "no name"),
        (f"http://{'a' * 70}.example/", "no name"),
        ("http://elsewhere.example/", "SEEALSO_DESK_FETCH"),
        ("http://notallowed.example.evil.example/", "SEEALSO_DESK_FETCH"),
        ("http://evilallowed.example/", "SEEALSO_DESK_FETCH"),
    ],
)
def test_what_may_not_be_asked_is_refused_in_words_and_nobody_is(url: str, says: str) -> None:
    def look_up(host: str, port: int) -> Sequence[str]:
        raise AssertionError("nobody looks it up")

    hosts = "allowed.example" if "DESK_FETCH" in says else "*"
    assert says in refused(Fetcher(hosts, look_up=look_up), url)


def test_nothing_is_read_where_nothing_is_configured(inside: Listener) -> None:
    off = Fetcher("", ports={inside.port}, admits=lambda _: True)
    assert not off.is_on
    assert "SEEALSO_DESK_FETCH" in refused(off, f"http://127.0.0.1:{inside.port}/")
    assert inside.connections == 0


def test_hosts_that_are_allowed_are_those_named_and_those_below_them() -> None:
    with listening(OUTSIDE, saying(page(b"x"))) as server:
        names = {"www.allowed.example": [OUTSIDE], "xn--bcher-kva.example": [OUTSIDE]}
        fetching = fetcher(server.port, hosts="Allowed.example xn--bcher-kva.example", names=names)
        assert fetching.fetch(f"http://WWW.Allowed.example.:{server.port}/").content == b"x"
        assert fetching.fetch(f"http://b\u00fccher.example:{server.port}/").content == b"x"


@pytest.mark.parametrize("stated", [True, False])
def test_page_that_is_too_long_is_cut_off(stated: bool) -> None:
    sent = 0

    def says(_: bytes) -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n" + HTML + (b"Content-Length: 9000000\r\n\r\n" if stated else b"\r\n")
        for _piece in range(90):
            sent += 100_000
            yield b"x" * 100_000

    with listening(OUTSIDE, says) as server:
        url = f"http://{OUTSIDE}:{server.port}/"
        assert "longer than 1,000,000 bytes" in refused(fetcher(server.port, bytes_max=1_000_000), url)


def test_redirects_and_the_page_have_one_limit_together() -> None:
    def says(asked: bytes) -> Iterator[bytes]:
        number = int(asked.split(b" ")[1][1:])
        on = f"Location: /{number - 1}\r\n".encode()
        yield page(b"x" * 400_000, on, b"302 Found") if number else page(b"x" * 400_000)

    with listening(OUTSIDE, says) as server:
        fetching, address = fetcher(server.port, bytes_max=1_000_000), f"http://{OUTSIDE}:{server.port}"
        assert len(fetching.fetch(f"{address}/1").content) == 400_000
        assert "longer than" in refused(fetching, f"{address}/2")


@pytest.mark.parametrize(
    ("packed", "encoding", "says"),
    [
        (gzip.compress(b"\0" * 100_000_000), b"gzip", "longer than 1,000,000 bytes"),
        (gzip.compress(gzip.compress(b"\0" * 100_000_000)), b"gzip, gzip", "was not asked for"),
        (gzip.compress(b"") * 100_000, b"gzip", "longer than 1,000,000 bytes"),
        (zlib.compress(b"\0" * 100_000_000), b"deflate", "was not asked for"),
        (b"\x00", b"br", "was not asked for"),
        (b"\x1f\x8bnonsense", b"gzip", "damaged"),
    ],
    ids=["gzip", "twice", "empty members", "deflate", "brotli", "damaged"],
)
def test_bomb_is_not_unpacked_beyond_the_limit(packed: bytes, encoding: bytes, says: str) -> None:
    headers = HTML + b"Content-Encoding: " + encoding + b"\r\n"
    whole = b"HTTP/1.1 200 OK\r\n" + headers + b"Connection: close\r\n\r\n" + packed
    with listening(OUTSIDE, saying(whole)) as server:
        url = f"http://{OUTSIDE}:{server.port}/"
        assert says in refused(fetcher(server.port, bytes_max=1_000_000), url)


def trickle(first: bytes, then: bytes) -> Says:
    def says(_: bytes) -> Iterator[bytes]:
        yield first
        while True:
            time.sleep(0.05)
            yield then

    return says


def one_redirect_after_the_other(_: bytes) -> Iterator[bytes]:
    time.sleep(0.4)
    yield redirect("/on")


@pytest.mark.parametrize(
    "says",
    [
        trickle(b"", b""),
        trickle(b"HTTP/1.1 200 OK\r\n" + HTML, b"X: y\r\n"),
        trickle(b"HTTP/1.1 200 OK\r\n" + HTML + b"\r\n", b"x"),
        trickle(b"HTTP/1.1 200 OK\r\n" + HTML + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        one_redirect_after_the_other,
    ],
    ids=["nothing", "headers", "body", "pieces", "hints", "redirects"],
)
def test_page_that_does_not_come_to_its_end_is_given_up_in_time(says: Says) -> None:
    with listening(OUTSIDE, says) as server:
        fetching = fetcher(server.port, seconds_max=1.0)
        assert "within 1 seconds" in refused(fetching, f"http://{OUTSIDE}:{server.port}/")


def test_name_that_is_looked_up_for_ever_is_given_up_in_time() -> None:
    never = threading.Event()

    def look_up(host: str, port: int) -> Sequence[str]:
        never.wait(60)
        return [OUTSIDE]

    slow = Fetcher("*", FetchLimits(seconds_max=0.2), look_up=look_up)
    assert "within 0.2 seconds" in refused(slow, "http://slow.example/")
    never.set()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page(b"x", b"Content-Type: image/png\r\n"), "image/png"),
        (page(b"x", b"Content-Type: application/pdf\r\n"), "application/pdf"),
        (page(b"x", b""), "no known kind"),
        (page(b"x", status=b"404 Not Found"), "answers 404"),
        (page(b"x", status=b"401 Unauthorized"), "answers 401"),
        (page(b"", status=b"304 Not Modified"), "answers 304"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "connection failed"),
        (b"", "connection failed"),
    ],
)
def test_what_is_no_page_is_told_as_what_it_is(answer: bytes, says: str) -> None:
    with listening(OUTSIDE, saying(answer)) as server:
        assert says in refused(fetcher(server.port), f"http://{OUTSIDE}:{server.port}/")


def test_proxy_of_the_environment_is_passed_by(inside: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    with listening(OUTSIDE, saying(page(b"x"))) as server:
        assert fetcher(server.port).fetch(f"http://{OUTSIDE}:{server.port}/").content == b"x"
    assert inside.connections == 0


def test_cookie_that_is_set_on_the_way_is_sent_to_nobody() -> None:
    def says(asked: bytes) -> Iterator[bytes]:
        first = asked.startswith(b"GET /first")
        yield page(b"", b"Set-Cookie: a=b\r\nLocation: /x\r\n", b"302 Found") if first else page(b"x")

    with listening(OUTSIDE, says) as server:
        fetcher(server.port).fetch(f"http://{OUTSIDE}:{server.port}/first")
        assert len(server.heard) == 2
        assert b"cookie" not in server.heard[1].lower()


def test_certificate_must_be_one_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=right.example", "-addext", "subjectAltName=DNS:right.example", "-days", "2"]
    subprocess.run([*made, *named, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names = {"right.example": [OUTSIDE], "wrong.example": [OUTSIDE]}
    with listening(OUTSIDE, saying(page(b"x")), tls=tls) as server:
        fetching = fetcher(server.port, names=names)
        assert "certificate verify failed" in refused(fetching, f"https://right.example:{server.port}/")
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(httpx2, "create_ssl_context", lambda **_: trusting)
        assert fetching.fetch(f"https://right.example:{server.port}/").content == b"x"
        assert "Hostname mismatch" in refused(fetching, f"https://wrong.example:{server.port}/")
        assert all(heard.startswith(b"GET") for heard in server.heard)
        assert len(server.heard) == 1
