"""An edition answers as a snapshot does, with live articles beside it."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from seealso.editorial.articles import LiveArticle, Placed
from seealso.live.edition import Edition, Live
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.writer import encode_article
from service.related import related_to_article
from service.wanted import Wanted
from tests.makers import article
from tests.seealso.live.beside import Beside, embedded, listed, newcomers


@pytest.mark.parametrize("content", [b"", b"no line", b"{}\n", b'{"lengths":[9,9,9,9,9,9,9,9,9,9]}\nshort'])
def test_what_is_no_placing_is_passed_over_and_told(snapshot: Snapshot, content: bytes) -> None:
    live = Live(snapshot)
    piece = newcomers(1)[0]
    kept = LiveArticle(piece.id, 1, datetime.now(UTC), encode_article(piece), embedded(piece))
    failed = live.take([Placed(1, kept, content)])
    assert [each.live.id for each, _ in failed] == [piece.id]
    assert live.edition().row_of(piece.id) is None
    assert len(live.edition()) == len(snapshot)


def test_an_article_is_found_by_its_last_row_alone(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(article("new", body="tides moon sea"))
    first = beside.edition
    later = beside.put(article("new", body="bread oven yeast")).put(article("a003", body="chess clock")).edition
    assert first.row_of("new") == len(snapshot)
    assert later.row_of("new") == len(snapshot) + 1
    assert b"bread" in later.article(len(snapshot) + 1)
    assert later.live_count == 2
    assert later.articles_count == len(snapshot) + 1
    gone = beside.remove("a003").remove("new").edition
    assert gone.row_of("new") is None
    assert gone.row_of("a003") is None
    assert gone.articles_count == len(snapshot) - 1


def test_an_edition_stays_as_it_was_given_out(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(*newcomers(3))
    before = beside.edition
    lists = {each: listed(before, each) for each in ("a000", "b000", "b001")}
    beside.put(*newcomers(30)[3:])
    assert len(before) == len(snapshot) + 3
    assert all(row < len(before) for each in lists for row in before.neighbours_of(before.row_of(each) or 0)[0])
    assert [each for each in listed(before, "a000") if each in lists["a000"]] == lists["a000"]


def test_an_edition_keeps_what_was_put_anew_or_removed_since(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(article("new", body="tides moon sea"))
    before, names = beside.edition, ("a000", "a003", "new")
    rows = [row for name in names if (row := before.row_of(name)) is not None]
    lists = [listed(before, name) for name in names]
    shown = related_to_article(before, rows[0], Wanted(min_probability=0.0))
    assert shown
    beside.put(article("a000", title="Anew", body="tides moon sea harbour")).remove("a003").remove("new")
    after = beside.edition
    assert [before.row_of(name) for name in names] == rows
    assert [listed(before, name) for name in names] == lists
    assert not before.sensitive[rows].any()
    assert before.articles_count == len(snapshot) + 1
    assert related_to_article(before, rows[0], Wanted(min_probability=0.0)) == shown
    assert isinstance(after, Edition)
    assert after.gone[rows].all()
    assert after.sensitive[rows].all()


def test_blocks_are_as_if_they_were_chosen_when_they_are_asked_for(snapshot: Snapshot) -> None:
    beside = Beside(snapshot)
    editions = [beside.put(*newcomers(3)).edition]
    editions.append(beside.put(article("a000", title="Anew", body="tides moon sea")).edition)
    editions.append(beside.remove("a003").remove("b001").edition)
    for edition in editions:
        assert edition.plain_blocks is not None
        decided = edition.without(frozenset(["a002", "b000"])).keeping_out(sponsored=[5, len(snapshot)])
        for served in (edition, decided):
            chosen_now = replace(served, plain_blocks=None)
            for row in np.flatnonzero(edition.here).tolist():
                for wanted in (Wanted(limit=1), Wanted(limit=4), Wanted()):
                    assert related_to_article(served, row, wanted) == related_to_article(chosen_now, row, wanted)


def test_what_no_article_was_lost_from_is_not_copied(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(*newcomers(2))
    first = beside.edition
    second = beside.put(newcomers(3)[2]).edition
    assert np.shares_memory(first.sensitive, second.sensitive)
    third = beside.remove("a003").edition
    assert not np.shares_memory(second.sensitive, third.sensitive)
    assert np.shares_memory(second.facts, third.facts)


def test_a_sensitive_article_is_in_no_list_that_is_shown(snapshot: Snapshot) -> None:
    edition = Beside(snapshot).put(article("quiet", body="tides moon sea harbour", sensitive=True)).edition
    row = edition.row_of("quiet")
    assert row is not None
    assert edition.sensitive[row]


def test_blocks_that_hold_are_told_from_those_that_do_not(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(newcomers(1)[0])
    made, hosts = beside.edition.placed, beside.edition.hosts_of(len(snapshot)).tolist()
    host, other = snapshot.article_id(hosts[0]), "b000"
    later = beside.put(article("b009", title="Newcomer 9", body="tides moon sea harbour number9")).edition
    assert later.still_holds(later.placed, [host], searched=True)
    assert not later.still_holds(made, [host], searched=True)
    assert not later.still_holds(made, ["a001", "b009"], searched=False)
    touched = [later.article_id(row) for row in later.hosts_of(len(snapshot) + 1).tolist()]
    assert other in touched
    assert not later.still_holds(made, [other], searched=False)
