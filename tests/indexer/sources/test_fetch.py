import email.utils
import gzip
import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from indexer.sources.fetch import Fetched, Fetcher, FetchFailed, FetchLimits, FetchRefused, FetchRequest
from tests.indexer.sources.web_server import Asked, FakeClock, Reply, Site
from tests.servers import free_port


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def fetcher_of(clock: FakeClock, **limits: object) -> Fetcher:
    return Fetcher(FetchLimits(**limits), clock.now, clock.sleep)  # type: ignore[arg-type]


def test_a_page_is_fetched_with_its_validators(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply("text", headers={"Last-Modified": "Mon, 02 Mar 2026 06:00:00 GMT"}, etag='"1"')
    with fetcher_of(clock) as fetcher:
        first = fetcher.fetch(f"{site.address}/a")
        again = fetcher.fetch(f"{site.address}/a", first.etag, first.last_modified)
    assert (first.status, first.content, first.etag) == (200, b"text", '"1"')
    assert (again.status, again.content) == (304, b"")
    assert site.asked[-1].headers["if-modified-since"] == "Mon, 02 Mar 2026 06:00:00 GMT"
    assert site.asked[-1].headers["user-agent"].startswith("Seealso/")


@pytest.mark.parametrize(
    "address",
    ["https://www..courier.example/a", f"https://{'x' * 64}.example/a", "https://a.example/\ud800", "http://.example/"],
)
def test_address_that_cannot_be_asked_for_is_a_failure_of_its_own(address: str, clock: FakeClock) -> None:
    with fetcher_of(clock, retries=0) as fetcher, pytest.raises(FetchFailed):
        fetcher.fetch(address)


def test_redirect_to_an_address_that_cannot_be_asked_for_is_a_failure_of_its_own(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(status=302, headers={"Location": "https://www..courier.example/a"})
    with fetcher_of(clock, retries=0) as fetcher, pytest.raises(FetchFailed):
        fetcher.fetch(f"{site.address}/a")


def test_cookies_are_not_kept(site: Site, clock: FakeClock) -> None:
    site["/a"] = site["/b"] = Reply("text", headers={"Set-Cookie": "visits=1; Path=/"})
    with fetcher_of(clock) as fetcher:
        for path in ("/a", "/b", "/a"):
            fetcher.fetch(f"{site.address}{path}")
    assert not any("cookie" in asked.headers for asked in site.asked)


def test_robots_txt_is_read_once_and_kept_to(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /private/\n\nUser-agent: other\nDisallow: /\n"
    site["/a"] = "text"
    with fetcher_of(clock) as fetcher:
        for _ in range(3):
            assert fetcher.fetch(f"{site.address}/a").status == 200
        with pytest.raises(FetchRefused, match=r"robots\.txt forbids"):
            fetcher.fetch(f"{site.address}/private/b")
    assert site.counts() == {"/robots.txt": 1, "/a": 3}


def test_rules_for_our_name_win_over_those_for_all(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow:\n\nUser-agent: seealso\nDisallow: /\n"
    with fetcher_of(clock) as fetcher, pytest.raises(FetchRefused):
        fetcher.fetch(f"{site.address}/a")


def test_a_redirect_does_not_lead_past_robots_txt(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /private/\n"
    site["/a"] = Reply(status=302, headers={"Location": "/private/b"})
    site["/private/b"] = "secret"
    with fetcher_of(clock) as fetcher, pytest.raises(FetchRefused):
        fetcher.fetch(f"{site.address}/a")
    assert "/private/b" not in site.counts()


def test_a_host_whose_robots_txt_fails_is_not_crawled(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = Reply(status=503)
    site["/a"] = "text"
    with fetcher_of(clock, retries=1) as fetcher:
        for _ in range(2):
            with pytest.raises(FetchFailed, match=r"robots\.txt cannot be read.*503"):
                fetcher.fetch(f"{site.address}/a")
    assert site.counts() == {"/robots.txt": 2}


def test_robots_txt_can_be_left_unasked_on_ones_own_site(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /\n"
    site["/a"] = "text"
    with fetcher_of(clock, respect_robots=False) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").content == b"text"
    assert site.counts() == {"/a": 1}


@pytest.mark.parametrize(("robots", "gap"), [("", 0.5), ("User-agent: *\nCrawl-delay: 3\n", 3.0)])
def test_requests_keep_the_rate_or_the_crawl_delay(site: Site, clock: FakeClock, robots: str, gap: float) -> None:
    site["/robots.txt"] = robots
    moments = []

    def note(_: Asked) -> Reply:
        moments.append(clock.now())
        return Reply("text")

    site["/a"] = note
    with fetcher_of(clock) as fetcher:
        for _ in range(5):
            fetcher.fetch(f"{site.address}/a")
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert gaps == pytest.approx([gap] * 4)


def test_a_crawl_delay_that_no_night_is_long_enough_for_is_said(site: Site, clock: FakeClock) -> None:
    site["/robots.txt"] = "User-agent: *\nCrawl-delay: 86400\n"
    with fetcher_of(clock) as fetcher, pytest.raises(FetchFailed, match="asks for 86400 s between requests"):
        fetcher.fetch(f"{site.address}/a")


def after(failures: list[Reply]) -> Callable[[Asked], Reply]:
    """Return what answers by each failure once, then well."""
    return lambda _: failures.pop(0) if failures else Reply("text")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_asked_again(site: Site, clock: FakeClock, status: int) -> None:
    site["/a"] = after([Reply(status=status)] * 3)
    with fetcher_of(clock) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").content == b"text"
    assert site.counts()["/a"] == 4


def test_retries_end(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(status=500)
    with fetcher_of(clock, retries=2) as fetcher, pytest.raises(FetchFailed, match="it answers 500"):
        fetcher.fetch(f"{site.address}/a")
    assert site.counts()["/a"] == 3


@pytest.mark.parametrize(("asked_for", "waited"), [("0", 0.5), ("1", 1.0), ("40", 40.0)])
def test_retry_after_is_waited_for(site: Site, clock: FakeClock, asked_for: str, waited: float) -> None:
    moments = []

    def busy_once(_: Asked) -> Reply:
        moments.append(clock.now())
        return Reply("text") if len(moments) > 1 else Reply(status=429, headers={"Retry-After": asked_for})

    site["/a"] = busy_once
    with fetcher_of(clock) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").status == 200
    assert moments[1] - moments[0] == pytest.approx(waited)


def test_retry_after_may_be_a_date(site: Site, clock: FakeClock) -> None:
    past = email.utils.formatdate(time.time() - 100, usegmt=True)
    site["/a"] = after([Reply(status=503, headers={"Retry-After": past})])
    with fetcher_of(clock) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").status == 200


def test_a_host_that_asks_for_an_hour_is_left_alone(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(status=429, headers={"Retry-After": "3600"})
    site["/b"] = "text"
    with fetcher_of(clock) as fetcher:
        with pytest.raises(FetchFailed, match="429"):
            fetcher.fetch(f"{site.address}/a")
        with pytest.raises(FetchFailed, match="left alone for 3,600 s"):
            fetcher.fetch(f"{site.address}/b")
    assert site.counts() == {"/robots.txt": 1, "/a": 1}


def test_a_host_that_is_down_is_given_up_after_a_while(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(status=500)
    with fetcher_of(clock, retries=0) as fetcher:
        reasons = []
        for _ in range(22):
            with pytest.raises(FetchFailed) as failed:
                fetcher.fetch(f"{site.address}/a")
            reasons.append(failed.value.reason)
    assert site.counts()["/a"] == 20
    assert reasons[-1] == "the host failed 20 times in a row and is left alone"


def test_redirects_are_followed_to_a_limit(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(status=301, headers={"Location": "/b"})
    site["/b"] = Reply(status=307, headers={"Location": f"{site.address}/c"})
    site["/c"] = "text"
    site["/round"] = Reply(status=302, headers={"Location": "/round"})
    with fetcher_of(clock) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").url == f"{site.address}/c"
        with pytest.raises(FetchFailed, match="leads on more than 5 times"):
            fetcher.fetch(f"{site.address}/round")
    assert site.counts()["/round"] == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[::1", "gopher:x"])
def test_a_redirect_leads_nowhere_but_to_the_web(site: Site, clock: FakeClock, location: str) -> None:
    site["/a"] = Reply(status=302, headers={"Location": location})
    with fetcher_of(clock) as fetcher, pytest.raises(FetchFailed, match=r"no address|not an http"):
        fetcher.fetch(f"{site.address}/a")


def test_a_password_in_an_address_is_refused_and_not_repeated(clock: FakeClock) -> None:
    with fetcher_of(clock) as fetcher, pytest.raises(FetchFailed, match="password") as failed:
        fetcher.fetch("http://anna:geheim@127.0.0.1/a")
    assert "geheim" not in str(failed.value)


@pytest.mark.parametrize("gzip_it", [False, True])
def test_a_page_over_the_limit_is_cut_off(site: Site, clock: FakeClock, gzip_it: bool) -> None:
    body = b"x" * 2_000_000
    headers = {"Content-Encoding": "gzip"} if gzip_it else {}
    site["/a"] = Reply(gzip.compress(body) if gzip_it else body, headers=headers)
    with fetcher_of(clock, bytes_max=1_000_000) as fetcher:
        with pytest.raises(FetchFailed, match="longer than 1,000,000 bytes"):
            fetcher.fetch(f"{site.address}/a")
        assert fetcher.fetch(f"{site.address}/a", bytes_max=3_000_000).content == body


def test_a_gzip_bomb_takes_no_memory(site: Site, clock: FakeClock) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 300_000_000))
    site["/a"] = Reply(gzip.decompress(bomb), headers={"Content-Encoding": "gzip"})
    with fetcher_of(clock, bytes_max=1_000_000) as fetcher:
        tracemalloc.start()
        try:
            with pytest.raises(FetchFailed, match="longer than 1,000,000 bytes"):
                fetcher.fetch(f"{site.address}/a")
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


def test_a_cut_gzip_is_an_error(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(gzip.compress(b"text" * 1000)[:-12], headers={"Content-Encoding": "gzip"})
    with fetcher_of(clock, retries=1) as fetcher, pytest.raises(FetchFailed, match="gzip breaks off"):
        fetcher.fetch(f"{site.address}/a")


def test_gzip_in_several_members_is_read_to_its_end(site: Site, clock: FakeClock) -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"
    site["/a"] = Reply(body, headers={"Content-Encoding": "gzip"})
    with fetcher_of(clock) as fetcher:
        assert fetcher.fetch(f"{site.address}/a").content == b"one two"


def test_an_encoding_that_was_not_asked_for_is_said(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply(b"\x1b\x03", headers={"Content-Encoding": "br"})
    with fetcher_of(clock) as fetcher, pytest.raises(FetchFailed, match="packed as 'br'"):
        fetcher.fetch(f"{site.address}/a")


def test_a_body_that_breaks_off_is_an_error(site: Site, clock: FakeClock) -> None:
    site["/a"] = Reply("half", cut=True)
    with fetcher_of(clock, retries=1) as fetcher, pytest.raises(FetchFailed, match="connection failed"):
        fetcher.fetch(f"{site.address}/a")
    assert site.counts()["/a"] == 2


def test_a_server_that_trickles_is_cut_off_at_the_limit_for_the_whole_request(site: Site, clock: FakeClock) -> None:
    # Each piece alone comes soon enough; all of them would take 25 s.
    site["/a"] = Reply(b"x" * 500, pieces=500, pause=0.05)
    with (
        fetcher_of(clock, seconds_max=3.0, respect_robots=False) as fetcher,
        pytest.raises(FetchFailed, match="longer than 3 s"),
    ):
        fetcher.fetch(f"{site.address}/a")
    assert site.counts()["/a"] == 1


def test_a_host_that_is_not_there_is_an_error(clock: FakeClock) -> None:
    with fetcher_of(clock, retries=1) as fetcher, pytest.raises(FetchFailed, match="connection failed"):
        fetcher.fetch(f"http://127.0.0.1:{free_port()}/a")


def test_many_are_fetched_in_order_and_few_at_once(site: Site, clock: FakeClock) -> None:
    lock = threading.Lock()
    three = threading.Barrier(3, timeout=20)
    running, most, drawn = 0, 0, 0

    def together(asked: Asked) -> Reply:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait()
        with lock:
            running -= 1
        return Reply(asked.path)

    def requests() -> Iterator[FetchRequest]:
        nonlocal drawn
        for number in range(21):
            drawn += 1
            yield FetchRequest(f"{site.address}/{number}")

    for number in range(21):
        site[f"/{number}"] = together
    with fetcher_of(clock, concurrency=3) as fetcher:
        outcomes = []
        for outcome in fetcher.fetch_all(requests()):
            outcomes.append(outcome)
            assert drawn <= len(outcomes) + 6
    assert [each.content for each in outcomes if isinstance(each, Fetched)] == [f"/{n}".encode() for n in range(21)]
    assert most == 3


def test_a_failure_among_many_stands_in_its_place(site: Site, clock: FakeClock) -> None:
    site["/a"] = site["/c"] = "text"
    with fetcher_of(clock, retries=0) as fetcher:
        urls = [f"{site.address}/a", "http://[bad", f"{site.address}/c"]
        outcomes = list(fetcher.fetch_all(FetchRequest(url) for url in urls))
    assert [type(outcome) for outcome in outcomes] == [Fetched, FetchFailed, Fetched]


def test_a_closed_fetcher_asks_for_nothing(site: Site) -> None:
    fetcher = Fetcher()
    fetcher.close()
    with pytest.raises(FetchFailed, match="closed"):
        fetcher.fetch(f"{site.address}/a")
    assert not site.counts()
