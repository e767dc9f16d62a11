import pytest

from indexer.sources.address import leads_home, page_id, shown_address


def test_what_may_be_secret_is_not_shown() -> None:
    shown = shown_address("https://user:s3cret@a.example:8443/feed?token=t0ken#x")
    assert shown.startswith("https://a.example:8443/feed?")
    assert not any(part in shown for part in ("user", "s3cret", "t0ken"))


def test_two_that_differ_only_there_can_be_told_apart() -> None:
    assert shown_address("https://a.example/feed?a=1") != shown_address("https://a.example/feed?a=2")
    assert shown_address("https://a.example/feed?a=1") == shown_address("https://a.example/feed?a=1")


def test_what_has_nothing_to_hide_stays() -> None:
    for address in ("https://a.example/feed.xml", "saved/feed.xml", "http://[::1", ""):
        assert shown_address(address) == address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/2026/03/boats.html", "2026/03/boats"),
        ("https://a.example/2026/03/boats/", "2026/03/boats"),
        ("https://a.example/story.php?id=7", "story?id=7"),
        ("https://a.example/?p=7", "?p=7"),
        ("https://a.example/", ""),
        ("https://a.example", ""),
        ("https://a.example/%D0%BC%D0%BE%D1%80%D0%B5", "море"),
        ("https://a.example/%E4", "%E4"),
        ("https://a.example/a%00b", "a%00b"),
        (f"https://a.example/a%00b/{'x' * 200}", f"a%00b/{'x' * 200}"),
        ("https://a.example/%D9%85%DB%8C%E2%80%8C", "%D9%85%DB%8C%E2%80%8C"),
        (f"https://a.example/{'%D9%85%DB%8C%E2%80%8C' * 10}", "می%E2%80%8C" * 10),
        ("https://a.example/می\u200c", "می%E2%80%8C"),
        (f"https://a.example/{'%E4' * 70}", "%E4" * 70),
    ],
)
def test_a_pages_id_is_its_path(url: str, expected: str) -> None:
    assert page_id(url) == expected


@pytest.mark.parametrize(
    ("answered", "home"),
    [("https://a.example/", True), ("https://www.a.example", True), ("https://a.example/1", False)],
)
def test_page_that_leads_home_is_known(answered: str, home: bool) -> None:
    assert leads_home("https://a.example/2026/boats", answered) is home
    assert not leads_home(answered, answered)
