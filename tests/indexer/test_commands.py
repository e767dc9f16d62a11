import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import indexer.commands
from indexer.commands import index, snapshots, verify
from seealso.errors import NothingToIndex, SnapshotRefused
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current
from tests.makers import HashEncoder


@pytest.fixture(autouse=True)
def hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.commands, "load_encoder", lambda model: HashEncoder(model))


def write(path: Path, count: int, bad: int = 0) -> Path:
    lines = [json.dumps({"id": f"a{number}", "title": f"T{number}", "body": "Text."}) for number in range(count)]
    path.write_text("\n".join(lines + ["{"] * bad))
    return path


def run(command: object, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])  # type: ignore[arg-type]
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_index_publishes_and_says_what_is_next(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 5)
    result = run(index, source, "--index", tmp_path / "i", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["articles"], report["quarantined"]) == (5, [])
    assert open_current(tmp_path / "i").id == report["snapshot"]
    assert f" serve --index {tmp_path / 'i'}" in result.stderr
    assert (tmp_path / "i/reports" / f"{report['snapshot']}.json").exists()


def test_several_sources_are_one_index(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("News\nA title\nBy A Writer\nA text.")
    run(index, write(tmp_path / "a.jsonl", 3), tmp_path / "page.txt", "--index", tmp_path / "i")
    assert open_current(tmp_path / "i").row_of("page") is not None
    assert len(open_current(tmp_path / "i")) == 4


def test_refused_run_keeps_a_report_of_what_was_wrong(tmp_path: Path) -> None:
    with pytest.raises(NothingToIndex, match="4 of 7 articles"):
        run(index, write(tmp_path / "a.jsonl", 3, bad=4), "--index", tmp_path / "i")
    (report,) = (tmp_path / "i/reports").iterdir()
    assert report.name.endswith("-refused.json")
    assert len(json.loads(report.read_text())["quarantined"]) == 4


def test_snapshots_are_listed_with_the_current_one_marked(tmp_path: Path) -> None:
    for count in (3, 4):
        run(index, write(tmp_path / "a.jsonl", count), "--index", tmp_path / "i")
    shown = run(snapshots, "--index", tmp_path / "i").stdout
    assert shown.count("current") == 1
    lines = [json.loads(line) for line in run(snapshots, "--index", tmp_path / "i", "--json").stdout.splitlines()]
    assert [line["counts"]["articles"] for line in lines if line["current"]] == [4]
    assert {line["counts"]["articles"] for line in lines} == {3, 4}


def test_damaged_snapshot_is_listed_with_its_reason(tmp_path: Path) -> None:
    run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i")
    manifest = snapshot_folder(tmp_path / "i", open_current(tmp_path / "i").id) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}")
    assert "format None" in run(snapshots, "--index", tmp_path / "i").stdout.replace("\n", " ")
    assert "format None" in json.loads(run(snapshots, "--index", tmp_path / "i", "--json").stdout)["refused"]


def test_verify_checks_the_current_or_the_named_snapshot(tmp_path: Path) -> None:
    run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i")
    current = open_current(tmp_path / "i").id
    assert f"{current} is whole: 3 articles, 31 files" in run(verify, "--index", tmp_path / "i").stdout
    assert json.loads(run(verify, current, "--index", tmp_path / "i", "--json").stdout)["whole"] is True
    cards = snapshot_folder(tmp_path / "i", current) / "cards.bin"
    cards.chmod(0o644)
    cards.write_bytes(cards.read_bytes()[:-1] + b"]")
    with pytest.raises(SnapshotRefused, match=r"cards\.bin"):
        run(verify, "--index", tmp_path / "i")
