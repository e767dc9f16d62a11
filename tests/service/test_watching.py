import json
import threading

import pytest
from structlog.testing import capture_logs

import service.watching
from seealso.logs import configure_logs, get_log, say_site
from service.watching import keep_on

SECONDS_MAX = 20.0


def test_work_that_fails_goes_on_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.watching, "PAUSE_SECONDS", 0.001)
    ended, done = threading.Event(), threading.Event()
    times: list[str] = []

    def work() -> None:
        times.append("once")
        if len(times) < 4:
            raise ZeroDivisionError("it failed")
        done.set()
        ended.wait()

    with capture_logs() as logged:
        thread = keep_on("a watch", work, ended)
        assert done.wait(SECONDS_MAX)
    ended.set()
    thread.join(SECONDS_MAX)
    assert not thread.is_alive()
    assert len(times) == 4
    assert [(line["event"], line["work"]) for line in logged] == [("work_failed", "a watch")]


def test_lines_of_the_work_name_the_site_of_whoever_began_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    ended, said = threading.Event(), threading.Event()

    def work() -> None:
        get_log().info("snapshot_opened")
        said.set()
        ended.wait()

    say_site("coast")
    thread = keep_on("a watch", work, ended)
    say_site(None)
    assert said.wait(SECONDS_MAX)
    ended.set()
    thread.join(SECONDS_MAX)
    assert json.loads(capsys.readouterr().err)["site"] == "coast"
