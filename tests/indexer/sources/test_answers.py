from pathlib import Path

from indexer.sources.answers import open_answers
from indexer.sources.fetch import Fetched, FetchRequest

URL = "https://a.example/feed"


def fetched(status: int = 200, content: bytes = b"feed", etag: str | None = '"1"', day: str | None = None) -> Fetched:
    return Fetched(status, f"{URL}/there", {"content-type": "text/xml; charset=latin-1"}, content, etag, day)


def test_what_was_kept_is_asked_for_by_its_validators_and_stands_in_for_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "sources/feeds.sqlite"
    with open_answers(path, "feed") as answers:
        assert answers.request(URL, 9) == FetchRequest(URL, None, None, 9)
        assert answers.whole(URL, fetched(day="Sun")) == fetched(day="Sun")
        answers.keep(URL, fetched(day="Sun"))
    with open_answers(path, "feed") as answers:
        assert answers.request(URL) == FetchRequest(URL, '"1"', "Sun")
        again = answers.whole(URL, Fetched(304, f"{URL}/moved", {}, b"", '"1"', None))
        assert (again.status, again.content, again.url) == (200, b"feed", f"{URL}/moved")
        assert again.headers == {"content-type": "text/xml; charset=latin-1"}
        answers.keep(URL, again)
        assert answers.whole(URL, fetched(content=b"new")).content == b"new"
    with open_answers(path, "feed") as answers:
        assert answers.request(URL) == FetchRequest(URL, '"1"', "Sun")


def test_answer_without_validators_is_not_kept_and_304_of_nothing_stays_one(tmp_path: Path) -> None:
    with open_answers(tmp_path / "s", "feed") as answers:
        answers.keep(URL, fetched(etag=None))
        assert answers.request(URL) == FetchRequest(URL)
        assert answers.whole(URL, fetched(304)).status == 304


def test_readers_keep_their_own_and_only_what_they_asked_last(tmp_path: Path) -> None:
    with open_answers(tmp_path / "s", "feed") as ours, open_answers(tmp_path / "s", "another") as theirs:
        ours.keep(URL, fetched())
        theirs.keep(URL, fetched(etag='"2"'))
        assert theirs.request(URL).etag == '"2"'
        theirs.forget_others()
        ours.forget_others()
        assert (ours.request(URL).etag, theirs.request(URL).etag) == (None, '"2"')


def test_without_a_file_nothing_is_kept() -> None:
    for _ in range(2):
        with open_answers(None, "feed") as answers:
            assert answers.request(URL) == FetchRequest(URL)
            answers.keep(URL, fetched())
