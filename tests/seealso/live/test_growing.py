"""Arrays that grow while others read what they were given."""

import numpy as np
import pytest

from seealso.live import growing
from seealso.live.growing import Arrivals, Growing, GrowingTerms
from seealso.term_rows import TermRows


def test_what_was_given_out_stays_as_it_was() -> None:
    rows = Growing(np.arange(3))
    given = [rows.rows]
    for number in range(500):
        rows.add(np.array([number]))
        given.append(rows.rows)
    assert [len(each) for each in given] == list(range(3, 504))
    assert all(np.array_equal(each, rows.rows[: len(each)]) for each in given)
    assert rows.rows.tolist() == [0, 1, 2, *range(500)]


def test_the_first_array_is_not_written_to() -> None:
    first = np.zeros(3)
    rows = Growing(first)
    rows.rows[0] = 1.0
    assert first[0] == 0.0


def test_zeros_are_added_to_as_any_rows() -> None:
    rows = Growing.zeros(3, np.int64)
    given = rows.rows
    rows.add(np.array([7]))
    assert (given.tolist(), rows.rows.tolist()) == ([0, 0, 0], [0, 0, 0, 7])


def test_terms_are_added_row_by_row() -> None:
    rows = GrowingTerms()
    assert len(rows.rows) == 0
    for row in ([1, 2], [], [0, 5, 9]):
        rows.add(TermRows(np.array([0, len(row)]), np.array(row, np.int32), np.ones(len(row), np.float32)))
    assert rows.rows.ends.tolist() == [0, 2, 2, 5]
    assert rows.rows.row(2).terms.tolist() == [0, 5, 9]


@pytest.mark.parametrize("loose", [3, 10_000])
def test_arrivals_are_found_by_host_whether_in_order_or_not(monkeypatch: pytest.MonkeyPatch, loose: int) -> None:
    monkeypatch.setattr(growing, "LOOSE_MIN", loose)
    arrivals, chance = Arrivals(), np.random.default_rng(6)
    known: dict[int, list[tuple[int, float]]] = {}
    for row in range(100, 160):
        hosts = np.unique(chance.integers(0, 40, 9))
        scores = chance.random(len(hosts)).astype(np.float32)
        arrivals.add(hosts, row, scores)
        for host, score in zip(hosts.tolist(), scores.tolist(), strict=True):
            known.setdefault(host, []).append((row, score))
    for host in range(45):
        rows, scores = arrivals.of(host)
        assert sorted(zip(rows.tolist(), scores.tolist(), strict=True)) == sorted(known.get(host, []))
    assert arrivals.hosts_of(130).tolist() == [host for host in sorted(known) if 130 in dict(known[host])]
