"""Pages of other sites, read."""

import threading

import pytest

from seealso.errors import PageNotRead, ServiceBusy
from service import elsewhere
from service.elsewhere import Elsewhere
from service.fetching import Fetcher, FetchLimits
from tests.indexer.sources.web_server import Asked, Reply, Site, page

# Longer than anything takes on a busy machine.
SECONDS_MAX = 60.0


@pytest.fixture
def reading(site: Site, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    monkeypatch.setattr(elsewhere, "EXTRACTING_SECONDS_MAX", SECONDS_MAX)
    port = int(site.address.rpartition(":")[2])
    return Elsewhere(Fetcher("127.0.0.1", FetchLimits(SECONDS_MAX), {port}, admits=lambda _: True))


def refused(reading: Elsewhere, url: str) -> str:
    with pytest.raises(PageNotRead) as error:
        reading.read(url)
    return error.value.reason


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b""), "the page is empty"),
        (Reply("<p></p>"), "no"),
        (Reply(" \n", headers={"Content-Type": "text/plain"}), "no text"),
        (Reply("x" * 100_001, headers={"Content-Type": "text/plain"}), "longer than"),
        (Reply("A title\n" + "x" * 100_001, headers={"Content-Type": "text/plain"}), "longer than 100,000 characters"),
        (Reply("x", 500), "answers 500"),
    ],
)
def test_page_without_a_text_to_compare_is_refused_in_words(
    site: Site, reading: Elsewhere, reply: Reply, says: str
) -> None:
    site["/page"] = reply
    assert says in refused(reading, f"{site.address}/page")


def test_page_is_read_as_the_nights_read_ours(site: Site, reading: Elsewhere) -> None:
    site["/page"] = page("Harbour quiet", head="<nav>Menu, of which nothing is text</nav>")
    site["/moved"] = Reply(status=301, headers={"Location": "/page"})
    found = reading.read(f"{site.address}/moved")
    assert (found.title, found.language, found.url) == ("Harbour quiet", "en", f"{site.address}/page")
    assert "the boats stayed in" in found.text
    assert "Menu" not in found.text


def test_plain_text_has_its_first_line_for_a_title(site: Site, reading: Elsewhere) -> None:
    text = "Grüße\n\nTides and the moon".encode("cp1252")
    site["/text"] = Reply(text, headers={"Content-Type": "text/plain; charset=cp1252"})
    assert reading.read(f"{site.address}/text")[1:3] == ("Grüße", "Tides and the moon")


def test_language_that_is_none_is_left_out(site: Site, reading: Elsewhere) -> None:
    site["/page"] = page("A title").replace("lang='en'", "lang='{{ language }}'")
    assert reading.read(f"{site.address}/page").language is None


def test_page_is_remembered_for_a_while(site: Site, reading: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    site["/page"] = Reply("A title\ntides", headers={"Content-Type": "text/plain"})
    url = f"{site.address}/page"
    assert reading.known(url) is None
    first = reading.read(url)
    assert reading.known(url) == first == reading.read(url)
    assert len(site.asked) == 1
    monkeypatch.setattr(elsewhere, "KEPT_MAX", 2)
    for number in range(2):
        reading.read(f"{url}?{number}")
    assert reading.known(url) is None
    assert reading.known(f"{url}?0") is not None


def test_one_page_is_read_at_a_time_and_the_next_is_told_so(site: Site, reading: Elsewhere) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(_: Asked) -> Reply:
        began.set()
        go_on.wait(SECONDS_MAX)
        return Reply("A title\ntides", headers={"Content-Type": "text/plain"})

    site["/slow"] = slow
    first = threading.Thread(target=reading.read, args=(f"{site.address}/slow",))
    first.start()
    assert began.wait(SECONDS_MAX)
    with pytest.raises(ServiceBusy):
        reading.read(f"{site.address}/other")
    go_on.set()
    first.join()
    assert reading.read(f"{site.address}/slow").title == "A title"
