from pathlib import Path

import numpy as np
import pytest

import indexer.lists
from indexer.lists import BLOCK_ITEMS, lists_of_articles, lists_of_snapshot
from seealso.article import Article
from seealso.recipe import RECIPE_DEFAULT
from seealso.snapshot.reader import open_current
from tests.makers import article, articles, index_of

SURE, UNLIKELY = 10.0, -10.0


def test_lists_of_a_night_are_those_of_the_snapshot_it_becomes(tmp_path: Path) -> None:
    items = [*articles(20), article("z", sensitive=True, language="pt-BR", editor_related=["a000", "z"])]
    index_of(tmp_path, items)
    snapshot = open_current(tmp_path)
    read = lists_of_snapshot(snapshot)
    made = lists_of_articles(items, snapshot.neighbours, snapshot.scores, snapshot.recipe)
    assert (read.ids, read.wholes, read.texts, read.picks) == (made.ids, made.wholes, made.texts, made.picks)
    assert (read.languages[-1], read.picks, read.hidden.sum()) == ("pt", {"z": ["a000"]}, 1)


def test_texts_differ_where_what_is_embedded_does_and_wholes_wherever_anything_does() -> None:
    empty = np.zeros((1, 0), np.int32), np.zeros((1, 0), np.float32)

    def lists(item: Article) -> tuple[bytes, bytes]:
        made = lists_of_articles([item], *empty, RECIPE_DEFAULT)
        return made.texts[0], made.wholes[0]

    plain, moved, edited = article("a"), article("a", section="News"), article("a", body="Other.")
    assert lists(plain)[0] == lists(moved)[0] != lists(edited)[0]
    assert len({lists(each)[1] for each in (plain, moved, edited)}) == 3


def test_blocks_hold_what_is_likely_enough_and_may_be_shown_in_order() -> None:
    items = [article("a"), article("b", sponsored=True), article("c"), article("d", sensitive=True), article("e")]
    rows = np.array([[1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4], [0, 1, 2, 4], [2, 0, -1, -1]], np.int32)
    scores = np.full((5, 4), SURE, np.float32)
    scores[1, 1] = UNLIKELY
    blocks = lists_of_articles(items, rows, scores, RECIPE_DEFAULT).blocks()
    shown = [[row for row in block if row >= 0] for block in blocks.tolist()]
    assert shown == [[2, 4], [0, 4], [0, 4], [], [2, 0]]


def test_blocks_are_as_long_as_a_page_shows() -> None:
    count = 30
    rows = np.array([[other for other in range(count) if other != row] for row in range(count)], np.int32)
    made = lists_of_articles(articles(count), rows, np.full(rows.shape, SURE, np.float32), RECIPE_DEFAULT)
    assert made.blocks().shape == (count, BLOCK_ITEMS)
    assert (made.blocks() == rows[:, :BLOCK_ITEMS]).all()


def test_blocks_are_the_same_however_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    items = [
        article(f"a{number}", language=("de", "fr", None)[number % 3], sensitive=bool(random.random() < 0.1))
        for number in range(40)
    ]
    rows = np.array([random.permutation(40)[:20] for _ in items], np.int32)
    rows[random.random(rows.shape) < 0.1] = -1
    made = lists_of_articles(items, rows, random.normal(0, SURE, rows.shape).astype(np.float32), RECIPE_DEFAULT)
    at_once = made.blocks()
    monkeypatch.setattr(indexer.lists, "SLICE", 7)
    assert (made.blocks() == at_once).all()
    assert 0 < np.count_nonzero(at_once < 0) < at_once.size


def test_own_language_goes_first() -> None:
    items = [article("a", language="de"), article("b", language="fr"), article("c", language="de-AT"), article("d")]
    rows = np.array([[1, 2, 3], [0, 2, 3], [1, 0, 3], [1, 0, 2]], np.int32)
    blocks = lists_of_articles(items, rows, np.full(rows.shape, SURE, np.float32), RECIPE_DEFAULT).blocks()
    assert blocks.tolist() == [[2, 3, 1], [3, 0, 2], [0, 3, 1], [1, 0, 2]]
