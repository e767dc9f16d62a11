from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import indexer.searching
from indexer.searching import choose_search, filters_of, missed, recall_of
from indexer.terms import build_terms
from seealso.arrays import Mask
from seealso.article import Article
from seealso.encoder import Vectors
from seealso.errors import SnapshotRefused
from seealso.lexical import Terms
from seealso.relatedness import NEAREST, candidates
from seealso.snapshot import files
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.manifest import read_manifest
from seealso.snapshot.reader import open_current, open_snapshot
from seealso.snapshot.vectors import VectorIndex
from tests.makers import DIMENSION, HashEncoder, article, forge, index_of

COUNT = 900


def texts() -> list[str]:
    rng = np.random.default_rng(3)
    return [
        " ".join([f"s{number % 30}"] * 6 + [f"w{word}" for word in rng.zipf(1.4, 40) % 3_000])
        for number in range(COUNT)
    ]


# Of texts of thirty subjects: some subjects' own, and every other text.
FILTERS: dict[str, Mask] = {
    "far": np.arange(COUNT) % 30 < 8,
    "others": np.arange(COUNT) % 30 >= 2,
    "every other": np.arange(COUNT) % 2 == 0,
}


@pytest.fixture(scope="module")
def archive() -> tuple[Vectors, Terms]:
    told = texts()
    return HashEncoder().encode(told), build_terms((f"t{number} t", text, "en") for number, text in enumerate(told))[0]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few articles are very many."""
    monkeypatch.setattr(indexer.searching, "ALL_SEARCHED_MAX", 500)
    monkeypatch.setattr(indexer.searching, "POSTINGS_TRIED", (50, 400, 4_000))
    monkeypatch.setattr(indexer.searching, "PROBED_FIRST", 2)
    monkeypatch.setattr(indexer.searching, "PROBED_SHARE_MAX", 1.0)
    monkeypatch.setattr("seealso.snapshot.vectors.ALLOWED_EXACT_MAX", 50)


def test_few_articles_are_all_looked_at(archive: tuple[Vectors, Terms]) -> None:
    vectors, terms = archive
    exact = VectorIndex.of(vectors)
    index, same, searched = choose_search(exact, vectors, terms, FILTERS)
    assert index is exact
    assert same is terms
    assert (searched.cells, searched.postings_max, searched.vectors_recall) == (0, None, 1.0)
    assert missed(searched, COUNT) == []


@pytest.mark.usefixtures("many")
def test_of_many_enough_are_found_and_the_share_is_what_was_measured(archive: tuple[Vectors, Terms]) -> None:
    vectors, terms = archive
    exact = VectorIndex.of(vectors)
    index, fewer, searched = choose_search(exact, vectors, terms, FILTERS)
    assert searched.cells == 120
    assert searched.probed == index.probed
    assert indexer.searching.RECALL_MIN <= searched.vectors_recall <= 1.0
    assert indexer.searching.RECALL_MIN <= searched.terms_recall <= 1.0
    assert missed(searched, COUNT) == []
    sample = np.arange(0, COUNT, 7)
    wanted, found = (each.search(vectors[sample], NEAREST)[0] for each in (exact, index))
    assert recall_of(found, wanted) == pytest.approx(searched.vectors_recall, abs=0.05)
    assert fewer.postings_max == searched.postings_max
    filtered = searched.filtered
    assert filtered is not None
    assert filtered.filters == len(FILTERS)
    assert filtered.probed == index.filtered_probed >= index.probed
    assert filtered.postings_max == fewer.filtered_postings_max
    for allowed in FILTERS.values():
        for side in (allowed, ~allowed):
            sample = np.flatnonzero(side)[::9]
            wanted, found = (each.search(vectors[sample], NEAREST, allowed)[0] for each in (exact, index))
            assert recall_of(found, wanted) > filtered.vectors_recall - 0.05
            for row in sample[:20].tolist():
                probe = terms.articles.row(row)
                wanted, found = (each.search(probe, terms.postings, NEAREST, allowed)[0] for each in (terms, fewer))
                assert np.count_nonzero(found >= 0) == np.count_nonzero(wanted >= 0)


@pytest.mark.usefixtures("many")
def test_where_too_much_is_missed_under_a_filter_all_that_pass_are_looked_at_and_it_is_said(
    archive: tuple[Vectors, Terms], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.searching, "NEAREST", 10)
    terms, vectors = archive[1], clustered()
    unfiltered = choose_search(VectorIndex.of(vectors), vectors, terms, {})[2]
    assert unfiltered.filtered is not None
    assert (unfiltered.filtered.probed, unfiltered.filtered.postings_max) == (0, None)  # of what was not tried
    assert len(missed(unfiltered, COUNT)) == 2
    monkeypatch.setattr(indexer.searching, "PROBED_SHARE_MAX", unfiltered.probed / unfiltered.cells)
    filters = {"far": np.arange(COUNT) < COUNT // 3}
    index, _, searched = choose_search(VectorIndex.of(vectors), vectors, terms, filters)
    assert index.filtered_probed == index.probed
    assert missed(searched, COUNT) == []
    # As if what lies far off were looked for among centres that do not tell it.
    monkeypatch.setattr("seealso.snapshot.cells.HELD_SHARE_MIN", 0.0)
    index, _, searched = choose_search(VectorIndex.of(vectors), vectors, terms, filters)
    assert searched.filtered is not None
    assert (index.probed, index.filtered_probed, searched.filtered.probed) == (unfiltered.probed, 0, 0)
    assert ["under filters" in told for told in missed(searched, COUNT)] == [True]
    allowed = filters["far"]
    found, _ = index.search(vectors[~allowed][:20], NEAREST, allowed)
    np.testing.assert_array_equal(found, VectorIndex.of(vectors).search(vectors[~allowed][:20], NEAREST, allowed)[0])


def test_filters_are_those_of_the_archive_that_leave_many_and_not_nearly_all() -> None:
    sections = ["news"] * 500 + ["sport"] * 300 + ["food"] * 50 + ["chess"] * 49 + [None]
    days = [f"2026-01-{1 + number % 28:02}T00:00:00Z" for number in range(COUNT)]
    filters = filters_of(
        [
            article(f"a{number:03}", section=section, published=day, language="en")
            for number, (section, day) in enumerate(zip(sections, days, strict=True))
        ]
    )
    left = {name: int(np.count_nonzero(mask)) for name, mask in filters.items()}
    assert left.pop("the newest 50%") == pytest.approx(450, abs=40)
    assert left.pop("the newest 10%", 101) == pytest.approx(90, abs=30)  # if more than a hundred
    assert left == {
        "the largest section": 500,
        "the largest 2 sections": 800,
        "all but the largest section": 399,
    }
    assert filters_of([article(f"b{number}") for number in range(200)]) == {}


def clustered() -> Vectors:
    """Return vectors of nine sections, one after the other, each of which lies by itself."""
    rng = np.random.default_rng(4)
    section = np.arange(COUNT) * 9 // COUNT
    vectors = rng.standard_normal((9, DIMENSION))[section] + 0.5 * rng.standard_normal((COUNT, DIMENSION))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.usefixtures("many")
def test_where_too_much_is_missed_all_are_looked_at_and_it_is_said(
    archive: tuple[Vectors, Terms], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.searching, "PROBED_SHARE_MAX", 0.02)
    monkeypatch.setattr(indexer.searching, "POSTINGS_TRIED", (1,))
    vectors, terms = archive
    index, same, searched = choose_search(VectorIndex.of(vectors), vectors, terms, FILTERS)
    assert (index.cells, same.postings_max) == (None, None)
    assert (searched.cells, searched.probed, searched.vectors_recall) == (0, 0, 1.0)
    told = missed(searched, COUNT)
    assert len(told) == 2
    assert "900 are looked at" in told[0]


@pytest.mark.usefixtures("many")
def test_where_titles_miss_too_much_more_postings_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.searching, "NEAREST", 10)
    told = [f"s{number % 90} " * 6 for number in range(COUNT)]
    vectors = HashEncoder().encode(told)

    def chosen(titles: list[str]) -> tuple[Terms, int | None, float]:
        terms, _ = build_terms((title, text, "en") for title, text in zip(titles, told, strict=True))
        _, fewer, searched = choose_search(VectorIndex.of(vectors), vectors, terms, FILTERS)
        assert searched.filtered is not None
        assert searched.filtered.postings_max == searched.postings_max == fewer.postings_max
        return fewer, searched.postings_max, min(searched.terms_recall, searched.filtered.terms_recall)

    # By its subject, its heaviest term, each finds the ten of it; titles of usual words only by those.
    assert chosen([f"t{number}" for number in range(COUNT)])[1] == 50
    terms, postings_max, recall = chosen([f"usual{number % 5}" for number in range(COUNT)])
    assert postings_max == 400
    assert recall >= indexer.searching.RECALL_MIN
    probe = terms.articles.row(7)
    for fewer, found in ((replace(terms, postings_max=50), 0), (terms, 10)):
        rows, _ = fewer.search(probe, fewer.title_postings, 10)
        assert np.count_nonzero(rows[0] % 5 == 2) == found


def test_recall_counts_what_there_is_to_find() -> None:
    assert recall_of(np.array([[1, 2, -1]]), np.array([[2, 3, -1]])) == 0.5
    assert recall_of(np.array([[-1, -1]]), np.array([[-1, -1]])) == 1.0


@pytest.fixture
def index(many: None, tmp_path: Path) -> Path:
    index_of(tmp_path, pieces())
    return tmp_path


def pieces() -> list[Article]:
    """Return articles of thirty subjects, ten of which are a section."""
    return [
        article(f"a{number:04}", body=text, section=f"Section {number % 30 // 10}")
        for number, text in enumerate(texts())
    ]


def test_snapshot_is_searched_as_its_manifest_says(index: Path) -> None:
    snapshot = open_current(index)
    searched = snapshot.manifest.searched
    assert searched is not None
    assert snapshot.vectors.cells is not None
    assert len(snapshot.vectors.cells) == searched.cells == 120
    assert snapshot.vectors.probed == searched.probed > 0
    assert snapshot.terms.postings_max == searched.postings_max
    rows, _ = snapshot.vectors.search(snapshot.vectors.vectors(np.arange(5)), 3)
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    again = index / "again"
    index_of(again, pieces())
    assert open_current(again).manifest.content == snapshot.manifest.content
    assert searched.filtered is not None
    assert snapshot.vectors.filtered_probed == searched.filtered.probed > 0
    assert snapshot.terms.filtered_postings_max == searched.filtered.postings_max
    exact = replace(
        snapshot,
        vectors=snapshot.vectors.by_all(),
        terms=replace(snapshot.terms, postings_max=None, filtered_postings_max=None),
    )
    sections = snapshot.facts["section"]
    for row in range(0, COUNT, 60):  # what is most related, of the other sections
        found, wanted = (
            candidates(
                *(each, each.recipe, each.probes(row), 12, each.cohorts[row : row + 1]), sections != sections[row]
            ).rows
            for each in (snapshot, exact)
        )
        assert recall_of(found, wanted) >= 0.9


def test_damaged_cells_are_refused_by_name(index: Path) -> None:
    folder = snapshot_folder(index, open_current(index).id)
    assert set(read_manifest(folder).files) >= files.OF_CELLS
    for name in files.OF_CELLS:
        path = folder / name
        path.chmod(0o644)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0x10]))
        with pytest.raises(SnapshotRefused, match=name):
            open_current(index)
        path.write_bytes(whole)
    open_current(index)


def test_forged_cells_are_refused_too(index: Path) -> None:
    """Files that are what the manifest says, and not what a snapshot holds."""
    snapshot = open_current(index)
    cells = snapshot.vectors.cells
    assert cells is not None
    folder = snapshot_folder(index, snapshot.id)
    for path in folder.iterdir():
        path.chmod(0o644)
    content = bytearray((folder / f"{files.CELLS}.bin").read_bytes())
    first = int(np.argmax(np.diff(cells.ends.astype(np.int64)) > 0))
    room = -(-int(np.diff(cells.ends.astype(np.int64))[first]) // 8) * 8
    place = room * DIMENSION  # where the rows of the first cell that is not empty stand
    content[place : place + 8] = (10**12).to_bytes(8, "little")
    with pytest.raises(SnapshotRefused, match="each article once"):
        open_snapshot(forge(folder, f"{files.CELLS}.bin", bytes(content)))
