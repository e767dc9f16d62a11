from indexer.sources.address import shown_address


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
