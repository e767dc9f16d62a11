"""Editors' rules as they reach a block: over a real snapshot, by the rows that are shown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import service.rulings
from seealso.editorial.rules import Rule, Wish
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Blob, Snapshot
from service.finding import Filters
from service.related import related_on_page, related_to_article
from service.rulings import NO_RULING, KeptRows, Rulings, rows_of, ruled
from service.wanted import Wanted
from tests.makers import article, articles, index_of
from tests.seealso.live.beside import Beside

ALL = Wanted(limit=50, min_probability=0.0)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    pieces = [
        each.model_copy(update={"section": ("News", "Sport")[number % 2], "tags": ["Tides"] if number < 6 else None})
        for number, each in enumerate(articles(30))
    ]
    index_of(folder, [*pieces, article("other", title="The tide's tables", body="quite another matter", section="A")])
    return open_current(folder)


def rules(*wishes: Wish) -> list[Rule]:
    return [Rule(number, wish, datetime.now(UTC), None, "ann", "x") for number, wish in enumerate(wishes, 1)]


def block(snapshot: Snapshot, *wishes: Wish, under: str = "a000", wanted: Wanted = ALL) -> list[str]:
    made = rules(*wishes)
    edited = ruled(snapshot, made)
    row = snapshot.row_of(under)
    assert row is not None
    items = related_to_article(edited, row, wanted, ruling=Rulings(made).of_article(edited, row))
    return [snapshot.article_id(item.row) for item in items]


def section_of(snapshot: Snapshot, article_id: str) -> str:
    return "A" if article_id == "other" else "News" if int(article_id[1:]) % 2 == 0 else "Sport"


def test_without_rules_nothing_changes(snapshot: Snapshot) -> None:
    assert Rulings([]).of_article(snapshot, 0) is NO_RULING
    assert ruled(snapshot, []) is snapshot
    elsewhere = Wish("exclude", under_article="a009", article="a003")
    assert block(snapshot, elsewhere) == block(snapshot)


@pytest.mark.parametrize("number", [1, 3, 12])
def test_pinned_article_stands_at_its_place(snapshot: Snapshot, number: int) -> None:
    wanted = Wanted(limit=12, min_probability=0.0)
    before = block(snapshot, wanted=wanted)
    assert "other" not in before
    after = block(snapshot, Wish("pin", under_article="a000", article="other", number=number), wanted=wanted)
    assert after.index("other") == number - 1
    assert [each for each in after if each != "other"] == before[:11]


def test_pin_moves_what_is_there_already(snapshot: Snapshot) -> None:
    before = block(snapshot)
    after = block(snapshot, Wish("pin", under_article="a000", article=before[4], number=1))
    assert after == [before[4], *before[:4], *before[5:]]


def test_several_pins_stand_each_at_its_own_place(snapshot: Snapshot) -> None:
    before = block(snapshot)
    pins = [Wish("pin", under_article="a000", article=before[-number], number=number) for number in (3, 1, 2)]
    assert block(snapshot, *pins)[:3] == [before[-1], before[-2], before[-3]]


def test_pin_beyond_the_block_is_not_shown_and_one_of_a_short_block_stands_last(snapshot: Snapshot) -> None:
    pin = Wish("pin", under_article="a000", article="other", number=9)
    assert "other" not in block(snapshot, pin, wanted=Wanted(limit=3, min_probability=0.0))
    short = block(snapshot, pin, wanted=Wanted(limit=50, min_probability=0.999999))
    assert short[-1] == "other"


def test_pin_beyond_the_block_takes_nothing_out_of_it(snapshot: Snapshot) -> None:
    before = block(snapshot, wanted=Wanted(limit=3, min_probability=0.0))
    pin = Wish("pin", under_article="a000", article=before[1], number=9)
    assert block(snapshot, pin, wanted=Wanted(limit=3, min_probability=0.0)) == before


def test_of_two_pins_of_one_story_the_later_stands_in_the_block(tmp_path: Path) -> None:
    index_of(tmp_path, [*articles(12), *(article(each, body="an update", canonical="a005") for each in ("b1", "b2"))])
    snapshot = open_current(tmp_path)
    wishes = [Wish("pin", under_article="a000", article=each, number=n) for each, n in (("b1", 1), ("b2", 3))]
    for pins, stays, place in ((wishes, "b2", 2), (wishes[::-1], "b1", 0)):
        shown = block(snapshot, *pins)
        assert {"a005", "b1", "b2"}.intersection(shown) == {stays}
        assert shown[place] == stays
        assert {"b1", "b2"} <= {*block(snapshot, *pins, wanted=replace(ALL, stories="all"))}


def test_pin_tells_no_story_that_stands_on_the_page(tmp_path: Path) -> None:
    pieces = [article("b1", body="an update", canonical="a005"), article("b0", body="an update", canonical="a000")]
    index_of(tmp_path, [*articles(12), *pieces])
    snapshot = open_current(tmp_path)
    row, told, again, own = (snapshot.row_of(each) for each in ("a000", "a005", "b1", "b0"))
    assert row is not None
    assert told is not None
    pins = [Wish("pin", under_article="a000", article=each, number=n) for n, each in enumerate(("b1", "b0"), 1)]
    ruling = Rulings(rules(*pins)).of_article(snapshot, row)
    first, second = related_on_page(snapshot, row, [told], [Wanted(limit=3), Wanted(limit=3)], ruling)
    assert own in [item.row for item in first]  # the open article's own story may be pinned, once
    assert {again, own}.isdisjoint(item.row for item in second)
    assert again not in [item.row for item in first]


def test_pin_for_a_section_stands_in_its_blocks_and_gives_way_to_the_articles_own(snapshot: Snapshot) -> None:
    section = Wish("pin", under_section="news", article="other", number=1)
    assert block(snapshot, section)[0] == "other"
    assert "other" not in block(snapshot, section, under="a001")[:1]
    own = Wish("pin", under_article="a000", article="a029", number=1)
    assert block(snapshot, own, section)[0] == "a029"


def test_an_article_pinned_at_two_places_stands_at_that_of_the_later_word(snapshot: Snapshot) -> None:
    first = Wish("pin", under_article="a000", article="other", number=3)
    for later in (replace(first, number=1), Wish("pin", under_article="a000", article="other", number=5)):
        shown = block(snapshot, first, later)
        assert shown.count("other") == 1
        assert shown.index("other") + 1 == later.number
    section = Wish("pin", under_section="News", article="other", number=2)
    assert block(snapshot, section, first).count("other") == 1


def test_pinned_item_says_so_and_has_its_own_probability(snapshot: Snapshot) -> None:
    row, pinned = snapshot.row_of("a000"), snapshot.row_of("other")
    assert row is not None
    made = rules(Wish("pin", under_article="a000", article="other", number=2))
    items = related_to_article(snapshot, row, ALL, ruling=Rulings(made).of_article(snapshot, row))
    assert [item.row for item in items if item.pinned] == [pinned]
    assert 0 <= items[1].probability < items[0].probability


@pytest.mark.parametrize(
    "other",
    [
        Wish("exclude", article="other"),
        Wish("sensitive", article="other"),
        Wish("sponsored", article="other"),
    ],
)
def test_what_may_be_shown_nowhere_is_not_pinned(snapshot: Snapshot, other: Wish) -> None:
    pin = Wish("pin", under_article="a000", article="other", number=1)
    assert "other" not in block(snapshot, pin, other)


def test_pin_keeps_to_what_the_request_wants(snapshot: Snapshot) -> None:
    pin = Wish("pin", under_article="a000", article="other", number=1)
    assert "other" not in block(snapshot, pin, wanted=Wanted(sections=("news",), min_probability=0.0))
    assert "other" not in block(snapshot, pin, wanted=Wanted(exclude=("other",), min_probability=0.0))
    nobody = Wish("pin", under_article="a000", article="nobody", number=1)
    assert block(snapshot, nobody) == block(snapshot)


def test_pair_that_is_excluded_is_not_shown_and_others_are(snapshot: Snapshot) -> None:
    before = block(snapshot)
    pair = Wish("exclude", under_article="a000", article=before[0])
    assert set(block(snapshot, pair)) == set(before[1:])
    assert before[0] in block(snapshot, pair, under="a006")


@pytest.mark.parametrize("under", [{}, {"under_article": "a000"}, {"under_section": "NEWS"}])
def test_section_tag_and_word_are_excluded(snapshot: Snapshot, under: dict[str, Any]) -> None:
    shown = block(snapshot)
    assert {section_of(snapshot, each) for each in shown} == {"A", "News", "Sport"}
    without = block(snapshot, Wish("exclude", section="sport", **under))
    assert {section_of(snapshot, each) for each in without} == {"A", "News"}
    assert not {"a003"} & set(block(snapshot, Wish("exclude", tag="tides", **under)))
    assert "a006" in block(snapshot, Wish("exclude", tag="tides", **under))
    assert "a003" not in block(snapshot, Wish("exclude", word="piece 3", **under))
    assert {"a006", "a009"} <= set(block(snapshot, Wish("exclude", word="piece 3", **under)))
    assert len(block(snapshot, Wish("exclude", word="piece 3", **under))) == len(shown) - 1


def test_word_is_a_whole_one(snapshot: Snapshot) -> None:
    assert "a012" in block(snapshot, Wish("exclude", word="piece 1"))
    assert "other" not in block(snapshot, Wish("exclude", word="tide's tables"))


def test_what_is_boosted_goes_up_and_what_is_buried_goes_down(snapshot: Snapshot) -> None:
    before = block(snapshot)
    sport = [number for number, each in enumerate(before) if section_of(snapshot, each) == "Sport"]
    up = block(snapshot, Wish("boost", section="Sport"))
    down = block(snapshot, Wish("bury", section="Sport"))
    assert set(up) == set(down) == set(before)

    def mean_place(found: Sequence[str]) -> float:
        return float(np.mean([found.index(before[number]) for number in sport]))

    assert mean_place(up) < mean_place(before) < mean_place(down)


def test_sensitive_article_is_shown_nowhere_and_its_block_is_empty(snapshot: Snapshot) -> None:
    wish = Wish("sensitive", article="a003")
    assert "a003" not in block(snapshot, wish)
    assert block(snapshot, wish, under="a003") == []


def test_sponsored_article_is_shown_nowhere_and_has_its_block(snapshot: Snapshot) -> None:
    wish = Wish("sponsored", article="a003")
    assert "a003" not in block(snapshot, wish)
    assert block(snapshot, wish, under="a003") == block(snapshot, under="a003")


def test_so_many_evergreen_pieces_there_are_if_there_are_so_many(snapshot: Snapshot) -> None:
    facts = snapshot.facts.copy()
    facts["eventful"] = 1.0
    before = block(replace(snapshot, facts=facts))
    ageless = [row for row in map(snapshot.row_of, before[-4:]) if row is not None]
    facts["eventful"][ageless] = 0.0
    edited = replace(snapshot, facts=facts)
    wanted = Wanted(limit=5, min_probability=0.0)
    for wished, got in ((1, 1), (3, 3), (50, 4)):
        shown = block(edited, Wish("evergreen", number=wished), wanted=wanted)
        assert len([each for each in shown if each in before[-4:]]) == got
        assert shown[: 5 - got] == before[: 5 - got]
    assert block(edited, wanted=wanted) == before[:5]


def test_what_is_boosted_has_three_times_the_odds_and_what_is_buried_a_third(snapshot: Snapshot) -> None:
    rows, chances = np.arange(4), np.array([0.5, 0.5, 0.2, 1.0])
    boosted, buried = (Rulings(rules(Wish(action, article="a001"))).of_text(snapshot) for action in ("boost", "bury"))
    np.testing.assert_allclose(boosted.weigh(rows, chances), [0.5, 0.75, 0.2, 1.0])
    np.testing.assert_allclose(buried.weigh(rows, chances), [0.5, 0.25, 0.2, 1.0])
    everywhere = Rulings(rules(Wish("boost", word="piece"))).of_text(snapshot)
    np.testing.assert_allclose(everywhere.weigh(rows, chances), [0.75, 0.75, 3 / 7, 1.0])


def test_block_without_a_rule_on_evergreens_asks_for_none(snapshot: Snapshot) -> None:
    row = snapshot.row_of("a000")
    assert row is not None
    assert Rulings(rules(Wish("boost", article="a001"))).of_article(snapshot, row).evergreens == 0


def test_page_shows_what_is_pinned_once(snapshot: Snapshot) -> None:
    row, pinned = snapshot.row_of("a000"), snapshot.row_of("other")
    assert row is not None
    ruling = Rulings(rules(Wish("pin", under_article="a000", article="other", number=1))).of_article(snapshot, row)
    first, second = related_on_page(snapshot, row, [], [Wanted(limit=3), Wanted(limit=3)], ruling)
    assert first[0].row == pinned
    assert pinned not in [item.row for item in second]


def test_what_is_looked_for_is_looked_for_once_in_a_snapshot(snapshot: Snapshot) -> None:
    service.rulings.BY_RULES._kept.clear()
    for _ in range(3):
        block(snapshot, Wish("exclude", under_article="a000", word="piece"), Wish("bury", tag="tides"))
    assert len(service.rulings.BY_RULES) == 2


def test_of_what_is_looked_for_the_oldest_is_forgotten(snapshot: Snapshot) -> None:
    kept, asked = KeptRows(2), list[tuple[str, int]]()

    def look(text: str) -> list[int]:
        def fits(row: int) -> bool:
            asked.append((text, row))
            return row == 3

        return [*map(int, kept.rows_with(snapshot, "text", text, fits))]

    for text in ("a", "b", "a", "c", "a"):
        assert look(text) == [3]
    assert len(asked) == 3 * len(snapshot)
    look("b")
    assert len(asked) == 4 * len(snapshot)


@pytest.mark.parametrize("tag", ["tides", "TIDES", "tide", ""])
def test_snapshot_that_lists_no_tags_gives_the_same_by_looking_at_each_article(snapshot: Snapshot, tag: str) -> None:
    listed, looked = KeptRows(1), KeptRows(1)
    wish = Wish("exclude", tag=tag)
    found = rows_of(snapshot, wish, listed)
    assert found.tolist() == rows_of(replace(snapshot, tags=None), wish, looked).tolist()
    assert len(found) == (6 if tag.casefold() == "tides" else 0)


def test_live_articles_are_found_beside_those_that_the_snapshot_lists(snapshot: Snapshot) -> None:
    kept, wish = KeptRows(1), Wish("exclude", tag="tides")
    beside, base = Beside(snapshot), len(snapshot)
    for number in range(3):
        beside.put(article(f"new{number}", tags=["Tides", "Moon"]), article(f"not{number}", tags=["Moon"]))
        live = [base + 2 * each for each in range(number + 1)]
        assert rows_of(beside.edition, wish, kept).tolist() == [*range(6), *live]
    assert rows_of(beside.edition, Wish("exclude", tag="moon"), kept).tolist() == [*range(base, base + 6)]


def test_no_article_is_looked_at_for_what_the_snapshot_lists(snapshot: Snapshot) -> None:
    def fits(row: int) -> bool:
        raise AssertionError(row)

    assert KeptRows(1).rows_with(snapshot, "tag", "x", fits, lambda: np.array([2, 5])).tolist() == [2, 5]


def test_rule_by_word_reads_no_card_of_the_snapshot_whose_titles_are_read(snapshot: Snapshot) -> None:
    snapshot.titles.read()
    unread = replace(snapshot, cards=Blob(snapshot.cards.ends, b""))
    wish = Wish("exclude", word="piece 3")
    assert rows_of(unread, wish, KeptRows(1)).tolist() == [3]
    assert np.flatnonzero(ruled(unread, rules(wish)).sponsored).tolist() == [3]
    edition = Beside(snapshot).put(article("new", title="Late: piece 3")).edition
    assert rows_of(replace(edition, cards=unread.cards), wish, KeptRows(1)).tolist() == [3, len(snapshot)]


def test_articles_of_the_snapshot_are_looked_at_once_whatever_is_live_beside_it(snapshot: Snapshot) -> None:
    kept, asked = KeptRows(1), list[int]()

    def look(looked: Snapshot) -> list[int]:
        def fits(row: int) -> bool:
            asked.append(row)
            return looked.title(row).endswith("3")

        return [*map(int, kept.rows_with(looked, "title", "3", fits))]

    base = len(snapshot)
    own = [row for row in range(base) if snapshot.title(row).endswith("3")]
    first, other = Beside(snapshot), Beside(snapshot)  # the store may be put back from a backup
    assert look(snapshot) == own
    before = first.put(article("new", title="Late 3")).edition
    assert look(before) == [*own, base]
    after = first.put(article("newer", title="Late 4"), article("newest", title="Late 3")).edition
    assert look(after) == [*own, base, base + 2]
    assert look(before) == [*own, base]  # who still answers by it
    assert look(snapshot) == own
    assert look(other.remove("a003").edition) == own
    assert look(other.put(article("else", title="Late 4")).edition) == own
    assert look(other.put(article("again", title="Late 3")).edition) == [*own, base + 1]
    assert asked == [*range(base), base, base + 1, base + 2, base, base + 1]


def test_word_holds_for_an_article_by_its_title_of_now(snapshot: Snapshot) -> None:
    beside, piece = Beside(snapshot), Wish("exclude", word="piece 3")
    assert "a003" not in block(snapshot, piece)
    calm = beside.put(article("a003", title="Calm", body="tides moon sea harbour number3")).edition
    assert "a003" in block(calm, piece)
    named = beside.put(article("a006", title="Piece 3", body="tides moon sea harbour number6")).edition
    assert {"a003", "a006"}.intersection(block(named, piece)) == {"a003"}
    assert {"a003", "a006"} <= {*block(named)}
    back = beside.put(article("a003", title="A piece 3", body="tides moon sea harbour number3")).edition
    assert not {"a003", "a006"}.intersection(block(back, piece))


def test_rule_holds_however_marks_are_written(tmp_path: Path) -> None:
    composed, apart = "Caf\u00e9", "CAFE\u0301"
    for written, asked in ((composed, apart), (apart, composed)):
        piece = article("new", title=f"A {written} by the sea", section=written, tags=[written])
        index_of(tmp_path, [*articles(6), piece, article("own", section=written)])
        snapshot = open_current(tmp_path)
        row, own = snapshot.row_of("new"), snapshot.row_of("own")
        assert row is not None
        assert own is not None
        for looked in (snapshot, replace(snapshot, tags=None)):
            for wish in (Wish("exclude", tag=asked), Wish("exclude", word=asked)):
                assert rows_of(looked, wish, KeptRows(1)).tolist() == [row]
            assert {*rows_of(looked, Wish("exclude", section=asked)).tolist()} == {row, own}
        under = rules(Wish("exclude", under_section=asked, article="a001"))
        assert Rulings(under).of_article(snapshot, own).excluded.tolist() == [snapshot.row_of("a001")]


def test_searches_of_editors_leave_what_blocks_need(snapshot: Snapshot) -> None:
    before = len(service.rulings.BY_RULES)
    for author in ("a", "au", "aut"):
        Filters(author=author, tag=author).mask(snapshot)
    assert len(service.rulings.BY_RULES) == before


def test_text_has_what_is_wanted_of_all_blocks(snapshot: Snapshot, tmp_path: Path) -> None:
    made = Rulings(rules(Wish("bury", section="sport"), Wish("pin", under_section="News", article="other", number=1)))
    ruling = made.of_text(snapshot)
    assert (len(ruling.weighed), ruling.pins) == (1, {})
    assert Rulings([]).of_text(snapshot) is NO_RULING
