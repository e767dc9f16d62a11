"""The laws of a block: they hold for any corpus and any request."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer.neighbours
from seealso.article import Article
from seealso.snapshot.reader import Snapshot, open_current
from service.related import Wanted, related_to_article, related_to_vector
from tests.makers import HashEncoder, article, articles, index_of

DAY = datetime(2025, 6, 1, tzinfo=UTC)
SECTIONS = ("News", "Sport", None)
LANGUAGES = ("en", "en-GB", "de", None)
WORDS = ("tide", "moon", "bread", "chess", "clock")

moments = st.none() | st.integers(0, 20).map(lambda days: DAY + timedelta(days=days))


@st.composite
def corpora(draw: st.DrawFn) -> list[Article]:
    count = draw(st.integers(1, 14))
    return [
        article(
            f"a{number:02}",
            title=draw(st.sampled_from(WORDS)),
            body=" ".join(draw(st.lists(st.sampled_from(WORDS), max_size=4))),
            section=draw(st.sampled_from(SECTIONS)),
            language=draw(st.sampled_from(LANGUAGES)),
            published=draw(moments),
            sponsored=draw(st.sampled_from([None, None, True])),
            sensitive=draw(st.sampled_from([None, None, None, True])),
        )
        for number in range(count)
    ]


requests = st.builds(
    Wanted,
    limit=st.integers(1, 16),
    sections=st.sampled_from([(), ("news",), ("news", "sport"), ("nothing",)]),
    exclude=st.lists(st.sampled_from([f"a{number:02}" for number in range(16)]), max_size=4).map(tuple),
    published_after=moments,
    published_before=moments,
    languages=st.sampled_from([(), ("en",), ("de",), ("en-gb",), ("fr",)]),
    explain=st.booleans(),
)


def admitted(piece: Article, wanted: Wanted) -> bool:
    """Say in plain words what `service.related` says with arrays."""
    if piece.sponsored or piece.sensitive or piece.id in wanted.exclude:
        return False
    if wanted.sections and (piece.section or "").casefold() not in wanted.sections:
        return False
    tag = (piece.language or "").casefold()
    if wanted.languages and not any(tag == each or tag.startswith(f"{each}-") for each in wanted.languages):
        return False
    if (wanted.published_after or wanted.published_before) and piece.published is None:
        return False
    if wanted.published_after and piece.published and piece.published < wanted.published_after:
        return False
    return not (wanted.published_before and piece.published and piece.published > wanted.published_before)


@given(corpus=corpora(), wanted=requests, candidates_max=st.sampled_from([2, 100]))
@settings(max_examples=150, deadline=None)
def test_block_holds_the_best_of_what_is_admitted_and_nothing_else(
    corpus: list[Article], wanted: Wanted, candidates_max: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(indexer.neighbours, "CANDIDATES_MAX", candidates_max)  # 2: filters have to search the snapshot
        index_of(Path(folder), corpus)
        snapshot = open_current(Path(folder))
        pieces = {piece.id: piece for piece in corpus}
        for own in range(len(snapshot)):
            items = related_to_article(snapshot, own, wanted)
            ids = [snapshot.article_id(item.row) for item in items]
            fitting = {each for each, piece in pieces.items() if admitted(piece, wanted)} - {snapshot.article_id(own)}
            if pieces[snapshot.article_id(own)].sensitive:
                assert items == []
                continue
            assert len(set(ids)) == len(ids)
            assert set(ids) <= fitting
            assert len(ids) == min(wanted.limit, len(fitting))
            scores = [item.score for item in items]
            assert scores == sorted(scores, reverse=True)
            assert all((item.why is not None) == wanted.explain for item in items)
            shown = {item.row for item in items}
            left_out = [
                item.score
                for item in related_to_article(snapshot, own, Wanted(limit=50))
                if item.row not in shown and snapshot.article_id(item.row) in fitting
            ]
            assert not left_out or not scores or max(left_out) <= min(scores)
            assert related_to_article(snapshot, own, wanted) == items


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, [*articles(240, section="News"), *[article(f"s{n}", section="Sport") for n in range(9)]])
    return open_current(folder)


def test_filter_does_not_starve_the_list_beyond_the_stored_candidates(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    stored = {snapshot.article_id(int(each)) for each in snapshot.neighbours_of(row)[0]}
    items = related_to_article(snapshot, row, Wanted(limit=9, sections=("sport",)))
    assert len(items) == 9
    assert not {f"s{n}" for n in range(9)} <= stored  # the stored candidates alone would not have been enough


def test_stored_and_searched_scores_are_the_same(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    stored = related_to_article(snapshot, row, Wanted(limit=50))
    searched = related_to_vector(snapshot, snapshot.vectors.vector(row), Wanted(limit=51))
    assert [(item.row, item.score) for item in searched if item.row != row][:50] == [(i.row, i.score) for i in stored]


def test_text_finds_its_own_subject(snapshot: Snapshot) -> None:
    vector = HashEncoder().encode(["bread yeast oven flour"])[0]
    items = related_to_vector(snapshot, vector, Wanted(limit=20))
    assert len(items) == 20
    assert all(int(snapshot.article_id(item.row)[1:]) % 3 == 1 for item in items)


def test_reasons_are_facts(tmp_path: Path) -> None:
    index_of(
        tmp_path,
        [
            article("a", section="News", author="Ruth Okafor", published="2025-06-01"),
            article("b", section="News", author="Idris Bell", published="2025-06-11T12:00:00Z"),
            article("c"),
        ],
    )
    snapshot = open_current(tmp_path)
    why = {snapshot.article_id(i.row): i.why for i in related_to_article(snapshot, 0, Wanted(explain=True))}
    assert why["b"] is not None
    assert why["b"] | {"parts": None} == {"parts": None, "days_apart": 10, "same_section": True, "same_author": False}
    assert why["c"] is not None
    assert why["c"]["days_apart"] is None
    assert why["c"]["same_section"] is False
