import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import indexer.night
from indexer import delivery
from indexer.commands import check, index
from indexer.snapshot_commands import rollback
from seealso.errors import ClusterUnavailable, GateFailed, SettingsInvalid, SnapshotStoreUnavailable, SourceUnreadable
from seealso.snapshot.layout import current_id, current_or_none, published_ids
from seealso.snapshot.reader import open_current
from seealso.snapshot.store import SnapshotStore
from tests.conftest import ROOT
from tests.makers import HashEncoder
from tests.servers import free_port


@pytest.fixture(autouse=True)
def hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.night, "fetch_encoder", lambda model: HashEncoder(model))


def write(path: Path, count: int, bad: int = 0) -> Path:
    lines = [json.dumps({"id": f"a{number}", "title": f"T{number}", "body": "Text."}) for number in range(count)]
    path.write_text("".join(f"{line}\n" for line in lines + ["{"] * bad))
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
    with pytest.raises(GateFailed, match="4 of 7 articles"):
        run(index, write(tmp_path / "a.jsonl", 3, bad=4), "--index", tmp_path / "i")
    page, report = sorted((tmp_path / "i/reports").iterdir())
    assert (page.suffix, report.name.endswith("-refused.json")) == (".html", True)
    kept = json.loads(report.read_text())
    assert (len(kept["quarantined"]), kept["outcome"], kept["exit_code"]) == (4, "refused", 14)
    assert "4 of 7" in page.read_text()


def test_force_publishes_what_a_gate_refuses(tmp_path: Path) -> None:
    result = run(index, write(tmp_path / "a.jsonl", 3, bad=4), "--index", tmp_path / "i", "--force", "--json")
    assert json.loads(result.stdout)["forced"] == ["quarantine"]
    assert open_current(tmp_path / "i").manifest.forced == ["quarantine"]


def test_dry_run_publishes_nothing_and_says_how_long_it_would_take(tmp_path: Path) -> None:
    result = run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i", "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert (report["outcome"], report["embedded"], report["snapshot"]) == ("dry run", 3, None)
    assert "3 to be embedded" in result.stderr
    assert not (tmp_path / "i").exists()


def test_dry_run_of_what_would_be_refused_says_so(tmp_path: Path) -> None:
    result = run(index, write(tmp_path / "a.jsonl", 3, bad=4), "--index", tmp_path / "i", "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert (report["embedded"], report["forced"]) == (3, [])
    assert "a night would be refused: quarantine" in result.stderr


PROJECT = """
sections_left_out = [" Horoscopes"]

[[source]]
kind = "csv"
path = "articles.csv"
fields = { id = "slug", title = "headline" }
defaults = { language = "en" }

[[source]]
kind = "jsonl"
path = "more/*.jsonl"

[limits]
keep = 1
gate_quarantine_max = 0.5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "articles.csv").write_text(
        "slug,headline,body,section,desk\n"
        + "".join(f"s{number},T{number},Text {number}.,News,x\n" for number in range(9))
        + "stars,Your week,Venus.,horoscopes,x\n,No id,Text.,News,x\n"
    )
    (tmp_path / "more").mkdir()
    write(tmp_path / "more/2025.jsonl", 2)
    (tmp_path / "more/2026.jsonl").write_text('{"id": "s0", "title": "Later", "body": "Later.", "author": "N. N."}')
    (tmp_path / "seealso.toml").write_text(PROJECT)
    return tmp_path / "seealso.toml"


def test_project_names_sources_what_is_left_out_and_limits(tmp_path: Path, project: Path) -> None:
    result = run(index, "--project", project, "--index", tmp_path / "i", "--json")
    report = json.loads(result.stdout)
    assert (report["articles"], report["left_out"], report["unknown_keys"]) == (
        11,
        {"section horoscopes": 1},
        {"desk": 9},
    )
    assert [(source["read"], source["quarantined"]) for source in report["sources"]] == [(9, 1), (3, 0)]
    snapshot = open_current(tmp_path / "i")
    row = snapshot.row_of("s0")
    assert row is not None
    kept = json.loads(snapshot.article(row))
    assert (kept["title"], kept["author"], kept["language"]) == ("T0", "N. N.", "en")
    run(index, "--project", project, "--index", tmp_path / "i")
    assert len(list((tmp_path / "i/snapshots").iterdir())) == 1  # keep = 1


def test_project_is_found_where_one_stands(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(index, "--index", "i", "--dry-run").exit_code == 0


def test_no_source_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsInvalid, match="no source is named"):
        run(index, "--index", "i")


def test_check_shows_five_articles_as_they_are_understood(tmp_path: Path, project: Path) -> None:
    shown = run(check, "--project", project).stdout
    assert shown.count("where ") == 5
    for part in (
        "T0",
        "Text 0.",
        "section horoscopes (1)",
        "desk (9)",
        "id: is missing",
        "id 100%",
        "no url, no summary",
        "12 usable articles, before those with the same id are merged; 1 unusable, 7.7%.",
    ):
        assert part in shown
    facts = json.loads(run(check, "--project", project, "--json").stdout)
    assert [source["articles"] for source in facts["sources"]] == [9, 3]
    assert len(facts["articles"]) == 5
    assert facts["articles"][0] | {"where": ""} == {
        "where": "", "id": "s0", "title": "T0", "body": "Text 0.", "section": "News", "language": "en"
    }  # fmt: skip


def test_check_fails_as_the_night_would(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no such file"):
        run(check, tmp_path / "missing.jsonl")
    with pytest.raises(SourceUnreadable, match=r"named in seealso\.toml"):
        run(check, "https://a.example/feed.xml")


def test_table_that_may_be_cut_is_noted_by_check_and_night(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,title,body\na,T,The first.\nb,T,The second whi")
    assert "breaks off" not in (shown := run(check, tmp_path / "a.csv").stdout)
    assert "its last line, 3, has no end" in shown
    facts = json.loads(run(index, tmp_path / "a.csv", "--index", tmp_path / "i", "--dry-run", "--json").stdout)
    assert "its last line, 3, has no end" in facts["notices"][0]


def test_check_counts_articles_with_an_id_that_another_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,title,body\na,T,One.\nb,T,Two.\na,T,Three.\n")
    shown = run(check, tmp_path / "a.csv").stdout
    assert "2 usable articles; 1 unusable, 33.3%. A night would be refused" in shown
    assert "id 100%" in shown
    assert "1 have an id that an earlier one has" in shown
    night = json.loads(run(index, tmp_path / "a.csv", "--index", tmp_path / "i", "--dry-run", "--json").stdout)
    assert (night["articles"], night["quarantined_count"]) == (2, 1)


def test_night_delivers_to_the_snapshot_store_that_is_set(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", store_url)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE_WAIT_S", "1")
    report = json.loads(run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i", "--json").stdout)
    store = SnapshotStore(store_url)
    assert store.current() == report["snapshot"] == current_id(tmp_path / "i")
    assert store.ids() == [report["snapshot"]]


def test_night_that_cannot_deliver_is_told_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TRIES_MAX", 1)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", f"file://{tmp_path}/share")
    with pytest.raises(SnapshotStoreUnavailable, match="seealso rollback"):
        run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i", "--force")
    assert current_or_none(tmp_path / "i") is None
    (told,) = (tmp_path / "i/reports").glob("*-failed.json")
    assert json.loads(told.read_bytes())["exit_code"] == 17
    (tmp_path / "share").mkdir()
    (late,) = published_ids(tmp_path / "i")
    run(rollback, late, "--index", tmp_path / "i")
    assert SnapshotStore(f"file://{tmp_path}/share").current() == current_id(tmp_path / "i") == late


def test_night_that_embeds_nothing_needs_no_cluster(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 3)
    run(index, source, "--index", tmp_path / "i")
    nowhere = f"ray://127.0.0.1:{free_port()}"
    assert run(index, source, "--index", tmp_path / "i", "--on", nowhere).exit_code == 0
    write(tmp_path / "a.jsonl", 4)
    with pytest.raises(ClusterUnavailable, match=rf"{nowhere} cannot embed: .*Connection refused"):
        run(index, source, "--index", tmp_path / "i", "--on", nowhere)


@pytest.mark.parametrize("address", ["head:10001", "ray://head", "ray://a b:1", "ray://user:secret@head:1"])
def test_address_of_a_cluster_has_a_form(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"--on: .*ray://"):
        run(index, write(tmp_path / "a.jsonl", 3), "--index", tmp_path / "i", "--on", address)


def test_ray_is_imported_by_nothing_but_a_run_over_a_cluster(tmp_path: Path) -> None:
    script = (
        "import sys\nimport indexer.night\nfrom click.testing import CliRunner\nfrom indexer.commands import index\n"
        "from tests.makers import HashEncoder\nindexer.night.fetch_encoder = HashEncoder\n"
        f"done = CliRunner().invoke(index, [{str(write(tmp_path / 'a.jsonl', 3))!r}, '--index', {str(tmp_path)!r}])\n"
        "assert done.exit_code == 0, done\nassert not {'ray', 'grpc'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
