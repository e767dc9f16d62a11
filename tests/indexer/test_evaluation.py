import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import indexer.rankings
from indexer.baselines import BASELINES
from indexer.evaluation import Evaluation
from indexer.gold import picks_of
from indexer.quality_commands import evaluate
from indexer.rankings import ranking_of, rankings_named
from seealso.errors import NothingToIndex, SnapshotMissing
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from seealso.snapshot.snapshot import Snapshot
from tests.indexer.test_commands import run
from tests.makers import HashEncoder, articles, index_of

GOLD = {"a000": {"a003": 1.0, "a006": 1.0}, "a001": {"a004": 1.0}, "a002": {"a000": 1.0}}


@pytest.fixture(autouse=True)
def hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.rankings, "load_encoder", HashEncoder)


def gold_file(folder: Path) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(json.dumps({"id": query, "related": related}) for query, related in GOLD.items()))
    return path


def evaluate_all(snapshot: Snapshot) -> Evaluation:
    theirs = rankings_named(["all"], snapshot, HashEncoder().encode, lambda name: snapshot)
    return Evaluation.of(ranking_of(snapshot), theirs, GOLD)


def shown_by(evaluation: Evaluation) -> str:
    console = Console(file=io.StringIO(), width=200)
    evaluation.show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_two_snapshots_are_compared_on_what_both_know(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(12))
    second = index_of(tmp_path, articles(12)[:6], HashEncoder("another"))
    ours, theirs = (open_snapshot(snapshot_folder(tmp_path, str(each.snapshot))) for each in (second, first))
    found = Evaluation.of(ranking_of(ours), [ranking_of(theirs)], GOLD)
    assert (len(found.gold), found.skipped) == (3, 0)
    (other,) = found.theirs
    assert set(other.differences) == {"nDCG@5", "nDCG@10", "MRR", "recall@12", "recall@50"}
    # a006 is in the first alone: no list of the second could hold it, and it counts for neither.
    assert found.ours.means["recall@50"].mean == other.means["recall@50"].mean == 1.0


def test_snapshot_against_itself_is_no_difference(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    ranking = ranking_of(open_current(tmp_path))
    (other,) = Evaluation.of(ranking, [ranking], GOLD).theirs
    assert all((gap.mean, gap.p) == (0.0, 1.0) for gap in other.differences.values())


def test_differences_are_ours_less_theirs_and_the_best_is_the_best_of_them(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    found = evaluate_all(open_current(tmp_path))
    assert [each.name for each in found.theirs] == list(BASELINES)
    for each in found.theirs:
        for name, gap in each.differences.items():
            assert gap.mean == pytest.approx(found.ours.means[name].mean - each.means[name].mean)
    assert found.best is not None
    assert found.best.means["nDCG@10"].mean == max(each.means["nDCG@10"].mean for each in found.theirs)
    assert Evaluation.of(ranking_of(open_current(tmp_path)), [], GOLD).best is None


def test_gold_of_another_newsroom_is_an_error(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    with pytest.raises(NothingToIndex, match="none of the 1 queries"):
        Evaluation.of(ranking_of(snapshot), [], {"elsewhere": {"a": 1.0}})
    with pytest.raises(NothingToIndex, match="none of the 0 queries"):
        Evaluation.of(ranking_of(snapshot), [], picks_of(snapshot))


def test_table_tells_means_differences_and_shape(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    ranking = ranking_of(open_current(tmp_path))
    text = shown_by(Evaluation.of(ranking, [ranking], GOLD | {"gone": {"a001": 1.0}}))
    for part in ("3 queries, 1 left out", "nDCG@10", "never shown", "+0.000", "1.0000", ranking.name):
        assert part in text


def test_many_rankings_are_one_table_ours_first(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12))
    snapshot = open_current(tmp_path)
    lines = shown_by(evaluate_all(snapshot)).splitlines()
    (head,) = (number for number, line in enumerate(lines) if "ours less it, nDCG@10" in line)
    rows = [line.split() for line in lines[head + 1 : head + 2 + len(BASELINES)]]
    assert [row[0] for row in rows] == [snapshot.id, *BASELINES]
    assert [float(row[-1]) <= 1 for row in rows[1:]] == [True] * len(BASELINES)


def test_command_measures_by_a_file_or_the_articles_picks(tmp_path: Path) -> None:
    index_of(tmp_path, articles(12, editor_related=["a001", "a004"]))
    by_picks = json.loads(run(evaluate, "--index", tmp_path, "--json").stdout)
    by_file = json.loads(run(evaluate, gold_file(tmp_path), "--index", tmp_path, "--json").stdout)
    assert (by_picks["queries"], by_file["queries"]) == (12, 3)
    assert by_file["theirs"] == []
    assert 0 < by_file["ours"]["means"]["nDCG@10"]["mean"] <= 1
    current = open_current(tmp_path).id
    shown = run(evaluate, gold_file(tmp_path), "--index", tmp_path, "--against", current).stdout
    assert shown.count(current) == 2
    with pytest.raises(SnapshotMissing):
        run(evaluate, "--index", tmp_path, "--against", "20000101T000000Z-000000000000")


def test_command_holds_it_against_baselines_and_another_index(tmp_path: Path) -> None:
    index_of(tmp_path / "ours", articles(12))
    index_of(tmp_path / "theirs", articles(9), HashEncoder("another"))
    against = ("--against", tmp_path / "theirs", "--against", "all")
    found = json.loads(run(evaluate, gold_file(tmp_path), "--index", tmp_path / "ours", *against, "--json").stdout)
    assert [each["name"] for each in found["theirs"]] == [open_current(tmp_path / "theirs").id, *BASELINES]
    assert all(0 < each["differences"]["nDCG@10"]["p"] <= 1 for each in found["theirs"])


def test_command_writes_a_page(tmp_path: Path) -> None:
    index_of(tmp_path / "i", articles(12))
    page = tmp_path / "page.html"
    result = run(evaluate, gold_file(tmp_path), "--index", tmp_path / "i", "--against", "tfidf", "--html", page)
    assert f"the page is {page}" in result.stderr
    text = page.read_text(encoding="utf-8")
    assert "tfidf" in text
    assert str(gold_file(tmp_path)) in text
