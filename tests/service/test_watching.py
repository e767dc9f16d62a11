import threading

import pytest
from structlog.testing import capture_logs

import service.watching
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
