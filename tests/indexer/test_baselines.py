import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.baselines import BASELINES, BM25_B, BM25_K1, MLT_TERMS, RRF_K, RRF_OF, Corpus, corpus_of
from indexer.evaluate import LIST_ITEMS_MAX
from seealso.encoder import Vectors
from seealso.snapshot.reader import open_current
from tests.makers import HashEncoder, article, articles, index_of

TEXTS = {
    "tides": ("Tides", "moon sea tides harbour moon"),
    "moon": ("The moon", "moon phases and tides"),
    "bread": ("Bread", "flour yeast oven bread"),
    "cake": ("Cake", "flour sugar oven"),
    "chess": ("Chess", "opening pawn clock"),
}


def corpus(texts: dict[str, tuple[str, str]], languages: dict[str, str] | None = None) -> Corpus:
    given_languages = [(languages or {}).get(each) for each in texts]
    return Corpus(list(texts), list(texts.values()), given_languages, HashEncoder().encode)


@pytest.mark.parametrize("name", BASELINES)
def test_nearest_comes_first_and_none_is_in_its_own_list(name: str) -> None:
    lists = corpus(TEXTS).lists(name)
    assert list(lists) == list(TEXTS)
    assert (lists["tides"][0], lists["bread"][0], lists["cake"][0]) == ("moon", "cake", "bread")
    assert all(query not in items for query, items in lists.items())


@pytest.mark.parametrize("name", ["bm25-mlt", "bm25", "tfidf"])
def test_articles_that_share_no_word_are_not_listed(name: str) -> None:
    lists = corpus(TEXTS).lists(name)
    assert (lists["chess"], lists["tides"]) == ([], ["moon"])


@pytest.mark.parametrize("name", BASELINES)
def test_lists_are_bounded(name: str) -> None:
    texts = {f"a{number:03}": ("Same", f"same words number{number}") for number in range(LIST_ITEMS_MAX + 30)}
    assert {len(items) for items in corpus(texts).lists(name).values()} == {LIST_ITEMS_MAX}


@pytest.mark.parametrize("name", BASELINES)
def test_archive_without_a_word_or_of_one_article_has_lists(name: str) -> None:
    assert corpus({"a": ("A", ""), "b": ("B", "")}).lists(name).keys() == {"a", "b"}
    assert corpus({"a": ("Alone", "with words")}).lists(name) == {"a": []}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abc de", max_size=30), min_size=1, max_size=12), st.sampled_from(sorted(BASELINES)))
def test_any_archive_gets_lists_of_its_own_articles_without_repeats(texts: list[str], name: str) -> None:
    found = corpus({f"a{number}": ("Title", text) for number, text in enumerate(texts)}).lists(name)
    assert len(found) == len(texts)
    for query, items in found.items():
        assert len(set(items)) == len(items)
        assert set(items) <= found.keys() - {query}


def test_bm25_is_what_its_formula_gives() -> None:
    texts = {"q": ("xx", "yy yy zz"), "a": ("uu", "yy zz zz"), "b": ("vv", "yy"), "c": ("ww", "tt")}
    found = corpus(texts)
    lengths = [len(words) for words in found.words]
    mean = sum(lengths) / len(lengths)
    assert lengths == [5, 5, 3, 3]

    def weight(times: int, having: int, row: int) -> float:
        idf = math.log(1 + (4 - having + 0.5) / (having + 0.5))
        return idf * times / (times + BM25_K1 * (1 - BM25_B + BM25_B * lengths[row] / mean))

    scores = found.bm25.get_scores(found.words[0])
    # 'yy' is twice in the query and once in a, 'zz' once in the query and twice in a.
    assert scores[1] == pytest.approx(2 * weight(1, 3, 1) + weight(2, 2, 1), rel=1e-5)
    assert scores[2] == pytest.approx(2 * weight(1, 3, 2), rel=1e-5)
    assert found.lists("bm25")["q"] == ["a", "b"]


def test_more_like_this_asks_for_the_best_terms_alone() -> None:
    rare = " ".join(f"rare{number} rare{number}" for number in range(MLT_TERMS - 1))
    texts = {"q": ("Asks", f"{rare} faint"), "near": ("Near", "rare3"), "far": ("Far", "faint"), "x": ("Xx", "faint")}
    assert corpus(texts).lists("bm25-mlt")["q"] == ["near"]
    assert corpus(texts).lists("bm25")["q"] == ["near", "far", "x"]


def test_stop_words_are_those_of_english_alone() -> None:
    found = corpus({"en": ("The sea", "it was"), "de": ("Die See", "it was"), "none": ("The sea", "")}, {"de": "de-AT"})
    assert found.words == [["sea"] * 2, ["die", "see"] * 2 + ["it", "was"], ["sea"] * 2]


def test_embedding_reads_title_and_text_once_and_lexical_ones_need_no_model() -> None:
    calls: list[list[str]] = []

    def encode(texts: list[str]) -> Vectors:
        calls.append(texts)
        return HashEncoder().encode(texts)

    found = Corpus(list(TEXTS), list(TEXTS.values()), [None] * len(TEXTS), encode)
    for name in ("bm25", "bm25-mlt", "tfidf"):
        found.lists(name)
    assert calls == []
    found.lists("embedding")
    found.lists("rrf")
    assert calls == [[f"{title}\n{text}" for title, text in TEXTS.values()]]


def test_fusion_adds_up_the_ranks() -> None:
    found = corpus(TEXTS)
    totals = dict.fromkeys(TEXTS, 0.0)
    for name in RRF_OF:
        for rank, each in enumerate(found.lists(name)["bread"], 1):
            totals[each] += 1 / (RRF_K + rank)
    wanted = sorted((each for each in totals if totals[each]), key=lambda each: (-totals[each], each))
    assert found.lists("rrf")["bread"] == wanted


def test_corpus_is_that_of_the_snapshot(tmp_path: Path) -> None:
    index_of(tmp_path, [*articles(3), article("s", summary="In short.", body="At length.", language="de")])
    found = corpus_of(open_current(tmp_path), HashEncoder().encode)
    assert list(found.ids) == ["a000", "a001", "a002", "s"]
    assert found.texts[3] == ("About s", "In short.\n\nAt length.")
    assert list(found.languages) == [None, None, None, "de"]
