"""The laws of a block: they hold for any corpus and any request."""

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer.neighbours
import service.related
from seealso.article import Article
from seealso.relatedness import CANDIDATES_MAX, scored
from seealso.snapshot.files import NO_PLACE, PLAIN_MAX
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.baton import BATON
from service.related import Footing, Item, related_on_page, related_to_article, related_to_text
from service.rulings import Ruling
from service.searched import SearchedVectors
from service.texts import Texts
from service.wanted import Wanted
from service.why import Draft
from tests.figures import figure
from tests.makers import HashEncoder, article, articles, index_of

DAY = datetime(2025, 6, 1, tzinfo=UTC)
SECTIONS = ("News", "Sport", None)
LANGUAGES = ("en", "en-GB", "de", None)
WORDS = ("tide", "moon", "bread", "chess", "clock")
LONG = " ".join(f"word{number}" for number in range(60))  # long enough to be a copy of

# How many were tried, by how many articles they have.
CORPORA: Counter[int] = Counter()

moments = st.none() | st.integers(0, 20).map(lambda days: DAY + timedelta(days=days))


@st.composite
def corpora(draw: st.DrawFn) -> list[Article]:
    count = draw(st.integers(1, 14))
    return [
        article(
            f"a{number:02}",
            title=draw(st.sampled_from(WORDS)),
            body=" ".join(draw(st.lists(st.sampled_from((*WORDS, LONG)), max_size=4))),
            canonical=draw(st.sampled_from([None, None, None, "a00", "elsewhere"])),
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
    mode=st.sampled_from(["background", "latest", "evergreen"]),
    min_probability=st.sampled_from([None, 0.0, 0.3]),
    stories=st.sampled_from(["one", "one", "all"]),
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


def probabilities(snapshot: Snapshot, own: int) -> dict[int, float]:
    """Return the probability of every other article."""
    others = np.array([row for row in range(len(snapshot)) if row != own], np.int64)
    cohorts = snapshot.cohorts[own : own + 1]
    scores = scored(snapshot, snapshot.recipe, snapshot.probes(own), cohorts, others[np.newaxis]).scores[0]
    return dict(zip(others.tolist(), snapshot.recipe.probability(scores).tolist(), strict=True))


@pytest.fixture
def corpora_counted() -> Iterator[None]:
    """Tell how many random corpora a test tried."""
    CORPORA.clear()
    yield
    figure(f"{CORPORA.total():,} random corpora of {min(CORPORA, default=0)} to {max(CORPORA, default=0)} articles")


def indexed(folder: Path, corpus: list[Article]) -> Snapshot:
    """Index a random corpus, and count it by its size."""
    index_of(folder, corpus)
    CORPORA[len(corpus)] += 1
    return open_current(folder)


@pytest.mark.row("S7")
@pytest.mark.usefixtures("corpora_counted")
@given(corpus=corpora(), wanted=requests, candidates_max=st.sampled_from([2, 100]))
@settings(deadline=None)
def test_laws_of_a_block(corpus: list[Article], wanted: Wanted, candidates_max: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(indexer.neighbours, "CANDIDATES_MAX", candidates_max)  # 2: filters have to search the snapshot
        snapshot = indexed(Path(folder), corpus)
        pieces = {piece.id: piece for piece in corpus}
        story = snapshot.facts["story"]
        least = snapshot.recipe.probability_min if wanted.min_probability is None else wanted.min_probability
        for own in range(len(snapshot)):
            items = related_to_article(snapshot, own, wanted)
            rows = [item.row for item in items]
            if pieces[snapshot.article_id(own)].sensitive:
                assert items == []
                continue
            chances = probabilities(snapshot, own)
            if any(abs(chance - least) < 1e-4 for chance in chances.values()):
                continue  # on which side rounding puts it is no law
            fitting = {
                row
                for row, chance in chances.items()
                if admitted(pieces[snapshot.article_id(row)], wanted)
                and chance >= least
                and (wanted.stories == "all" or story[row] != story[own])
            }
            assert own not in rows
            assert len(set(rows)) == len(rows)
            assert set(rows) <= fitting
            told = [int(story[row]) for row in rows]
            if wanted.stories == "one":
                assert len(set(told)) == len(told)
                assert len(rows) == min(wanted.limit, len({int(story[row]) for row in fitting}))
                if candidates_max == 100 and snapshot.facts["language"][own] < 0:
                    # Who stands for a story is shown for it, if it may be shown at all.
                    assert all(lead not in fitting or row == lead for row, lead in zip(rows, told, strict=True))
            else:
                assert len(rows) == min(wanted.limit, len(fitting))
            assert [item.probability for item in items] == pytest.approx([chances[row] for row in rows], abs=1e-4)
            language = pieces[snapshot.article_id(own)].language
            if language and not wanted.languages:
                foreign = [
                    bool(tag) and not (tag or "").startswith(language[:2])
                    for tag in (pieces[snapshot.article_id(row)].language for row in rows)
                ]
                assert foreign == sorted(foreign)
            assert all((item.why is not None) == wanted.explain for item in items)
            assert related_to_article(snapshot, own, wanted) == items
            if candidates_max == 100:
                shorter = replace(wanted, limit=max(1, wanted.limit // 2))
                assert related_to_article(snapshot, own, shorter) == items[: shorter.limit]


@pytest.mark.row("S7")
@pytest.mark.usefixtures("corpora_counted")
@given(
    corpus=corpora(),
    shown=st.lists(st.sampled_from([f"a{number:02}" for number in range(16)]), max_size=4),
    blocks=st.lists(requests, min_size=1, max_size=4),
    candidates_max=st.sampled_from([2, 100]),
)
@settings(deadline=None)
def test_laws_of_a_page(corpus: list[Article], shown: list[str], blocks: list[Wanted], candidates_max: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(indexer.neighbours, "CANDIDATES_MAX", candidates_max)
        snapshot = indexed(Path(folder), corpus)
        pieces = {piece.id: piece for piece in corpus}
        there = [row for row in map(snapshot.row_of, shown) if row is not None]
        for own in range(len(snapshot)):
            page = [*related_on_page(snapshot, own, there, blocks)]
            assert [*related_on_page(snapshot, own, there, blocks)] == page
            assert len(page) == len(blocks)
            first = replace(blocks[0], stories="one")
            assert next(related_on_page(snapshot, own, [], blocks)) == related_to_article(snapshot, own, first)
            if pieces[snapshot.article_id(own)].sensitive:
                assert page == [[] for _ in blocks]
                continue
            _check_page(snapshot, pieces, own, there, blocks, page)


def _check_page(
    snapshot: Snapshot,
    pieces: dict[str, Article],
    own: int,
    shown: list[int],
    blocks: list[Wanted],
    page: list[list[Item]],
) -> None:
    """Nothing twice, no story twice, and each block as full as what passes its filter allows."""
    story = snapshot.facts["story"]
    rows = [item.row for block in page for item in block]
    assert len({own, *shown, *rows}) == len({own, *shown}) + len(rows)
    told = {int(story[row]) for row in (own, *shown)}
    chances = probabilities(snapshot, own)
    for wanted, block in zip(blocks, page, strict=True):
        least = snapshot.recipe.probability_min if wanted.min_probability is None else wanted.min_probability
        if any(abs(chance - least) < 1e-4 for chance in chances.values()):
            return  # on which side rounding puts it is no law
        fitting = {
            row
            for row, chance in chances.items()
            if admitted(pieces[snapshot.article_id(row)], wanted) and chance >= least and int(story[row]) not in told
        }
        assert {item.row for item in block} <= fitting
        assert len(block) == min(wanted.limit, len({int(story[row]) for row in fitting}))
        stories = {int(story[item.row]) for item in block}
        assert len(stories) == len(block)
        assert all((item.why is not None) == wanted.explain for item in block)
        told |= stories


@pytest.mark.row("S7")
@pytest.mark.usefixtures("corpora_counted")
@given(
    corpus=corpora(),
    shown=st.lists(st.sampled_from([f"a{number:02}" for number in range(16)]), max_size=4),
    blocks=st.lists(requests, min_size=1, max_size=4),
    pins=st.dictionaries(st.integers(1, 9), st.integers(0, 13), min_size=1, max_size=5),
)
@settings(deadline=None)
def test_laws_of_a_page_with_pins(
    corpus: list[Article], shown: list[str], blocks: list[Wanted], pins: dict[int, int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        snapshot = indexed(Path(folder), corpus)
        pieces = {piece.id: piece for piece in corpus}
        story = snapshot.facts["story"]
        there = [row for row in map(snapshot.row_of, shown) if row is not None]
        ruling = Ruling({place: number % len(snapshot) for place, number in pins.items()})
        for own in range(len(snapshot)):
            met = {own, *there}
            told = {int(story[row]) for row in there}
            for wanted, block in zip(blocks, related_on_page(snapshot, own, there, blocks, ruling), strict=True):
                rows = [item.row for item in block]
                assert len(rows) <= wanted.limit
                assert all(admitted(pieces[snapshot.article_id(row)], wanted) for row in rows)
                assert met.isdisjoint(rows)
                stories = {int(story[row]) for row in rows}
                assert len(stories) == len(rows)  # no story twice in a block, nor on the page
                assert told.isdisjoint(stories)
                assert all(item.pinned for item in block if story[item.row] == story[own])
                assert {item.row for item in block if item.pinned} <= {*ruling.pins.values()}
                met |= {*rows}
                told |= stories


ids = st.sampled_from([f"a{number:02}" for number in range(14)])


@pytest.mark.row("S7")
@pytest.mark.usefixtures("corpora_counted")
@given(
    corpus=corpora(),
    hidden=st.frozensets(ids, max_size=2),
    kept_out=st.lists(st.integers(0, 13), max_size=2),
    pins=st.dictionaries(st.integers(1, 4), st.integers(0, 13), max_size=2),
    limit=st.integers(1, 17),
    candidates_max=st.sampled_from([2, 100]),
)
@settings(deadline=None)
def test_laws_of_what_the_night_chose(
    corpus: list[Article],
    hidden: frozenset[str],
    kept_out: list[int],
    pins: dict[int, int],
    limit: int,
    candidates_max: int,
) -> None:
    """Whatever was decided since, a block is as if it were chosen when it is asked for, and rests on the same."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(indexer.neighbours, "CANDIDATES_MAX", candidates_max)
        opened = indexed(Path(folder), corpus)
        ruling = Ruling({place: number % len(opened) for place, number in pins.items()})
        rows = [number % len(opened) for number in kept_out]
        for snapshot in (opened, opened.without(hidden).keeping_out(sponsored=rows)):
            chosen_now = replace(snapshot, plain_blocks=None)
            for own in range(len(snapshot)):
                ahead, now = Footing(), Footing()
                items = related_to_article(snapshot, own, Wanted(limit), ruling=ruling, footing=ahead)
                assert items == related_to_article(chosen_now, own, Wanted(limit), ruling=ruling, footing=now)
                assert ahead == now


class Chosen(Exception):
    """A block was chosen when it was asked for."""


def test_what_the_night_chose_is_not_chosen_again(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(*_: object) -> None:
        raise Chosen

    monkeypatch.setattr(service.related, "choose", chosen)
    own = snapshot.row_of("a000")
    assert own is not None
    items = related_to_article(snapshot, own, Wanted())
    shown = items[0].row
    assert len(items) == 12
    assert related_to_article(snapshot, own, Wanted(limit=3, explain=True))[0].why
    pinned = related_to_article(snapshot, own, Wanted(), ruling=Ruling({2: 100}))
    assert [item.row for item in pinned][:3] == [shown, 100, items[1].row]
    few = replace(snapshot, scores=np.where(np.arange(snapshot.scores.shape[1]) < 5, snapshot.scores, -99))
    blocks = snapshot.plain_blocks
    assert blocks is not None
    few = replace(few, plain_blocks=np.where(np.arange(PLAIN_MAX) < 5, blocks, NO_PLACE).astype(np.uint8))
    assert related_to_article(few, own, Wanted()) == items[:5]  # no other may be likely
    for decided, wanted, ruling in (
        (snapshot.without(frozenset([snapshot.article_id(shown)])), Wanted(), Ruling()),
        (snapshot.keeping_out(sponsored=[shown]), Wanted(), Ruling()),
        (snapshot, Wanted(limit=PLAIN_MAX + 1), Ruling()),
        (snapshot, Wanted(mode="latest"), Ruling()),
        (snapshot, Wanted(exclude=("a003",)), Ruling()),
        (snapshot, Wanted(), Ruling(excluded=np.array([shown]))),
        (snapshot, Wanted(), Ruling(evergreens=1)),
        (snapshot, Wanted(), Ruling(weighed=[(np.array([shown]), 3.0)])),
    ):
        with pytest.raises(Chosen):
            related_to_article(decided, own, wanted, ruling=ruling)
    with pytest.raises(Chosen):
        related_to_article(snapshot, own, Wanted(), met=[shown])
    with pytest.raises(Chosen):
        related_to_article(snapshot, own, Wanted(), recipe=snapshot.recipe)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, [*articles(240, section="News"), *[article(f"s{n}", section="Sport") for n in range(9)]])
    return open_current(folder)


def text_of(snapshot: Snapshot, title: str, text: str) -> Draft:
    return Texts(HashEncoder, 1, 60.0).draft(snapshot, title, text, None)


def test_filter_does_not_starve_the_list_beyond_the_stored_candidates(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    stored = {snapshot.article_id(int(each)) for each in snapshot.neighbours_of(row)[0]}
    items = related_to_article(snapshot, row, Wanted(limit=9, sections=("sport",), min_probability=0.0))
    assert len(items) == 9
    assert not {f"s{n}" for n in range(9)} <= stored  # the stored candidates alone would not have been enough


def test_pasted_article_has_the_block_of_the_article_after_itself(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    stored = related_to_article(snapshot, row, Wanted(limit=20))
    pasted = related_to_text(snapshot, text_of(snapshot, "Piece 0", "tides moon sea harbour number0"), Wanted(limit=21))
    assert pasted[0].row == row
    again = [item for item in pasted if item.row != row]
    assert [item.row for item in again] == [item.row for item in stored]
    assert [item.score for item in again] == pytest.approx([item.score for item in stored], abs=3e-4)


def test_text_finds_its_own_subject_and_nothing_else(snapshot: Snapshot) -> None:
    items = related_to_text(snapshot, text_of(snapshot, "", "bread yeast oven flour"), Wanted(limit=20))
    assert 0 < len(items) <= 20
    assert all(int(snapshot.article_id(item.row)[1:]) % 3 == 1 for item in items)


def test_fewer_rather_than_bad(snapshot: Snapshot) -> None:
    nothing = related_to_text(snapshot, text_of(snapshot, "", "quite another matter altogether"), Wanted())
    anything = related_to_text(
        snapshot, text_of(snapshot, "", "quite another matter altogether"), Wanted(min_probability=0.0)
    )
    assert len(anything) == 12
    assert len(nothing) < 12
    row = snapshot.row_of("a000")
    assert row is not None
    assert related_to_article(snapshot, row, Wanted(min_probability=1.0)) == []


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """An archive with a sensitive article, a wire copy, and a story of more copies than there are candidates."""
    folder = tmp_path_factory.mktemp("special")
    body = "tides moon sea harbour " + " ".join(f"inquest{number}" for number in range(30))
    pieces = [
        *articles(12, section="News"),
        article("secret", summary="What is known.", body=body, sensitive=True),
        article("wire", body=body.replace("inquest", "market"), section="wire"),
        article("copy", body=body.replace("inquest", "market") + " more", canonical="wire"),
        *[article(f"c{n:03}", body=f"bread yeast oven flour copy{n}", canonical="origin") for n in range(130)],
    ]
    index_of(folder, pieces)
    return open_current(folder)


def pasted(snapshot: Snapshot, article_id: str, form: str) -> Draft:
    row = snapshot.row_of(article_id)
    assert row is not None
    piece = Article.model_validate_json(snapshot.article(row))
    title, text = {
        "all": (piece.title, piece.text),
        "title and body": (piece.title, piece.body),
        "body": ("", piece.body),
        "spaced": (piece.title, piece.text.replace(" ", " \n ")),
    }[form]
    return text_of(snapshot, title, text)


@pytest.mark.parametrize("form", ["all", "title and body", "body", "spaced"])
def test_pasted_article_is_known_whatever_was_pasted_of_it(special: Snapshot, form: str) -> None:
    assert related_to_text(special, pasted(special, "secret", form), Wanted(min_probability=0.0)) == []
    row = special.row_of("wire")
    assert row is not None
    found = related_to_text(special, pasted(special, "wire", form), Wanted(limit=9, min_probability=0.0))
    assert found[0].row == row
    block = related_to_article(special, row, Wanted(limit=9, min_probability=0.0))
    assert [item.row for item in found[1:]] == [item.row for item in block[:8]]
    without = related_to_text(special, pasted(special, "wire", form), Wanted(exclude=("wire",), min_probability=0.0))
    assert {"wire", "copy"}.isdisjoint(special.article_id(item.row) for item in without)


def test_story_of_many_copies_does_not_starve_the_list(special: Snapshot) -> None:
    found = related_to_text(special, text_of(special, "", "bread yeast oven flour"), Wanted(min_probability=0.0))
    assert len(found) == 12
    row = special.row_of("a001")
    assert row is not None
    assert len(related_to_article(special, row, Wanted(min_probability=0.0))) == 12


def test_page_fills_its_last_block_from_beyond_the_stored_candidates(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    stored = [int(each) for each in snapshot.neighbours_of(row)[0]]
    blocks = [Wanted(limit=50, min_probability=0.0)] * 5
    page = [*related_on_page(snapshot, row, stored[:40], blocks)]
    shown = [item.row for block in page for item in block]
    # Of 249 articles: not itself, and not what is shown already.
    assert [len(block) for block in page] == [50, 50, 50, 50, 8]
    assert len(set(shown)) == 208
    assert set(shown).isdisjoint({row, *stored[:40]})


@pytest.mark.parametrize("text", ["🙂", "the of and", "x", "Ein Satz über ganz andere Dinge."])
def test_texts_that_say_little_are_sure_of_nothing(special: Snapshot, text: str) -> None:
    found = related_to_text(special, text_of(special, "", text), Wanted(min_probability=0.0))
    assert all(np.isfinite(item.score) and item.probability < 0.9 for item in found)


def test_others_make_blocks_while_one_has_all_of_the_snapshot_searched(tmp_path: Path) -> None:
    index_of(tmp_path, articles(CANDIDATES_MAX + 10))
    snapshot = open_current(tmp_path)
    free: list[bool] = []

    def search_slowly(*_: object) -> None:
        other = threading.Thread(target=lambda: free.append(BATON._lock.acquire(timeout=30)))
        other.start()
        other.join()
        BATON._lock.release()

    searched = replace(snapshot, vectors=SearchedVectors(snapshot.vectors, snapshot.facts, search_slowly))
    ruling = Ruling(excluded=np.sort(snapshot.neighbours_of(0)[0]))
    with BATON:
        block = related_to_article(searched, 0, Wanted(limit=2, min_probability=0.0), ruling=ruling)
    assert len(block) == 2
    assert free == [True]


def test_others_make_blocks_while_one_is_explained(special: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    def explain_slowly(_: object, __: object, ___: object, rows: list[int]) -> list[dict[str, Any]]:
        other = threading.Thread(target=lambda: free.append(BATON._lock.acquire(timeout=30)))
        other.start()
        other.join()
        BATON._lock.release()
        return [{} for _ in rows]

    monkeypatch.setattr("service.related.reasons", explain_slowly)
    with BATON:
        assert related_to_article(special, 0, Wanted(explain=True))
    assert free == [True]
