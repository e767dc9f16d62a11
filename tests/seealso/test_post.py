"""Posting to a real server on loopback: taken, later, never, too slow, elsewhere."""

import logging
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest

from seealso.post import REDIRECTS_MAX, host_of, post
from tests.listener import Listener, listening
from tests.servers import free_port


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as each:
        yield each


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever the machine's proxy."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("seealso.post.PAUSE_SECONDS", 0.01)


def test_body_and_headers_arrive_and_nothing_is_said(listener: Listener) -> None:
    assert post(f"{listener.url}/a?b=c", b"body", {"Content-Type": "text/x"}, 10) is None
    ((method, path, headers, body),) = listener.asked
    assert (method, path, headers["content-type"], body) == ("POST", "/a?b=c", "text/x", b"body")


def test_what_may_be_taken_later_is_tried_again(listener: Listener) -> None:
    listener.statuses = [503, 429, 204]
    assert post(listener.url, b"body", {}, 10, tries=3) is None
    assert [body for *_, body in listener.asked] == [b"body"] * 3


def test_tries_are_counted_and_the_last_answer_is_named(listener: Listener) -> None:
    listener.statuses = [500]
    assert post(listener.url, b"body", {}, 10, tries=3) == "it answered 500"
    assert len(listener.asked) == 3


def test_what_is_never_taken_is_not_tried_again(listener: Listener) -> None:
    listener.statuses = [404]
    assert post(listener.url, b"body", {}, 10, tries=3) == "it answered 404"
    assert len(listener.asked) == 1


def test_a_redirect_on_the_same_host_is_followed_with_the_body(listener: Listener) -> None:
    listener.statuses, listener.location = [308, 200], "/elsewhere"
    assert post(listener.url, b"body", {}, 10) is None
    assert [(method, path, body) for method, path, _, body in listener.asked] == [
        ("POST", "/", b"body"),
        ("POST", "/elsewhere", b"body"),
    ]


def test_redirects_in_a_circle_end(listener: Listener) -> None:
    listener.statuses, listener.location = [307], "/again"
    assert post(listener.url, b"body", {}, 10) == f"it redirected more than {REDIRECTS_MAX} times"
    assert len(listener.asked) == REDIRECTS_MAX + 1


def test_a_redirect_to_another_host_is_not_followed(listener: Listener) -> None:
    with listening() as other:
        listener.statuses, listener.location = [307], f"{other.url}/take"
        reason = post(listener.url, b"body", {}, 10, tries=3)
        assert other.asked == []
    assert reason == "it answered 307 with another host, scheme or method; not followed"
    assert len(listener.asked) == 1


def test_a_redirect_that_would_lose_the_body_is_not_followed(listener: Listener) -> None:
    listener.statuses, listener.location = [302], "/login"
    assert post(listener.url, b"body", {}, 10) == "it answered 302 with another host, scheme or method; not followed"


def test_nobody_listening_is_said() -> None:
    reason = post(f"http://127.0.0.1:{free_port()}/secret", b"", {}, 10, tries=2)
    assert reason is not None
    assert reason.startswith("it cannot be reached (")
    assert "secret" not in reason


def test_a_server_that_takes_the_connection_and_is_silent_does_not_hold_the_night() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reason = post(f"http://127.0.0.1:{server.getsockname()[1]}", b"", {}, 0.3, tries=3)
    assert reason in ("it did not answer in time", "no whole answer within 0.3 s")


def test_a_server_that_answers_a_byte_at_a_time_does_not_hold_the_night(listener: Listener) -> None:
    done = Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1_000):
            if done.wait(0.02):
                return
            handler.wfile.write(b"X")

    listener.instead = trickle
    assert post(listener.url, b"", {}, 2.0) == "no whole answer within 2 s"
    done.set()


def test_a_long_answer_is_not_read(listener: Listener) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        time.sleep(0.05)

    listener.instead = pour
    assert post(listener.url, b"", {}, 10) is None


def test_a_connection_cut_in_the_answer_is_said(listener: Listener) -> None:
    listener.instead = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    assert post(listener.url, b"", {}, 10, tries=2) == "the connection failed (RemoteProtocolError)"
    assert len(listener.asked) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org/secret",
        "ftp://example.org/secret",
        "file:///secret",
        "http:///secret",
        "http://[::secret]/",
        "http://example.org:secret/",
        "http://\udc80.example/secret",
        "http://example.org/\nsecret",
    ],
)
def test_an_address_that_is_none_is_a_reason_that_does_not_quote_it(url: str) -> None:
    reason = post(url, b"", {}, 10)
    assert reason is not None
    assert "its address" in reason
    assert "secret" not in reason
    assert "secret" not in host_of(url)


def test_address_is_logged_by_nobody(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert post(f"{listener.url}/services/secret", b"", {}, 10) is None
    assert "secret" not in caplog.text


def test_host_is_named_without_user_path_and_query() -> None:
    assert host_of("https://user:secret@hooks.example.org:8443/secret?secret#secret") == "hooks.example.org"


def test_user_in_an_address_is_sent_as_basic_authentication(listener: Listener) -> None:
    assert post(listener.url.replace("//", "//ann:pass@"), b"", {}, 10) is None
    assert listener.asked[0][2]["authorization"] == "Basic YW5uOnBhc3M="
