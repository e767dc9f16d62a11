"""What is decided reaches every answer: over real stores, and over as many apps as there would be workers."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

import service.editorial
from seealso.editorial import purges
from seealso.editorial.decisions import Decisions
from seealso.editorial.keys import create_key
from seealso.editorial.machines import read_machines
from seealso.editorial.store import DATABASE, Store
from seealso.errors import StoreUnavailable
from seealso.settings import ServiceSettings
from service.answer import Answer
from service.editorial import KNOWN_SECONDS, Editorial, open_store
from tests.bad_link import bad_link
from tests.deciding import restore, take_down
from tests.faults.clock import OwnClock
from tests.listener import listening
from tests.makers import articles, index_of
from tests.postgres import postgres_schema
from tests.servers import SEEALSO, Running, free_port, serving

MakeApp = Callable[..., APIFlask]
COUNT = 20


pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(COUNT))
    return tmp_path


@pytest.fixture
def store(index: Path) -> Store:
    return Store(index)


def path_of(article_id: str) -> str:
    return f"/v1/articles/{article_id}/related"


def shown(client: FlaskClient, article_id: str = "a000") -> list[str]:
    return [card["id"] for card in client.get(path_of(article_id)).get_json()["related"]]


def hide(store: Store, article_id: str, until: datetime | None = None) -> None:
    take_down(store, [article_id], "ann", "court order", until)


def test_no_answer_of_any_worker_shows_what_was_taken_down(index: Path, store: Store, make_app: MakeApp) -> None:
    clients = [make_app(index).test_client() for _ in range(3)]
    for client in clients:  # from the snapshot, from Redis, and from their own copies
        assert shown(client)[:2] == shown(client)[:2]
    first = shown(clients[0])[0]
    hide(store, first)
    for client in clients:
        assert first not in shown(client)
        assert first not in shown(client)
        assert client.get(path_of(first)).status_code == 410
        assert client.get(f"/v1/articles/{first}").status_code == 410
        assert client.get(path_of(first) + ".html").status_code == 410


def test_place_is_filled_by_the_next(index: Path, store: Store, make_app: MakeApp) -> None:
    client = make_app(index).test_client()
    before = [card["id"] for card in client.get(path_of("a000") + "?limit=4").get_json()["related"]]
    hide(store, before[0])
    after = [card["id"] for card in client.get(path_of("a000") + "?limit=3").get_json()["related"]]
    assert set(after) == set(before[1:4])


def test_only_the_blocks_that_showed_it_are_made_anew(index: Path, store: Store, make_app: MakeApp) -> None:
    client = make_app(index).test_client()
    levels = {}
    for number in range(COUNT):
        client.get(path_of(f"a{number:03}"))
    with_it = {f"a{number:03}" for number in range(COUNT) if "a003" in shown(client, f"a{number:03}")} - {"a003"}
    assert 0 < len(with_it) < COUNT - 1
    hide(store, "a003")
    for number in range(COUNT):
        levels[f"a{number:03}"] = client.get(path_of(f"a{number:03}")).headers.get("X-Seealso-Cache", "")
    assert {article for article, level in levels.items() if level == "miss"} == with_it
    assert levels["a003"] == ""


def test_what_redis_kept_of_it_is_not_used(index: Path, store: Store, make_app: MakeApp) -> None:
    first = shown(make_app(index).test_client())[0]
    hide(store, first)
    client = make_app(index, copies_mb=0).test_client()
    answers = [client.get(path_of("a000")) for _ in range(2)]
    assert [answer.headers["X-Seealso-Cache"] for answer in answers] == ["miss", "redis"]
    assert first.encode() not in answers[1].data


def test_restored_article_is_shown_again_at_once(index: Path, store: Store, make_app: MakeApp) -> None:
    clients = [make_app(index).test_client() for _ in range(2)]
    before = shown(clients[0])
    hide(store, before[0])
    assert before[0] not in shown(clients[0]) + shown(clients[1])
    restore(store, before[0], "ann", "settled")
    assert [shown(client) for client in clients] == [before, before]
    assert clients[0].get(path_of(before[0])).status_code == 200


def test_takedown_holds_in_other_snapshots_and_after_a_restart(index: Path, store: Store, make_app: MakeApp) -> None:
    app = make_app(index)
    client, current = app.test_client(), app.extensions["seealso"].current
    first = shown(client)[0]
    hide(store, first)
    index_of(index, articles(COUNT + 1))
    current.refresh()  # before anybody has asked since: warming must know it as well
    assert first not in shown(client)
    assert first not in shown(make_app(index).test_client())


def test_answer_that_was_being_made_is_not_kept(index: Path, store: Store, make_app: MakeApp) -> None:
    """It was asked for before the takedown, and comes to its end after it."""
    app = make_app(index)
    here = app.extensions["seealso"]
    client = app.test_client()
    client.get(path_of("a000"))
    late: Answer = here.views.copies.get((path_of("a000"), ""))
    era = here.editorial.era
    hide(store, late.articles[1])
    assert late.articles[1] not in shown(client)
    here.views.copies.put((path_of("a000"), ""), late, era)
    here.views.copies.turn(late.snapshot_id, {(path_of("a000"), ""): late}, era)
    assert late.articles[1] not in shown(client)


@pytest.mark.parametrize("path", ["/v1/related", "/v1/page", "/v1/similar"])
def test_batches_pages_and_texts_do_not_show_it(index: Path, store: Store, make_app: MakeApp, path: str) -> None:
    client = make_app(index, rate_limit="none").test_client()
    body = {
        "/v1/related": {"articles": ["a000"]},
        "/v1/page": {"article": "a000", "blocks": [{"name": "below"}]},
        "/v1/similar": {"text": "tides moon sea harbour"},
    }[path]
    hide(store, "a003")
    assert b'"a006"' in client.post(path, json=body).data
    assert b'"a003"' not in client.post(path, json=body).data


def test_batch_says_that_it_does_not_know_it_and_a_page_that_it_is_gone(
    index: Path, store: Store, make_app: MakeApp
) -> None:
    client = make_app(index, rate_limit="none").test_client()
    hide(store, "a003")
    found = client.post("/v1/related", json={"articles": ["a000", "a003"]}).get_json()
    assert (found["unknown"], [block["id"] for block in found["blocks"]]) == (["a003"], ["a000"])
    page = client.post("/v1/page", json={"article": "a003", "blocks": [{"name": "below"}]})
    assert page.status_code == 410


def test_takedown_ends_when_it_should(
    index: Path, store: Store, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index)
    client, editorial = app.test_client(), app.extensions["seealso"].editorial
    before = shown(client)
    ends = datetime.now(UTC) + timedelta(hours=1)
    hide(store, before[0], ends)
    assert before[0] not in shown(client)
    editorial.look()
    assert before[0] not in shown(client)
    monkeypatch.setattr(service.editorial, "now", lambda: ends)
    editorial.look()
    assert shown(client) == before


def test_other_machine_is_heard_of(
    index: Path, store: Store, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, nobody counts up what this machine's processes share."""
    app = make_app(index)
    client = app.test_client()
    first = shown(client)[0]
    monkeypatch.setattr(store.counter, "tell", lambda: None)
    hide(store, first)
    assert first in shown(client)
    app.extensions["seealso"].editorial.look()
    assert first not in shown(client)


def test_nobody_is_answered_while_it_is_not_known_what_was_taken_down(
    index: Path, store: Store, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.editorial, "TRY_AGAIN_SECONDS", 0.0)
    app = make_app(index)
    client = app.test_client()
    first = shown(client)[0]
    hide(store, first)
    store.close()
    app.extensions["seealso"].editorial.store().close()
    kept = (index / DATABASE).read_bytes()
    (index / DATABASE).write_bytes(b"no database" * 1_000)
    for suffix in ("-wal", "-shm"):
        (index / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    refused = client.get(path_of("a000"))
    assert (refused.status_code, refused.get_json()["type"]) == (503, "urn:seealso:problem:editorial-unavailable")
    assert refused.headers["Retry-After"]
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    assert client.get("/v1/status").get_json()["degraded"] == ["editorial"]
    (index / DATABASE).write_bytes(kept)
    assert first not in shown(client)
    assert client.get("/v1/status").get_json()["degraded"] == []


def test_store_that_only_cannot_be_looked_at_lets_pages_be_viewed(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody on this machine has decided anything since: what is known holds."""
    app = make_app(index)
    client, editorial = app.test_client(), app.extensions["seealso"].editorial
    before = shown(client)
    editorial.store().close()
    (index / DATABASE).write_bytes(b"no database" * 1_000)
    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        editorial.look()
    assert [line["event"] for line in logs] == ["editorial_unavailable"]
    assert shown(client) == before
    assert client.get(path_of("a000")).headers["X-Seealso-Degraded"] == "editorial"


def test_writer_who_holds_the_store_holds_up_no_reader(index: Path, store: Store, make_app: MakeApp) -> None:
    client = make_app(index).test_client()
    first = shown(client)[0]
    hide(store, first)
    with sqlite3.connect(index / DATABASE) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert first not in shown(client)


def test_folder_that_cannot_be_written_to_is_served_without_a_store(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with capture_logs() as logs:
        assert open_store(ServiceSettings(index=index)) is None
    assert [line["event"] for line in logs] == ["editorial_off"]
    editorial = Editorial(None)
    assert not editorial.moved
    with pytest.raises(StoreUnavailable, match="cannot be written to"):
        editorial.store()
    monkeypatch.undo()
    Store(index).sequence()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert open_store(ServiceSettings(index=index)) is not None  # what is decided there must be known


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0])
def test_clock_that_is_set_shows_nothing_that_is_taken_down_for_good(
    index: Path, store: Store, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    clock = OwnClock(monkeypatch)
    app = make_app(index)
    client = app.test_client()
    first = shown(client)[0]
    hide(store, first)
    clock.step(step_s)
    app.extensions["seealso"].editorial.look()
    assert first not in shown(client)


@pytest.fixture
def shared(index: Path) -> Iterator[str]:
    with postgres_schema() as address:
        yield address


def test_status_and_scrape_ask_no_store_which_may_hang(
    index: Path, shared: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purges, "TRIES_MAX", 1)
    with psycopg.connect(shared) as connection:
        target = connection.info.host, connection.info.port
    with bad_link(target) as link:
        address = sa.make_url(shared).set(host="127.0.0.1", port=link.port).render_as_string(hide_password=False)
        app = make_app(index, editorial=address, rate_limit="none", purge_webhook="http://127.0.0.1:9/")
        client, here = editor(app), app.extensions["seealso"]
        client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
        here.purging.send_due()
        here.editorial.look()
        link.late_s, carried = 600.0, link.carried
        metrics, warnings = client.get("/metrics").text, client.get("/v1/status").get_json()["warnings"]
        assert link.carried == carried
        with pytest.raises(StoreUnavailable):
            here.editorial.look()
        noticed = client.get("/metrics").text, client.get("/v1/status").get_json()["warnings"]
        link.break_all()
    assert ("seealso_purges_given_up 1.0" in metrics, "seealso_editorial_down 0.0" in metrics) == (True, True)
    assert [warning.split(";")[0] for warning in warnings] == ["1 purges were not taken by the caches in front"]
    assert ("seealso_purges_given_up 1.0" in noticed[0], "seealso_editorial_down 1.0" in noticed[0]) == (True, True)
    assert len(noticed[1]) == 2
    assert "cannot be used" in noticed[1][0]


def machines_of(
    index: Path,
    folder: Path,
    address: str,
    make_app: MakeApp,
    names: str,
    monkeypatch: pytest.MonkeyPatch,
    **settings: Any,
) -> dict[str, APIFlask]:
    """Return an app for each machine: each has a copy of the index of its own, and so its own counter."""
    apps = {}
    for name in names:
        own = Path(shutil.copytree(index, folder / name))
        monkeypatch.setattr("service.app.machine_name", lambda _, name=name: name)
        apps[name] = make_app(own, editorial=address, rate_limit="none", **settings)
    return apps


def editor(app: APIFlask) -> FlaskClient:
    client = app.test_client()
    text = create_key(app.extensions["seealso"].editorial.store(), "Ann", "editor", "x")[1]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def test_takedown_is_acknowledged_when_other_machines_know_it(
    index: Path, tmp_path: Path, shared: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.editorial, "OTHERS_SECONDS_MAX", 60.0)
    monkeypatch.setattr("seealso.editorial.machines.SILENT_SECONDS", 60.0)
    folder = tmp_path.parent / f"{tmp_path.name}-machines"
    apps = machines_of(index, folder, shared, make_app, "ab", monkeypatch)
    for app in apps.values():
        app.extensions["seealso"].editorial.look()
        app.extensions["seealso"].editorial.follow()
    client, elsewhere = editor(apps["a"]), apps["b"].test_client()
    first = shown(elsewhere)[0]
    assert client.post(f"/v1/articles/{first}/takedown", json={"reason": "court order"}).status_code == 200
    assert first not in shown(elsewhere)
    assert client.delete(f"/v1/articles/{first}/takedown?reason=settled").status_code == 200
    assert first in shown(elsewhere)


@pytest.mark.parametrize("has_looked", [True, False], ids=["followed", "starts"])
def test_machine_that_does_not_hear_of_it_is_named(
    index: Path, tmp_path: Path, shared: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, has_looked: bool
) -> None:
    monkeypatch.setattr(service.editorial, "OTHERS_SECONDS_MAX", 0.1)
    folder = tmp_path.parent / f"{tmp_path.name}-machines"
    apps = machines_of(index, folder, shared, make_app, "a束", monkeypatch)  # named by folders, too
    if has_looked:
        apps["束"].extensions["seealso"].editorial.look()  # and then not any more
    client = editor(apps["a"])
    told = client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
    assert told.status_code == 202
    assert told.headers["X-Seealso-Unconfirmed"].startswith("\\u675f (silent for ")
    assert told.get_json()["takedown"]["article"] == "a003"
    apps["束"].extensions["seealso"].editorial.look()
    assert client.delete("/v1/articles/a003/takedown?reason=x").status_code == 202  # it is another change


def test_caches_are_told_once_other_machines_know_it(
    index: Path, tmp_path: Path, shared: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not would fill them with what they have dropped."""
    monkeypatch.setattr(service.editorial, "OTHERS_SECONDS_MAX", 60.0)
    monkeypatch.setattr("seealso.editorial.machines.SILENT_SECONDS", 60.0)
    folder = tmp_path.parent / f"{tmp_path.name}-machines"
    with listening() as listener:
        apps = machines_of(index, folder, shared, make_app, "ab", monkeypatch, purge_webhook=listener.url)
        here, elsewhere = (app.extensions["seealso"] for app in apps.values())
        client = editor(apps["a"])
        elsewhere.editorial.look()
        before = here.editorial.store().sequence()
        with ThreadPoolExecutor(1) as deciding:
            told = deciding.submit(client.post, "/v1/articles/a003/takedown", json={"reason": "court order"})
            while here.editorial.store().sequence() == before:
                assert not told.done()
                time.sleep(0.01)
            assert elsewhere.purging.send_due() == []
            elsewhere.editorial.look()
            assert told.result().status_code == 200
        assert [purge.message["article"] for purge in elsewhere.purging.send_due()] == ["a003"]


def test_caches_are_told_later_where_a_machine_does_not_hear_of_it(
    index: Path, tmp_path: Path, shared: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.editorial, "OTHERS_SECONDS_MAX", 0.1)
    folder = tmp_path.parent / f"{tmp_path.name}-machines"
    apps = machines_of(index, folder, shared, make_app, "ab", monkeypatch, purge_webhook="http://127.0.0.1:9/")
    apps["b"].extensions["seealso"].editorial.look()
    client = editor(apps["a"])
    assert client.post("/v1/articles/a003/takedown", json={"reason": "court order"}).status_code == 202
    (purge,) = client.get("/v1/purges").get_json()["purges"]
    waits = datetime.fromisoformat(purge["next_try"]) - datetime.fromisoformat(purge["since"])
    assert waits.total_seconds() == KNOWN_SECONDS


Workers = tuple[Editorial, Editorial, Editorial]


@pytest.fixture
def workers(shared: str, tmp_path: Path) -> Iterator[Workers]:
    """Two of one machine, and one of another."""
    folder = tmp_path.parent / f"{tmp_path.name}-machines"
    one, two, other = (Editorial(Store(folder / machine, shared), machine) for machine in ("a", "a", "b"))
    yield one, two, other
    for each in (one, two, other):
        each.close()


@pytest.mark.parametrize("told", [Editorial.unknowing, Editorial.look])
def test_machine_says_that_it_knows_what_another_decided_once_all_of_its_workers_must_look(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, told: Callable[[Editorial], object]
) -> None:
    """One worker has read it because of a change of its own machine, which the others had read before."""
    monkeypatch.setattr(service.editorial, "REPORT_SECONDS", 0.0)
    one, two, other = workers
    for each in (one, two, other):
        each.look()
    hide(one.store(), "a001")
    two.catch_up()
    hide(other.store(), "a002")
    one.catch_up()
    assert "a002" in one.decisions.hidden_at(datetime.now(UTC)) - two.decisions.hidden_at(datetime.now(UTC))
    told(one)
    other.catch_up()
    assert other.unknowing() == []
    assert two.moved
    two.catch_up()
    assert "a002" in two.decisions.hidden_at(datetime.now(UTC))


def test_workers_tell_each_other_of_what_another_machine_decided_once(workers: Workers) -> None:
    one, two, other = workers
    hide(other.store(), "a001")
    for each in (one, two, one, two):
        each.look()
    number = one.store().counter.numbers[0]
    for each in (one, two, one, two):
        each.look()
        each.unknowing()
    assert one.store().counter.numbers[0] == number


def reading_only(folder: Path) -> list[str]:
    """Return how `seealso` is run where a folder is mounted so that it is only read."""
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    program = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    if subprocess.run([*program, "true"], capture_output=True, check=False).returncode:
        assert "CI" not in os.environ, "nothing can be mounted here (unshare --map-root-user --mount)"
        pytest.skip("nothing can be mounted here (unshare --map-root-user --mount)")
    return [*program, str(SEEALSO)]


# The service, which waits for other machines however long they take to say what they know.
PATIENT = """
import seealso.editorial.machines, service.editorial
from seealso.cli import main

seealso.editorial.machines.SILENT_SECONDS = service.editorial.OTHERS_SECONDS_MAX = 60.0
main()
"""


def statuses(service: Running, article_id: str) -> set[int]:
    """Return how an article is answered, by all workers as a rule: each time over another connection."""
    return {service.get(path_of(article_id)).status for _ in range(20)}


def test_services_that_only_read_the_index_folder_know_what_is_decided_at_once(
    index: Path, shared: str, redis_url: str
) -> None:
    beside = Path(f"{index}-beside")
    (beside / "temporary").mkdir(parents=True)
    settings = {"SEEALSO_EDITORIAL": shared, "SEEALSO_REDIS_URL": redis_url, "TMPDIR": str(beside / "temporary")}
    program = reading_only(index)
    patient = [*program[:-1], sys.executable, "-c", PATIENT]
    with (
        serving(index, beside / "log", 2, True, patient, **settings) as here,
        serving(index, beside / "log2", 2, True, patient, **settings) as there,
    ):
        command = [*program, "key", "create", "--scope", "editor", "--name", "Ann", "--index", str(index)]
        made = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | settings)
        key = made.stdout.split()[-1]
        # The key was made by another process, which no worker waits for.
        while here.send("GET", "/v1/takedowns", key=key).status == 401:
            time.sleep(0.05)
        for number in range(5):
            told = here.send("POST", f"/v1/articles/a00{number}/takedown", {"reason": "tried"}, key)
            assert told.status == 200, told.body
            assert statuses(here, f"a00{number}") == statuses(there, f"a00{number}") == {410}
    assert not [*(beside / "temporary").iterdir()]
    with closing(Store(index, shared)) as store:
        assert read_machines(store) == []


def test_store_in_a_folder_that_is_only_read_is_refused_in_one_line(index: Path, store: Store) -> None:
    store.sequence()
    store.close()
    command = ["serve", "--index", str(index), "--port", str(free_port()), "--workers", "1"]
    done = subprocess.run([*reading_only(index), *command], capture_output=True, text=True, check=False)
    assert done.returncode == 16
    *lines, last = done.stderr.splitlines()
    assert all(line.startswith("{") for line in lines), done.stderr
    assert "editorial.count cannot be used: it cannot be opened and mapped (Read-only file system)" in last


def test_takedown_that_could_not_be_applied_is_applied_by_the_next_request(
    index: Path, store: Store, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index)
    client, editorial = app.test_client(), app.extensions["seealso"].editorial
    first = shown(client)[0]
    hide(store, first)

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(editorial, "changed", fail)
        with pytest.raises(MemoryError):
            editorial.catch_up()
    assert first not in shown(client)


def test_who_waits_is_not_passed_over_by_what_is_decided_meanwhile(index: Path, store: Store) -> None:
    editorial, reading, go_on = (
        Editorial(open_store(ServiceSettings(index=index))),
        threading.Event(),
        threading.Event(),
    )
    editorial.catch_up()

    def hang(_: Decisions, __: datetime) -> None:
        reading.set()
        assert go_on.wait(60)

    editorial.changed = hang
    hide(store, "a001")
    with ThreadPoolExecutor(3) as asking:
        asked = [asking.submit(editorial.catch_up) for _ in range(3)]
        assert reading.wait(60)
        while len(editorial._read_it._waiters) < 2:  # type: ignore[attr-defined]
            time.sleep(0.001)
        hide(store, "a002")
        editorial.changed = lambda _, __: pytest.fail("it was read for those who were there before")
        go_on.set()
        for each in asked:
            each.result()
    assert editorial.moved
    assert set(editorial.decisions.takedowns) == {"a001"}
    editorial.close()
