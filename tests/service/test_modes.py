from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seealso.article import Article, parse_time
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.modes import worth_of
from service.wanted import Mode
from tests.makers import article, index_of


def snapshot_of(folder: Path, pieces: Sequence[Article]) -> Snapshot:
    index_of(folder, pieces)
    return open_current(folder)


def best_first(snapshot: Snapshot, probabilities: Sequence[float], mode: Mode) -> list[str]:
    worth = worth_of(snapshot, np.arange(len(snapshot)), np.array(probabilities, float), mode)
    return [snapshot.article_id(int(row)) for row in np.argsort(-worth, kind="stable")]


def test_latest_prefers_new_pieces_but_not_at_any_price(tmp_path: Path) -> None:
    dates = {"new": "2026-10-30", "old": "2024-10-30", "undated": None}
    snapshot = snapshot_of(tmp_path, [article(name, title=name, published=date) for name, date in dates.items()])
    assert best_first(snapshot, [0.5, 0.5, 0.5], "background") == ["new", "old", "undated"]
    assert best_first(snapshot, [0.4, 0.5, 0.5], "latest")[0] == "new"
    assert best_first(snapshot, [1e-9, 0.5, 0.0], "latest")[0] == "old"


def test_evergreen_leaves_expired_news_behind_and_welcomes_the_season(tmp_path: Path) -> None:
    words = " ".join(f"storm{number}" for number in range(40))
    news = [article(f"news{n}", title=f"Storm {n}", body=words, published=f"2025-01-0{n + 1}") for n in range(4)]
    others = [article(f"other{n}", title=f"{n}", body=f"on {n * 7}", published=f"20{10 + n}-06-01") for n in range(10)]
    snapshot = snapshot_of(tmp_path, [*news, *others, article("x", title="explainer", published="2020-06-01")])
    eventful = {snapshot.article_id(row): float(snapshot.facts["eventful"][row]) for row in range(len(snapshot))}
    assert eventful["news0"] > 0.7
    assert eventful["x"] == 0.0
    chances = [0.5 if name == "news0" else 0.3 if name == "x" else 0.01 for name in sorted(eventful)]
    assert best_first(snapshot, chances, "background")[0] == "news0"
    assert best_first(snapshot, chances, "evergreen")[0] == "x"


def test_season_is_that_of_the_snapshots_day(tmp_path: Path) -> None:
    empty = snapshot_of(tmp_path / "first", [article("a")])
    made = parse_time(empty.manifest.created)
    seasonal = made.replace(year=made.year - 3, day=min(made.day, 28)).isoformat()
    other = made.replace(year=made.year - 3, month=(made.month + 5) % 12 + 1, day=15).isoformat()
    pieces = [article("a", title="off", published=other), article("b", title="season", published=seasonal)]
    snapshot = snapshot_of(tmp_path / "second", pieces)
    assert best_first(snapshot, [0.5, 0.45], "background") == ["a", "b"]
    assert best_first(snapshot, [0.5, 0.45], "evergreen") == ["b", "a"]
