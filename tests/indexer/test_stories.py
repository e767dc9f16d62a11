import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.copies import WORDS_MIN
from indexer.neighbours import Neighbours, find_neighbours
from indexer.stories import (
    ANGLE_COSINE,
    ANGLE_TERMS,
    REVISION_TERMS,
    SERIES_MIN,
    TELLINGS_MAX,
    find_stories,
)
from indexer.terms import build_terms
from seealso.article import Article, parse_time, read_article
from seealso.encoder import SentenceEncoder
from seealso.passages import cut_passages
from seealso.recipe import RECIPE_DEFAULT
from seealso.snapshot.vectors import VectorIndex
from seealso.space import PASSAGE_DTYPE, fit_space
from seealso.telling import EVENT_COSINE, EVENT_DAYS, EVENT_TERMS
from tests.conftest import ROOT
from tests.makers import HashEncoder, article

LONG = " ".join(f"word{number}" for number in range(120))
RETOLD = " ".join(f"word{number}" for number in reversed(range(120)))
EVENT = (EVENT_COSINE + 0.001, EVENT_TERMS + 0.001)
ANGLE = (ANGLE_COSINE + 0.001, ANGLE_TERMS + 0.001)
NOTHING = (0.3, 0.05)

Alike = dict[str, tuple[float, float]]


def told(article_id: str, published: str | None = "2026-01-15", **fields: Any) -> Article:
    """Return an article with a text that no other has a phrase of."""
    body = " ".join(f"{article_id}{number}" for number in range(60))
    return article(article_id, **{"body": body, "published": published, "language": "en", **fields})


def leads(pieces: list[Article], alike: Alike) -> dict[str, str]:
    """Return, by article, which one stands for its story; `alike`: cosine and terms by 'a b'. Others share nothing."""
    count = len(pieces)
    both = {tuple(pair.split()): parts for pair, parts in alike.items()}
    rows = np.array([[other for other in range(count) if other != row] for row in range(count)], np.int32)
    rows = rows.reshape(count, max(0, count - 1))
    parts = np.zeros((2, *rows.shape), np.float32)
    for row, others in enumerate(rows.tolist()):
        for place, other in enumerate(others):
            pair = (pieces[row].id, pieces[other].id)
            parts[:, row, place] = both.get(pair) or both.get(pair[::-1]) or NOTHING
    neighbours = Neighbours(rows, parts.sum(axis=0), parts[0], parts[1], np.zeros((count, 2, 2), np.float32))
    found = find_stories(pieces, neighbours, parts[1])
    assert found.dtype == np.int32
    return {piece.id: pieces[row].id for piece, row in zip(pieces, found, strict=True)}


def partition(found: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(each for each in found if found[each] == lead) for lead in found.values()}


def stories(pieces: list[Article], alike: Alike | None = None) -> set[str]:
    """Return the stories of several articles, as 'a b'."""
    return {" ".join(sorted(story)) for story in partition(leads(pieces, alike or {})) if len(story) > 1}


def measured(pieces: list[Article]) -> set[str]:
    """Return the stories of several articles whose likeness is that of their words."""
    vectors = HashEncoder().encode([f"{piece.title} {piece.text}" for piece in pieces])
    terms = build_terms((piece.title, piece.text, piece.language) for piece in pieces)[0]
    neighbours = find_neighbours(VectorIndex.of(vectors), vectors, terms, RECIPE_DEFAULT)
    rows = find_stories(pieces, neighbours, neighbours.shared(terms.articles.squares()))
    found = {piece.id: pieces[row].id for piece, row in zip(pieces, rows, strict=True)}
    return {" ".join(sorted(story)) for story in partition(found) if len(story) > 1}


def others(count: int) -> list[Article]:
    return [article(f"z{n:02}", body=f"quite another piece {n} on subject {n * 7}") for n in range(count)]


def test_wire_copy_belongs_to_its_original_which_stands_for_both() -> None:
    pieces = [told("a", language="de"), told("b", "2027-01-01", canonical="a"), told("c", canonical="c")]
    assert leads(pieces, {}) == {"a": "a", "b": "a", "c": "c"}


def test_copies_of_an_original_that_is_not_here_are_one_story() -> None:
    assert stories([told("a", canonical="wire"), told("b", canonical="wire"), told("c", canonical="other")]) == {"a b"}


def test_copy_of_a_copy_and_originals_in_a_ring_are_one_story() -> None:
    assert stories([told("a"), told("b", canonical="a"), told("c", canonical="b")]) == {"a b c"}
    assert stories([told("a", canonical="b"), told("b", canonical="a")]) == {"a b"}


def test_article_that_names_itself_as_its_original_gives_way_to_its_update() -> None:
    pieces = [told("a", canonical="a"), told("b", "2026-01-16")]
    assert leads(pieces, {"a b": EVENT}) == {"a": "b", "b": "b"}


def test_latest_stands_for_a_story() -> None:
    pieces = [told("a", updated="2026-01-17"), told("b", "2026-01-16"), told("c", None, body=LONG)]
    assert leads(pieces, {"a b": EVENT}) == {"a": "a", "b": "a", "c": "c"}
    same_time = [told("a", body=LONG), told("b", body=LONG), told("c", None, body=LONG)]
    assert set(leads(same_time, {}).values()) == {"a"}


def test_copy_is_told_by_its_text_at_any_distance_in_time_and_among_any_number() -> None:
    pieces = [
        told("a", "2020-01-01", title="One", body=LONG),
        told("b", "2026-01-01", title="Two", body=f"{LONG} Corrected."),
        told("c", None, body=LONG),
    ]
    assert stories(pieces) == {"a b c"}
    many = [article(f"a{n:03}", body=LONG) for n in range(150)]
    assert len(measured([*many, article("b", title="Another headline", body=LONG), article("c")])) == 1


def test_update_belongs_to_what_it_replaces_for_a_week() -> None:
    kept = " ".join(LONG.split()[:60])
    report = told("a", title="Main bursts", body=kept + " first words" * 10)

    def joined(
        days: float, terms: float = REVISION_TERMS + 0.01, body: str = f"{kept} then {RETOLD}", **more: Any
    ) -> bool:
        later = parse_time("2026-01-15") + timedelta(days=days)
        update = told("b", None, title="Water back for most", body=body, **more)
        update = update.model_copy(update={"published": later})
        return bool(stories([report, update], {"a b": (0.5, terms)}))

    assert joined(0)
    assert joined(6.9)
    assert joined(-6.9)
    assert not joined(7.1)
    assert not joined(1, terms=REVISION_TERMS - 0.01)
    assert not joined(1, body=RETOLD)


def test_article_with_paragraphs_added_is_the_same_at_any_time() -> None:
    longer = f"{LONG} {' '.join(f'more{number}' for number in range(80))}"
    pieces = [told("a", "2020-01-01", body=LONG), told("b", None, body=longer)]
    assert stories(pieces, {"a b": (0.9, REVISION_TERMS + 0.01)}) == {"a b"}
    assert stories(pieces, {"a b": (0.9, REVISION_TERMS - 0.01)}) == set()


def test_review_of_the_week_is_none_of_the_reports_in_it() -> None:
    reports = [told(name, f"2026-01-1{day}") for day, name in enumerate("abcde")]
    review = told("review", "2026-01-18", body="\n\n".join(piece.body for piece in reports))
    assert measured([*reports, review, *others(12)]) == set()


def test_event_told_by_two_desks_is_one_story() -> None:
    def joined(parts: tuple[float, float] = EVENT, published: str | None = "2026-01-16", language: str = "en") -> bool:
        return bool(stories([told("a"), told("b", published, language=language)], {"a b": parts}))

    assert joined()
    assert joined(language="en-GB")
    assert not joined(language="de")
    assert not joined(published=f"2026-01-{15 + EVENT_DAYS}T00:00:01Z")
    assert not joined(published=None)
    assert not joined((EVENT_COSINE - 0.01, 0.9))
    assert not joined((0.99, EVENT_TERMS - 0.01))


def test_third_telling_may_have_its_own_angle_if_both_others_confirm_it() -> None:
    three = [told("a"), told("b"), told("c")]
    assert stories(three, {"a b": EVENT, "a c": ANGLE, "b c": ANGLE}) == {"a b c"}
    assert stories(three, {"a b": EVENT, "a c": (0.99, 0.99)}) == {"a c"}
    assert stories(three, {"a b": EVENT, "a c": ANGLE}) == {"a b"}
    assert stories(three, {"a b": ANGLE, "a c": ANGLE, "b c": ANGLE}) == set()


def test_copies_and_updates_confirm_no_explainer() -> None:
    for again in (told("b", canonical="a"), told("b", body=told("a").body + " corrected")):
        pieces = [told("a"), again, told("explainer")]
        parts = {"a b": (0.95, 0.9), "a explainer": ANGLE, "b explainer": ANGLE}
        assert stories(pieces, parts) == {"a b"}


def test_story_is_no_chain() -> None:
    days = [told(f"day{day:02}", f"2026-05-{1 + day:02}") for day in range(20)]
    alike = {
        f"{one.id} {other.id}": (0.9, 0.6 - 0.05 * gap)
        for gap in (1, 2, 3, 4)
        for one, other in zip(days, days[gap:], strict=False)
    }
    found = partition(leads(days, alike))
    spans = [max(members) - min(members) for members in ([int(name[3:]) for name in story] for story in found)]
    assert max(spans) <= EVENT_DAYS


def test_great_event_with_many_pieces_does_not_become_one_story() -> None:
    pieces = [told(f"a{number:02}") for number in range(30)]
    rng = np.random.default_rng(0)
    alike = {
        f"{one.id} {other.id}": (0.8, 0.3 + 0.3 * float(rng.random()))
        for place, one in enumerate(pieces)
        for other in pieces[place + 1 :]
    }
    sizes = [len(story) for story in partition(leads(pieces, alike))]
    assert 1 < max(sizes) <= TELLINGS_MAX


def test_series_is_no_story() -> None:
    weeks = {f"old{week}": f"2026-0{1 + week}-01" for week in range(SERIES_MIN)}
    pieces = [
        *(told(name, day) for name, day in weeks.items()),
        told("monday", "2026-06-01"),
        told("tuesday", "2026-06-02"),
    ]
    as_ever = {f"{day} {name}": (0.8, 0.4) for day in ("monday", "tuesday") for name in weeks}
    assert stories(pieces, as_ever | {"monday tuesday": (0.8, 0.4)}) == set()
    assert stories(pieces, as_ever | {"monday tuesday": (0.85, 0.5)}) == {"monday tuesday"}
    once_less = {pair: parts for pair, parts in as_ever.items() if "old0" not in pair}
    assert stories(pieces, once_less | {"monday tuesday": (0.8, 0.4)}) == {"monday tuesday"}


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ("Weather for Monday", "Weather for Tuesday", False),
        ("Weather for Monday 3 March", "Weather for Tuesday 4 March", False),
        ("Results: Aberbrook", "Results: Carrow", False),
        ("Quake kills 120", "Quake kills 340", True),  # what an update changes
        ("Main bursts in Mill Street", "Main burst in Mill Street", True),
        ("Main bursts in Mill Street", "Main bursts in Mill Street", True),
        ("Water main bursts", "Update: water main bursts", True),
    ],
)
def test_numbers_of_a_series_are_told_by_their_titles(one: str, other: str, joined: bool) -> None:
    assert bool(stories([told("a", title=one), told("b", title=other)], {"a b": (0.9, 0.6)})) == joined
    frame = " ".join(f"frame{number}" for number in range(80))
    pieces = [
        told("a", title=one, body=f"{frame} {told('a').body[:80]}"),
        told("b", title=other, body=f"{frame} {told('b').body[:80]}"),
    ]
    assert bool(stories(pieces, {"a b": (0.95, 0.9)})) == joined


def test_weekly_column_is_no_story() -> None:
    frame = " ".join(f"frame{number}" for number in range(240))
    first = parse_time("2026-01-01")
    for days in (7, 1):
        pieces = [
            told(
                f"column{number:02}",
                None,
                title="What to cook this weekend",
                body=f"{frame} " + " ".join(f"dish{number}x{word}" for word in range(60)),
            ).model_copy(update={"published": first + timedelta(days=days * number)})
            for number in range(30)
        ]
        sizes = [len(story.split()) for story in measured([*pieces, *others(12)])]
        assert max(sizes, default=1) <= 2, days


def test_short_texts_are_one_story_only_if_all_of_them_is_equal() -> None:
    for body in ("", "Corrected.", "A short note of a few words."):
        assert len(body.split()) < WORDS_MIN
        assert stories([told("a", title="One", body=body), told("b", title="Two", body=body)]) == set()
        assert stories([told("a", title="One", body=body), told("b", title="One", body=body)]) == {"a b"}


def test_thousands_of_copies_are_one_story() -> None:
    pieces = [article(f"a{n:04}", body=LONG) for n in range(2_000)]
    assert [len(story.split()) for story in measured(pieces)] == [2_000]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_articles_have_stories_too(count: int) -> None:
    assert len(leads([told(f"a{n}") for n in range(count)], {})) == count


pieces_at_random: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        title=st.sampled_from(["A", "B", "Weather for Monday", "Weather for Tuesday"]),
        body=st.sampled_from([LONG, f"{LONG} and a line more", f"{LONG} {RETOLD}", RETOLD, "short", ""]),
        published=st.sampled_from([None, "2026-01-01", "2026-01-02", "2026-01-05", "2026-03-01"]),
        canonical=st.sampled_from([None, None, None, "a0", "a1", "elsewhere"]),
        language=st.sampled_from(["en", "de", None]),
    ),
    max_size=8,
)
likeness = st.sampled_from([NOTHING, ANGLE, EVENT, (0.8, 0.5), (0.9, 0.3)])


@given(fields=pieces_at_random, data=st.data())
@settings(max_examples=80, deadline=None)
def test_stories_are_a_partition_that_order_does_not_change(fields: list[dict[str, Any]], data: st.DataObject) -> None:
    pieces = [article(f"a{number}", **each) for number, each in enumerate(fields)]
    alike = {
        f"{one.id} {other.id}": data.draw(likeness) for place, one in enumerate(pieces) for other in pieces[place + 1 :]
    }
    found = leads(pieces, alike)
    assert all(found[lead] == lead for lead in found.values())
    for piece in pieces:
        if piece.canonical in found:
            assert found[piece.id] == found[piece.canonical]
    assert partition(leads(data.draw(st.permutations(pieces)), alike)) == partition(found)
    assert leads(pieces, alike) == found


def test_newsroom_has_the_stories_that_were_written_and_no_other(model: SentenceEncoder) -> None:
    lines = [line for path in (ROOT / "examples/newsroom").glob("*.jsonl") for line in path.read_text().splitlines()]
    pieces = sorted((read_article(json.loads(line))[0] for line in lines), key=lambda piece: piece.id)
    passages = [cut_passages(piece.title, piece.text, piece.language, model) for piece in pieces]
    passage_vectors = model.encode([passage.text for cut in passages for passage in cut]).astype(PASSAGE_DTYPE)
    counts, languages = np.array([len(cut) for cut in passages]), [piece.language for piece in pieces]
    vectors = fit_space(passage_vectors, counts, languages).article_vectors(passage_vectors, counts, languages)
    terms = build_terms((piece.title, piece.text, piece.language) for piece in pieces)[0]
    neighbours = find_neighbours(VectorIndex.of(vectors), vectors, terms, RECIPE_DEFAULT)

    def told_by(pieces: list[Article]) -> dict[str, set[str]]:
        found = defaultdict(set)
        rows = find_stories(pieces, neighbours, neighbours.shared(terms.articles.squares()))
        for row, lead in enumerate(rows.tolist()):
            found[pieces[lead].id].add(pieces[row].id)
        return {lead: members for lead, members in found.items() if len(members) > 1}

    expected = {
        "netherquay-under-water": {
            "storm-surge-floods-harbour",
            "harbour-flood-what-we-know",
            "netherquay-under-water",
        },
        "ferry-strike-day-one": {"ferry-crews-walk-out", "ferry-strike-strands-commuters", "ferry-strike-day-one"},
        "dredger-finds-wreck": {"wreck-in-the-channel", "wreck-find-halts-dredging", "dredger-finds-wreck"},
        "water-main-burst-update": {"water-main-burst", "water-main-burst-update"},
        "measles-vaccination-rates-corrected": {"measles-vaccination-rates", "measles-vaccination-rates-corrected"},
        "sea-temperature-record": {"sea-temperature-record", "wire-sea-temperature-record"},
        "central-bank-holds-rates": {"central-bank-holds-rates", "wire-central-bank-holds-rates"},
    }
    assert told_by(pieces) == expected
    # Copies are known by their texts too. And what keeps others apart is not that they were printed at other times.
    unnamed = [piece.model_copy(update={"canonical": None}) for piece in pieces]
    assert sorted(map(sorted, told_by(unnamed).values())) == sorted(map(sorted, expected.values()))
    one_day = [piece.model_copy(update={"published": parse_time("2026-01-15"), "updated": None}) for piece in pieces]
    assert sorted(map(sorted, told_by(one_day).values())) == sorted(map(sorted, expected.values()))
