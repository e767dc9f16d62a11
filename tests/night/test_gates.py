"""N8: a night whose index would be worse is not published, and says so with its own exit code; --force publishes it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from seealso.article import Article
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current
from tests.makers import article, articles
from tests.night.run import Night, Nights, write_lines

pytestmark = pytest.mark.row("N8")

GATE_FAILED = 14
SOURCE_SHRUNK = 15
MANY = 120


class Archive:
    """An index over some files of articles, night after night."""

    def __init__(self, nights: Nights, folder: Path) -> None:
        self._nights = nights
        self._folder = folder
        self.index = folder / "index"

    def night(self, *files: Sequence[Article], model: str = "hash", force: bool = False) -> Night:
        """Run a night over the files as they are now."""
        paths = [write_lines(self._folder / f"{place}.jsonl", lines) for place, lines in enumerate(files)]
        return self._nights.run(self.index, *paths, model=model, options=["--force"] if force else [])

    def current(self) -> str:
        """Return the id of the snapshot that is served."""
        return open_current(self.index).id

    def check_refused(self, night: Night, code: int, *words: str) -> None:
        """Fail unless a night ended with this code, in a line with these words, and published nothing."""
        assert night.code == code, night.said
        assert night.line.startswith("seealso: ")
        assert all(word in night.line for word in words), night.line

    def check_forced(self, night: Night, name: str) -> None:
        """Fail unless a night published, and its manifest says against which gate."""
        assert self.current() == night.snapshot
        manifest = open_current(self.index).manifest
        assert name in manifest.forced
        assert len(set(manifest.forced)) == len(manifest.forced)


@pytest.fixture
def archive(nights: Nights, tmp_path: Path) -> Archive:
    return Archive(nights, tmp_path)


def pairs(shift: int = 0) -> list[Article]:
    """Return articles of which each two are about the same, as the editor knows; `shift` gives each another's text."""
    return [
        article(
            f"p{number:03}",
            title=f"On subject{of // 2}",
            body=f"subject{of // 2} alpha{of // 2} beta{of // 2} gamma{of // 2} and number{of}",
            editor_related=[f"p{number ^ 1:03}"],
        )
        for number, of in ((number, (number * (1 + 2 * shift) + 7 * shift) % MANY) for number in range(MANY))
    ]


def test_30_percent_fewer_articles_are_not_published(archive: Archive) -> None:
    before = archive.night(articles(MANY)).snapshot
    fewer = articles(MANY * 7 // 10)
    archive.check_refused(archive.night(fewer), GATE_FAILED, "articles", "70.0%")
    assert archive.current() == before
    archive.check_forced(archive.night(fewer, force=True), "articles")
    assert len(open_current(archive.index)) == len(fewer)


def test_a_source_that_shrank_is_named_and_deletes_nothing(archive: Archive) -> None:
    first, second = articles(MANY)[: MANY // 2], articles(MANY)[MANY // 2 :]
    before = archive.night(first, second).snapshot
    archive.check_refused(archive.night(first, second[: len(second) // 2]), SOURCE_SHRUNK, "1.jsonl", "50.0%")
    assert archive.current() == before
    archive.check_forced(archive.night(first, second[: len(second) // 2], force=True), "articles")


def test_a_source_that_shrank_is_found_though_another_grew(archive: Archive) -> None:
    first, second = articles(MANY)[: MANY // 2], articles(MANY)[MANY // 2 :]
    before = archive.night(first, second).snapshot
    more = [each.model_copy(update={"id": f"more-{each.id}"}) for each in second]
    archive.check_refused(archive.night([*first, *more], second[: len(second) // 3]), SOURCE_SHRUNK, "1.jsonl")
    assert archive.current() == before


def test_an_empty_source_deletes_nothing(archive: Archive) -> None:
    before = archive.night(articles(MANY), articles(1)).snapshot
    archive.check_refused(archive.night([], articles(1)), SOURCE_SHRUNK, "0.jsonl")
    assert archive.current() == before


def test_a_few_articles_fewer_are_deletions(archive: Archive) -> None:
    archive.night(articles(MANY))
    archive.night(articles(MANY - 4))
    assert len(open_current(archive.index)) == MANY - 4
    assert open_current(archive.index).manifest.forced == []


def test_sensitive_articles_that_are_suddenly_all_are_not_published(archive: Archive) -> None:
    before = archive.night(articles(MANY)).snapshot
    marked = [each.model_copy(update={"sensitive": True}) for each in articles(MANY)]
    archive.check_refused(archive.night(marked), GATE_FAILED, "empty-blocks", "100.0%")
    assert archive.current() == before


def test_one_that_cannot_be_opened_still_says_how_much_each_source_gave(archive: Archive) -> None:
    before = archive.night(articles(MANY)).snapshot
    vectors = snapshot_folder(archive.index, str(before)) / "vectors.faiss"
    vectors.chmod(0o644)
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    archive.check_refused(archive.night(articles(MANY // 2)), SOURCE_SHRUNK, "0.jsonl", "50.0%")
    night = archive.night(articles(MANY))
    assert (night.code, len(open_current(archive.index))) == (0, MANY)


def test_lists_that_overlap_too_little_are_not_published(archive: Archive) -> None:
    before = archive.night(articles(MANY)).snapshot
    archive.check_refused(archive.night(articles(MANY), model="another"), GATE_FAILED, "overlap")
    assert archive.current() == before
    archive.check_forced(archive.night(articles(MANY), model="another", force=True), "overlap")
    assert archive.night(articles(MANY), model="another").code == 0  # the forced one is what is compared with now


def test_lists_worse_on_the_editors_picks_are_not_published(archive: Archive) -> None:
    """An export that gives each article the text of another: as many articles, all of them new to the lists."""
    before = archive.night(pairs()).snapshot
    archive.check_refused(archive.night(pairs(shift=1)), GATE_FAILED, "picks")
    assert archive.current() == before
    archive.check_forced(archive.night(pairs(shift=1), force=True), "picks")


def test_after_a_refused_night_the_next_good_one_is_published(archive: Archive) -> None:
    archive.night(articles(MANY))
    for _ in range(2):
        assert archive.night(articles(MANY // 4)).code == SOURCE_SHRUNK
    good = archive.night(articles(MANY + 1)).snapshot
    assert archive.current() == good


def test_force_overrides_no_source_that_cannot_be_read(archive: Archive, nights: Nights, tmp_path: Path) -> None:
    before = archive.night(articles(MANY)).snapshot
    night = nights.run(archive.index, tmp_path / "absent.jsonl", options=["--force"])
    assert night.code == 4
    assert archive.current() == before
