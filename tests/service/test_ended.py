"""What ends by itself is told to caches: a real store, a real listener."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask

from seealso.editorial.purges import Purge, add_purge_in, read_purges
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from seealso.editorial.takedowns import take_down_in
from seealso.errors import StoreUnavailable
from service.ended import AFTER_SECONDS
from tests.deciding import make_rule, restore, take_down, undo_rule
from tests.listener import listening
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20))
    return tmp_path


def end_soon(store: Store, until: datetime) -> tuple[int, int]:
    """Take an article down and pin another, until then; return the changes."""
    (taken,) = take_down(store, ["a003"], "ann", "embargo", until)
    rule = make_rule(store, Wish("pin", under_article="a000", article="a001", number=1), "ann", "news", until)
    return taken.sequence, rule.id


def tell(app: APIFlask) -> None:
    app.extensions["seealso"].editorial.look()
    app.extensions["seealso"].purging.beside()


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    for module in ("service.ended", "service.editorial", "service.to_drop"):
        monkeypatch.setattr(f"{module}.now", lambda: moment)


def purges_of(store: Store) -> list[Purge]:
    with store.reading() as connection:
        return read_purges(connection, None, 99)[::-1]


def test_what_ends_is_told_then_and_once(index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app, other = (make_app(index, purge_webhook=NOBODY) for _ in range(2))
    store = Store(index)
    tell(app)
    ends = datetime.now(UTC) + timedelta(hours=1)
    changes = end_soon(store, ends)
    tell(app)
    assert purges_of(store) == []
    set_clock(monkeypatch, ends + timedelta(seconds=1))
    for each in (app, other, app):
        tell(each)
    told = purges_of(store)
    assert tuple(purge.id for purge in told) == changes
    assert all(purge.next_try == purge.since + timedelta(seconds=AFTER_SECONDS) for purge in told)
    takedown, rule = (purge.message for purge in told)
    assert (takedown["article"], takedown["reason"], takedown["keys"][0]) == ("a003", "ended", "article:a003")
    assert len(takedown["keys"]) > 1  # the blocks in which it may stand again
    assert (rule["article"], rule["reason"], rule["keys"]) == ("a000", "ended", ["article:a000"])


def test_what_ended_while_nobody_ran_is_told_but_nothing_of_weeks_ago(index: Path, make_app: MakeApp) -> None:
    store, now = Store(index), datetime.now(UTC)
    take_down(store, ["a003"], "ann", "embargo", now - timedelta(hours=3))
    take_down(store, ["a004"], "ann", "embargo", now - timedelta(days=8))
    tell(make_app(index, purge_webhook=NOBODY, site="coast"))
    assert [(purge.message["article"], purge.message["site"]) for purge in purges_of(store)] == [("a003", "coast")]


def test_what_ended_is_told_once_the_store_can_be_read_and_a_snapshot_is_served(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    take_down(store, ["a003"], "ann", "embargo", datetime.now(UTC) - timedelta(hours=3))
    with monkeypatch.context() as patched:
        patched.setattr(Store, "reading", unreachable)
        app = make_app(tmp_path, purge_webhook=NOBODY)
        app.extensions["seealso"].purging.beside()
    tell(app)
    assert purges_of(store) == []
    index_of(tmp_path, articles(20))
    app.extensions["seealso"].current.refresh()
    tell(app)
    (purge,) = purges_of(store)
    assert len(purge.message["keys"]) > 1


def unreachable(store: Store) -> None:
    raise StoreUnavailable(store.name, "gone")


def test_what_ends_after_the_clock_was_set_back_is_told(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, store = make_app(index, purge_webhook=NOBODY), Store(index)
    tell(app)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    take_down(store, ["a003"], "ann", "embargo", an_hour_ago)
    set_clock(monkeypatch, an_hour_ago + timedelta(seconds=1))
    tell(app)
    assert [purge.message["article"] for purge in purges_of(store)] == ["a003"]


@pytest.mark.parametrize("meanwhile", ["renewed", "undone"])
def test_what_was_decided_otherwise_meanwhile_has_not_ended(index: Path, make_app: MakeApp, meanwhile: str) -> None:
    app, store, now = make_app(index, purge_webhook=NOBODY), Store(index), datetime.now(UTC)
    _, rule = end_soon(store, now)
    app.extensions["seealso"].editorial.look()
    if meanwhile == "renewed":
        take_down(store, ["a003"], "ann", "for good", None)
    else:
        restore(store, "a003", "ann", "settled")
    app.extensions["seealso"].purging.beside()  # by what was known before
    assert [purge.id for purge in purges_of(store)] == [rule]
    undo_rule(store, rule, "ann", "old")
    tell(app)
    assert [purge.id for purge in purges_of(store)] == [rule]


def test_what_is_due_is_sent_whatever_becomes_of_the_ends(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as listener:
        app, store = make_app(index, purge_webhook=listener.url), Store(index)
        purging = app.extensions["seealso"].purging
        monkeypatch.setattr(purging, "beside", lambda: unreachable(store))
        with store.writing() as writing:
            take_down_in(writing, "a003", "ann", "court order", None)
            add_purge_in(writing, {"article": "a003", "reason": "takedown", "keys": ["article:a003"]})
        purging.follow()
        listener.wait(1)
        purging.stop()


def test_caches_hear_of_it_from_a_service_that_runs(index: Path, make_app: MakeApp) -> None:
    with listening() as listener:
        app = make_app(index, purge_webhook=listener.url)
        here = app.extensions["seealso"]
        here.editorial.follow()
        here.purging.follow()
        end_soon(Store(index), datetime.now(UTC) + timedelta(seconds=0.5))
        listener.wait(2)
        here.purging.stop()
    assert [json.loads(body)["reason"] for _, _, _, body in listener.asked] == ["ended", "ended"]
