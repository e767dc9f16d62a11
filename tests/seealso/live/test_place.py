"""Where a live article belongs is where a night would put it."""

from pathlib import Path

import numpy as np
import pytest

from seealso.article import Article
from seealso.live.place import place
from seealso.relatedness import returned, scored
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import article, articles, index_of
from tests.seealso.live.beside import Beside, embedded, listed, newcomers


def test_an_edition_has_the_lists_of_a_night(snapshot: Snapshot, tmp_path: Path) -> None:
    came = newcomers(12)
    edition = Beside(snapshot).put(*came).edition
    index_of(tmp_path, [*articles(150, language="en", published="2025-03-01"), *came])
    night = open_current(tmp_path)
    shares = []
    for row in range(len(night)):
        article_id = night.article_id(row)
        ours, theirs = listed(edition, article_id)[:10], listed(night, article_id)[:10]
        shares.append(len(set(ours) & set(theirs)) / 10)
    # Terms' rarity and the space are those of the snapshot; of made-up texts of a few words they tell much.
    assert np.mean(shares) > 0.7
    of_newcomers = {article_id for article_id in map(night.article_id, range(len(night))) if article_id[0] == "b"}
    seen = [bool(set(listed(edition, each)[:10]) & of_newcomers) for each in ("a000", "a001", "a002")]
    assert all(seen)


def test_a_score_in_another_list_is_what_that_one_would_find(snapshot: Snapshot) -> None:
    row = 7
    rows = np.array([[0, 1, 2, 3, 60, 149]])
    found = returned(snapshot, snapshot.recipe, snapshot.probes(row), snapshot.cohorts[row : row + 1], rows)[0]
    for each, score in zip(rows[0].tolist(), found.tolist(), strict=True):
        own = snapshot.cohorts[each : each + 1]
        wanted = scored(snapshot, snapshot.recipe, snapshot.probes(each), own, np.array([[row]])).scores[0, 0]
        assert score == pytest.approx(float(wanted), abs=2e-4)


def test_what_is_put_again_as_it_is_in_the_snapshot_keeps_its_list(snapshot: Snapshot) -> None:
    piece = Article.model_validate_json(snapshot.article(9))
    edition = Beside(snapshot).put(piece).edition
    assert listed(edition, piece.id)[:20] == listed(snapshot, piece.id)[:20]


def story_of(edition: Snapshot, article_id: str) -> int:
    row = edition.row_of(article_id)
    assert row is not None
    return int(edition.facts["story"][row])


BODY = " ".join(f"word{n}" for n in range(80))


def test_another_telling_of_one_event_joins_its_story(tmp_path: Path) -> None:
    index_of(
        tmp_path, [*articles(30, language="en"), article("flood", body=BODY, language="en", published="2025-03-01")]
    )
    beside = Beside(open_current(tmp_path))
    told = article("flood-2", body=BODY + " more", language="en", published="2025-03-02")
    later = article("flood-3", body=BODY + " more", language="en", published="2025-03-09")
    edition = beside.put(told, later, article("copy", body="elsewhere", canonical="flood-2")).edition
    assert story_of(edition, "flood-2") == story_of(edition, "flood")
    assert story_of(edition, "copy") == story_of(edition, "flood")
    assert story_of(edition, "flood-3") not in [story_of(edition, each) for each in ("flood", "a000", "a001")]


def test_numbers_of_a_series_are_no_story(tmp_path: Path) -> None:
    monday = article("w1", title="Weather for Monday", body=BODY, language="en", published="2025-03-03")
    index_of(tmp_path, [*articles(30, language="en"), monday])
    tuesday = article("w2", title="Weather for Tuesday", body=BODY, language="en", published="2025-03-04")
    edition = open_current(tmp_path)
    assert place(edition, tuesday, embedded(tuesday)).story == "w2"


def test_newcomers_of_the_same_kind_are_in_each_others_lists(snapshot: Snapshot) -> None:
    came = newcomers(9)
    edition = Beside(snapshot).put(*came).edition
    assert set(listed(edition, "b000")) >= {"b003", "b006"}
    assert set(listed(edition, "b006")) >= {"b000", "b003"}
    came_ids = {piece.id for piece in came}
    assert came_ids == {edition.article_id(row) for row in range(len(snapshot), len(edition))}
