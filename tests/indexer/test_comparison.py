from typing import Any

import numpy as np
import pytest

from indexer.comparison import changes_between, picks_in, probabilities_of, shown_in
from indexer.lists import Lists, lists_of_articles
from seealso.article import Article
from seealso.recipe import RECIPE_DEFAULT
from tests.makers import article

SURE, UNLIKELY = 10.0, -10.0


def lists(related: dict[str, str], fields: dict[str, Any] | None = None, score: float = SURE) -> Lists:
    """Return the lists of articles with one-letter ids; `related` has each one's candidates, best first."""
    ids = sorted(related)
    width = max(1, *(len(each) for each in related.values()))
    rows = np.full((len(ids), width), -1, np.int32)
    for row, article_id in enumerate(ids):
        rows[row, : len(related[article_id])] = [ids.index(other) for other in related[article_id]]
    items: list[Article] = [article(each, **(fields or {}).get(each, {})) for each in ids]
    return lists_of_articles(items, rows, np.full(rows.shape, score, np.float32), RECIPE_DEFAULT)


def test_articles_that_came_went_changed_and_stayed_are_counted() -> None:
    before = lists({"a": "b", "b": "a", "c": "a", "d": "a"})
    now = lists({"a": "b", "b": "a", "c": "a", "e": "a"}, {"b": {"section": "News"}, "c": {"body": "Other."}})
    changes = changes_between(before, now)
    assert (changes.new, changes.changed, changes.removed, changes.unchanged) == (1, 2, 1, 1)
    # The section is no part of what is embedded: b's list is compared, c's is not.
    assert [now.ids[row] for row in changes.rows] == ["a", "b"]


def test_overlap_is_over_those_of_yesterday_that_are_still_articles() -> None:
    before = lists({"a": "bcde", "b": "", "c": "", "d": "", "e": ""})
    now = lists({"a": "cxdb", "b": "", "c": "", "d": "", "x": ""})
    (overlap,) = changes_between(before, now).overlaps
    assert overlap == 1.0  # b, c, d stay; e is gone, which is no change of the list
    now = lists({"a": "x", "b": "", "c": "", "d": "", "x": ""})
    assert changes_between(before, now).overlaps.tolist() == [0.0]


def test_what_is_new_pushes_nothing_out_of_the_comparison() -> None:
    others, newcomers = "bcdefghijk", "mnopqrstuvwxyz"
    before = lists({"a": others} | dict.fromkeys(others, ""))
    now = lists({"a": newcomers + others} | dict.fromkeys(others + newcomers, ""))
    assert changes_between(before, now).overlaps.tolist() == [1.0]


def test_only_the_first_ten_are_compared() -> None:
    others = "bcdefghijklm"
    before = lists({"a": others} | dict.fromkeys(others, ""))
    now = lists({"a": others[2:] + others[:2]} | dict.fromkeys(others, ""))
    assert changes_between(before, now).overlaps.tolist() == [0.8]


def test_report_of_changes_names_the_most_changed() -> None:
    before = lists({"a": "bc", "b": "ac", "c": "ab"})
    now = lists({"a": "bc", "b": "ac", "c": "d", "d": "a"})
    report = changes_between(before, now).as_report(now)
    assert report is not None
    assert (report["articles"], sum(report["counts"]), len(report["edges"])) == (3, 3, 11)
    assert report["most_changed"] == [{"id": "c", "title": "About c", "overlap": 0.0}]
    assert changes_between(lists({"a": ""}), lists({"b": ""})).as_report(now) is None


def test_empty_blocks_hubs_and_what_is_never_shown() -> None:
    shown = shown_in(lists({"a": "b", "b": "a", "c": "a", "d": "a", "e": ""}))
    assert (shown.empty, shown.empty_share, shown.never) == (1, 0.2, 3)
    assert (shown.hub_share, shown.hubs) == (0.75, [(0, 3), (1, 1)])
    assert shown_in(lists({"a": "b", "b": "a"}, score=UNLIKELY)).empty == 2
    hidden = shown_in(lists({"a": "b", "b": "a"}, {"b": {"sensitive": True}}))
    assert (hidden.empty, hidden.empty_share, hidden.sensitive_share) == (1, 1.0, 0.5)  # a's; b may have none


def test_places_in_another_language_count_where_the_own_has_enough() -> None:
    english = "abcdefghijklmn"
    languages = {each: {"language": "en"} for each in english} | {"x": {"language": "fr"}}
    related = dict.fromkeys(english, "") | {"a": "x", "b": "c", "c": "b", "x": "a"}
    # x's own language has no other article, so what it shows is not held against it.
    assert shown_in(lists(related, languages)).foreign_share == pytest.approx(1 / 3)
    related = dict.fromkeys(english[:5], "") | {"a": "x", "x": "a"}
    assert shown_in(lists(related, {each: languages[each] for each in related})).foreign_share is None
    assert shown_in(lists(related)).foreign_share is None
    assert shown_in(lists(related, {"a": {"language": "en"}})).labelled == pytest.approx(1 / 6)


def test_picks_are_measured_against_yesterday_by_the_same_ones() -> None:
    picks = {"a": {"editor_related": ["b"]}, "c": {"editor_related": ["b", "z"]}}
    before = lists({"a": "b", "b": "a", "c": "b"}, picks)
    now = lists({"a": "c", "b": "a", "c": "b", "z": ""}, picks)
    found = picks_in(now, before)
    assert found.tonight is not None
    assert found.change is not None
    assert (found.queries, found.tonight.mean) == (2, 0.25)  # a: 0 of 1; c: 1 of 2
    assert (found.yesterday, found.change.mean) == (1.0, -0.5)  # z was no article yesterday
    assert picks_in(now, None).yesterday is None
    none = picks_in(lists({"a": "b", "b": "a"}), before)
    assert (none.queries, none.queries_before, none.tonight, none.as_report()) == (0, 2, None, None)


def test_probabilities_are_of_each_articles_best() -> None:
    found = probabilities_of(lists({"a": "b", "b": "a", "c": ""}))
    assert found is not None
    assert (sum(found["counts"]), len(found["edges"])) == (2, 21)
    assert sum(found["counts"][-4:]) == 2
