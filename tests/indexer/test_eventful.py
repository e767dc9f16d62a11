import numpy as np

from indexer.eventful import eventful
from tests.makers import article


def table(count: int) -> np.ndarray:
    """Return neighbours: of each article all others, nearest number first."""
    rows = np.array([sorted(range(count), key=lambda other: abs(other - row)) for row in range(count)], np.int32)
    return rows[:, 1:]


def test_report_in_a_burst_is_bound_to_its_days_and_an_explainer_is_not() -> None:
    burst = [article(f"a{number}", published=f"2026-01-{10 + number}") for number in range(4)]
    apart = [article(f"b{number}", published=f"20{10 + number}-06-01") for number in range(15)]
    neighbours = table(19)
    found = eventful([*burst, *apart], neighbours, np.full(neighbours.shape, 0.3, np.float32))
    assert (found[:4] > 0.8).all()
    assert (found[6:] == 0).all()


def test_days_alone_or_names_alone_are_no_event() -> None:
    burst = [article(f"a{number}", published=f"2026-01-{10 + number}") for number in range(4)]
    neighbours = table(4)
    assert not eventful(burst, neighbours, np.zeros(neighbours.shape, np.float32)).any()
    assert not eventful(burst, neighbours, np.ones(neighbours.shape, np.float32)).any()  # all were written these days


def test_copies_and_undated_articles_do_not_count() -> None:
    years = [article(f"b{number}", published=f"20{10 + number}-06-01") for number in range(10)]
    copies = [
        article("a", published="2026-01-10"),
        *[article(f"c{n}", canonical="a", published="2026-01-10") for n in range(3)],
    ]
    undated = [article(f"d{number}") for number in range(4)]
    neighbours = table(18)
    found = eventful([*copies, *undated, *years], neighbours, np.ones(neighbours.shape, np.float32))
    assert not found.any()


def test_one_article_is_no_burst() -> None:
    assert (
        eventful([article("a", published="2026-01-01")], np.empty((1, 0), np.int32), np.empty((1, 0), np.float32)) == 0
    )
