import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from indexer.commands import evaluate
from indexer.evaluation import Evaluation
from indexer.gold import picks_of
from seealso.errors import NothingToIndex, SnapshotMissing
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.indexer.test_commands import run
from tests.makers import HashEncoder, articles, index_of

GOLD = {"a000": {"a003": 1.0, "a006": 1.0}, "a001": {"a004": 1.0}, "a002": {"a000": 1.0}}


def gold_file(folder: Path) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(json.dumps({"id": query, "related": related}) for query, related in GOLD.items()))
    return path


def test_two_snapshots_are_compared_on_what_both_know(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(12))
    second = index_of(tmp_path, articles(12)[:6], HashEncoder("another"))
    ours, theirs = (open_snapshot(snapshot_folder(tmp_path, str(each.snapshot))) for each in (second, first))
    found = Evaluation.of(ours, theirs, GOLD)
    assert (found.queries, found.skipped) == (3, 0)
    assert found.theirs is not None
    assert set(found.differences) == {"nDCG@5", "nDCG@10", "MRR", "recall@50"}
    # a006 is in the first alone: no list of the second could hold it, and it counts for neither.
    assert found.ours.means["recall@50"].mean == found.theirs.means["recall@50"].mean == 1.0


def test_snapshot_against_itself_is_no_difference(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    found = Evaluation.of(snapshot, snapshot, GOLD)
    assert all((gap.mean, gap.p) == (0.0, 1.0) for gap in found.differences.values())


def test_gold_of_another_newsroom_is_an_error(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    with pytest.raises(NothingToIndex, match="none of the 1 queries"):
        Evaluation.of(snapshot, None, {"elsewhere": {"a": 1.0}})
    with pytest.raises(NothingToIndex, match="none of the 0 queries"):
        Evaluation.of(snapshot, None, picks_of(snapshot))


def test_table_tells_means_differences_and_shape(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    console = Console(file=io.StringIO(), width=200)
    Evaluation.of(snapshot, snapshot, GOLD | {"gone": {"a001": 1.0}}).show(console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("3 queries, 1 left out", "nDCG@10", "never shown", "+0.000", "1.0000", snapshot.id):
        assert part in text


def test_command_measures_against_a_file_or_the_articles_picks(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12, editor_related=["a001", "a004"]))
    by_picks = json.loads(run(evaluate, "--index", tmp_path, "--json").stdout)
    by_file = json.loads(run(evaluate, gold_file(tmp_path), "--index", tmp_path, "--json").stdout)
    assert (by_picks["queries"], by_file["queries"]) == (12, 3)
    assert by_file["theirs"] is None
    assert 0 < by_file["ours"]["means"]["nDCG@10"]["mean"] <= 1
    current = open_current(tmp_path).id
    shown = run(evaluate, gold_file(tmp_path), "--index", tmp_path, "--against", current).stdout
    assert shown.count(current) == 2
    with pytest.raises(SnapshotMissing):
        run(evaluate, "--index", tmp_path, "--against", "20000101T000000Z-000000000000")
