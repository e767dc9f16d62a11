import io
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

import indexer.build
import indexer.night
from indexer.build import Limits
from indexer.commands import index
from indexer.gates import GateLimits
from indexer.night import Night, run_night
from seealso.errors import GateFailed, IndexLocked, SettingsInvalid, SourceShrunk, SourceUnreadable, StoreUnavailable
from seealso.project import Project
from seealso.settings import IndexerSettings
from seealso.snapshot.layout import publish
from seealso.snapshot.lock import lock_index
from seealso.snapshot.reader import open_current
from tests.indexer.sources.web_server import Reply, serve_site
from tests.listener import listening
from tests.makers import HashEncoder
from tests.seealso.editorial.test_migrations import brought_up


@pytest.fixture(autouse=True)
def hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.night, "fetch_encoder", lambda model: HashEncoder(model))


def write(path: Path, count: int, address: str = "https://a.example") -> str:
    lines = [
        {"id": f"a{number}", "title": f"T{number}", "body": f"Text {number}.", "url": f"{address}/{number}"}
        for number in range(count)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return str(path)


def night(tmp_path: Path, count: int, *, dry_run: bool = False, force: bool = False, **settings: object) -> Night:
    chosen = IndexerSettings.model_validate({"index": tmp_path / "index", **settings})
    return Night(chosen, Project(), [write(tmp_path / "a.jsonl", count)], dry_run, force)


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def reports(tmp_path: Path) -> dict[str, dict[str, object]]:
    return {path.stem: json.loads(path.read_text()) for path in (tmp_path / "index/reports").glob("*.json")}


def test_limits_of_a_night_are_those_of_the_settings(tmp_path: Path) -> None:
    assert night(tmp_path, 1).limits() == Limits()
    chosen = night(tmp_path, 1, gate_hubs_max=0.3, source_min=0.5, keep=9, force=True).limits()
    assert chosen == Limits(keep=9, gates=GateLimits(hubs_max=0.3, source_min=0.5), force=True)


def test_night_leaves_a_page_a_report_and_metrics(tmp_path: Path) -> None:
    metrics = tmp_path / "seealso.prom"
    report, page = run_night(night(tmp_path, 5, metrics_file=metrics), quiet())
    assert page == tmp_path / f"index/reports/{report.snapshot}.html"
    assert "Not measured" in page.read_text()
    kept = reports(tmp_path)[str(report.snapshot)]
    assert (kept["outcome"], kept["exit_code"], kept["articles"]) == ("published", 0, 5)
    assert kept["finished"] >= kept["started"]  # type: ignore[operator]
    assert "seealso_night_articles 5.0" in metrics.read_text()


def test_night_that_is_refused_is_told_to_whom_the_settings_name(tmp_path: Path) -> None:
    run_night(night(tmp_path, 30), quiet())
    told = tmp_path / "told"
    with listening() as webhook, pytest.raises(SourceShrunk):
        run_night(
            night(tmp_path, 3, alarm_webhook=webhook.url, alarm_command=f"tee {told}", metrics_push=webhook.url),
            quiet(),
        )
    (_, _, _, pushed), (_, _, _, body) = webhook.asked
    assert b"seealso_night_exit_code 15.0" in pushed
    posted = json.loads(body)
    assert posted == json.loads(told.read_text())
    assert (posted["outcome"], posted["exit_code"]) == ("refused", 15)
    assert Path(posted["report"]).exists()
    assert len(open_current(tmp_path / "index")) == 30


def test_what_cannot_be_told_makes_no_night_worse(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/"
    console = quiet()
    with pytest.raises(SourceUnreadable):
        run_night(
            Night(
                IndexerSettings(
                    index=tmp_path / "index",
                    metrics_file=tmp_path / "none/x.prom",
                    metrics_push=nobody,
                    alarm_webhook=nobody,
                    alarm_command="false",
                ),
                Project(),
                [str(tmp_path / "missing.jsonl")],
            ),
            console,
        )
    text = said(console)
    for part in ("metrics not written", "the alarm did not reach 127.0.0.1", "the alarm command failed"):
        assert part in text
    (kept,) = reports(tmp_path).values()
    assert (kept["outcome"], kept["exit_code"]) == ("failed", 4)
    assert "missing.jsonl" in str(kept["error"])


def test_report_that_cannot_be_kept_is_said_and_the_night_is_published(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index/reports").write_text("in the way")
    console = quiet()
    report, page = run_night(night(tmp_path, 5), console)
    assert (report.outcome, page) == ("published", None)
    assert "the report could not be kept" in said(console)


def test_fault_of_ours_is_a_failed_night_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(indexer.night, "build_index", broken)
    with pytest.raises(ZeroDivisionError):
        run_night(night(tmp_path, 5), quiet())
    (kept,) = reports(tmp_path).values()
    assert (kept["outcome"], kept["exit_code"]) == ("failed", 1)
    assert "a fault of ours: ZeroDivisionError('by hand')" in str(kept["error"])


def test_page_that_cannot_be_drawn_keeps_nobody_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("<by hand>")

    monkeypatch.setattr(indexer.night, "render_night", broken)
    told, metrics = tmp_path / "told", tmp_path / "seealso.prom"
    settings = IndexerSettings(index=tmp_path / "index", metrics_file=metrics, alarm_command=f"tee {told}")
    with pytest.raises(SourceUnreadable):
        run_night(Night(settings, Project(), [str(tmp_path / "missing.jsonl")]), quiet())
    assert json.loads(told.read_text())["exit_code"] == 4
    assert "seealso_night_exit_code 4.0" in metrics.read_text()
    (kept,) = reports(tmp_path).values()
    assert kept["exit_code"] == 4
    (page,) = (tmp_path / "index/reports").glob("*.html")
    assert "ZeroDivisionError(&#x27;&lt;by hand&gt;&#x27;)" in page.read_text()


def test_dry_run_leaves_the_store_of_an_earlier_version_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    brought_up(tmp_path / "index", None, "0009")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"of version 0009.*a dry run leaves them so; a night"):
            run_night(night(tmp_path, 5, dry_run=True), quiet())
    run_night(night(tmp_path, 5), quiet())
    assert run_night(night(tmp_path, 5, dry_run=True), quiet())[0].outcome == "dry run"


def test_dry_run_tells_nobody(tmp_path: Path) -> None:
    with listening() as webhook:
        report, page = run_night(night(tmp_path, 5, dry_run=True, metrics_push=webhook.url), quiet())
    assert (report.outcome, page, webhook.asked) == ("dry run", None, [])
    assert not (tmp_path / "index").exists()


def test_second_night_at_once_leaves_no_word_over_the_first(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    metrics = tmp_path / "seealso.prom"
    with lock_index(tmp_path / "index"), listening() as webhook, pytest.raises(IndexLocked):
        run_night(night(tmp_path, 5, alarm_webhook=webhook.url, metrics_file=metrics), quiet())
    assert webhook.asked == []
    assert not metrics.exists()
    assert not (tmp_path / "index/reports").exists()


def test_dead_links_stop_a_night_where_they_are_asked_for(tmp_path: Path) -> None:
    with serve_site() as site:
        for number in range(8):
            site[f"/{number}"] = Reply("here")
        wanted = night(tmp_path, 10, gate_links_sample=50)
        write(tmp_path / "a.jsonl", 10, site.address)
        with pytest.raises(GateFailed, match=r"links: 2 of 10 addresses tried are dead, 20.0%; .* answers 404"):
            run_night(wanted, quiet())
    assert len([path for path in site.counts() if path != "/robots.txt"]) == 10


def test_night_that_is_told_to_stop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(indexer.night, "build_index", stopped)
    before = signal.getsignal(signal.SIGTERM)
    try:
        source = write(tmp_path / "a.jsonl", 3)
        done = CliRunner().invoke(index, [source, "--index", str(tmp_path / "index")])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.exit_code == 143
    (kept,) = reports(tmp_path).values()
    assert (kept["outcome"], kept["exit_code"]) == ("failed", 143)


def published_and_stopped(index: Path, snapshot_id: str) -> None:
    publish(index, snapshot_id)
    raise KeyboardInterrupt


def stopped_in_clean_up(*_: object) -> None:
    raise SystemExit(143)


@pytest.mark.parametrize(
    ("name", "stop", "code"), [("publish", published_and_stopped, 130), ("clean_up", stopped_in_clean_up, 143)]
)
def test_night_that_is_stopped_once_it_has_published_says_what_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stop: Callable[..., None], code: int
) -> None:
    first, _ = run_night(night(tmp_path, 3), quiet())
    monkeypatch.setattr(indexer.build, name, stop)
    told, metrics, console = tmp_path / "told", tmp_path / "seealso.prom", quiet()
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        run_night(night(tmp_path, 4, metrics_file=metrics, alarm_command=f"tee {told}"), console)
    served = open_current(tmp_path / "index")
    (kept,) = [each for each in reports(tmp_path).values() if each["outcome"] == "failed"]
    assert (kept["exit_code"], kept["served"], kept["parent"]) == (code, served.id, first.snapshot)
    assert kept["snapshot_created"] == served.manifest.created
    alarm = json.loads(told.read_text())
    assert (alarm["outcome"], alarm["exit_code"]) == ("failed", code)
    assert f"Now serving: {served.id}." in alarm["text"]
    assert str(first.snapshot) not in alarm["text"]
    lines = metrics.read_text().splitlines()
    assert {"seealso_night_success 1.0", f"seealso_night_exit_code {code:.1f}"} <= set(lines)
    assert re.search(rf"published +{served.id}", said(console))


def test_project_that_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seealso.toml").write_text("sections = 1")
    monkeypatch.setenv("SEEALSO_ALARM_COMMAND", f"tee {tmp_path / 'told'}")
    done = CliRunner().invoke(index, ["--project", str(tmp_path / "seealso.toml"), "--index", str(tmp_path / "index")])
    assert isinstance(done.exception, SettingsInvalid)
    assert json.loads((tmp_path / "told").read_text())["exit_code"] == 3
