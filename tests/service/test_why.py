from pathlib import Path
from typing import Any

import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.related import related_to_article
from service.wanted import Wanted
from service.why import QUOTE_CHARACTERS_MAX, TERMS_SHOWN, Draft, reasons
from tests.makers import HashEncoder, article, articles, index_of


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    first = "The storm surge broke the wall at Netherquay. Nobody was hurt. " + "Filler text goes here again. " * 20
    second = "Bakers had opened early. After the storm surge, Netherquay counts the cost in 1953 style. Bread sold out."
    index_of(
        tmp_path,
        [
            article("a", body=first, section="News", author="Ruth Okafor", published="2025-06-01", language="en"),
            article(
                "b", body=second, section="News", author="Idris Bell", published="2025-06-11T12:00:00Z", language="en"
            ),
            article("c", body=""),
            article("d", canonical="a"),
            *articles(12),
            *[article(f"e{n}", body=f"After all the bread, number {n}, a style", language="en") for n in range(20)],
        ],
    )
    return open_current(tmp_path)


def why_of(snapshot: Snapshot, row: int, others: list[int]) -> list[dict[str, Any]]:
    return reasons(snapshot, Draft.of_article(snapshot, row), snapshot.cohorts[row : row + 1], others)


def test_reasons_are_facts(snapshot: Snapshot) -> None:
    own, other, undated, copy = (snapshot.row_of(name) for name in ("a", "b", "c", "d"))
    assert None not in (own, other, undated, copy)
    why = why_of(snapshot, own or 0, [other or 0, undated or 0, copy or 0])
    assert why[0] | {"parts": 0, "cosine": 0, "shared_terms": 0, "passages": 0} == {
        "parts": 0, "cosine": 0, "shared_terms": 0, "passages": 0,
        "days_apart": 10, "same_section": True, "same_author": False, "same_story": False,
    }  # fmt: skip
    assert (why[1]["days_apart"], why[1]["same_section"], why[1]["same_author"]) == (None, False, False)
    assert why[2]["same_story"] is True


def test_shared_terms_are_phrases_and_names_as_the_other_writes_them(snapshot: Snapshot) -> None:
    (why,) = why_of(snapshot, snapshot.row_of("a") or 0, [snapshot.row_of("b") or 0])
    assert {"storm surge", "Netherquay"} <= set(why["shared_terms"])
    assert len(why["shared_terms"]) <= TERMS_SHOWN
    assert "storm" not in why["shared_terms"]


def test_passages_are_quoted_by_the_sentence_that_matches(snapshot: Snapshot) -> None:
    (why,) = why_of(snapshot, snapshot.row_of("a") or 0, [snapshot.row_of("b") or 0])
    assert why["passages"] == {
        "own": "The storm surge broke the wall at Netherquay.",
        "other": "After the storm surge, Netherquay counts the cost in 1953 style.",
    }


def test_article_without_a_text_has_an_empty_quote(snapshot: Snapshot) -> None:
    (why,) = why_of(snapshot, snapshot.row_of("c") or 0, [snapshot.row_of("a") or 0])
    assert why["passages"]["own"] == ""


def test_parts_sum_up_to_the_score(snapshot: Snapshot) -> None:
    items = related_to_article(snapshot, snapshot.row_of("a001") or 0, Wanted(explain=True, min_probability=0.0))
    assert items
    for item in items:
        assert item.why is not None
        assert sum(item.why["parts"].values()) == pytest.approx(item.score, abs=3e-4)


def test_long_sentences_are_cut_at_a_word(tmp_path: Path) -> None:
    body = "harbour " * 200
    pieces = [article("a", title="A", body=body), article("b", title="B", body=body + "again")]
    index_of(tmp_path, pieces, HashEncoder(window=500))
    snapshot = open_current(tmp_path)
    (why,) = why_of(snapshot, 0, [1])
    for quote in why["passages"].values():
        assert len(quote) <= QUOTE_CHARACTERS_MAX + 2
        assert quote.endswith("harbour …")
