"""L5: page views, texts, batches and switches at once, on many threads. Nothing hangs, nothing fails.

'Already borrowed' is what the model's tokenizer says where threads meet in it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.settings import ServiceSettings
from seealso.snapshot.layout import published_ids
from service.app import create_app
from service.own_redis import OwnRedis
from tests.conftest import ROOT
from tests.figures import figure
from tests.load.editions import HOT, HTML, Editions, all_serving
from tests.load.rate import Ask, Outcome, Rate, at_once, in_turn, new_blocks, percentile
from tests.load.vital import counted
from tests.makers import HashEncoder
from tests.servers import SEEALSO

OPEN_TO_ALL = "none"
THREADS, SECONDS = 8, 5.0
# So many threads of one process keep each other waiting for longer than a machine's Redis would.
REDIS_TIMEOUT_MS = 2_000
CODINGS = ("identity", "gzip", "br", "zstd", "gzip, br;q=0.5")
HANG_SECONDS = 60.0
NEWSROOM = ROOT / "examples" / "newsroom"
WORKERS_FULL, THREADS_FULL = 8, 16
# What two cores can do of each, a second; a text of one passage takes some 50 ms.
PAGES_PER_SECOND, TEXTS_PER_SECOND, BATCHES_PER_SECOND = 100.0, 4.0, 4.0
SWITCH_SECONDS = 10.0
INDEX_SECONDS_MAX = 600.0


def ask_anything(client: FlaskClient, chance: random.Random, ids: list[str]) -> Any:
    """Send a request of some kind and return its answer."""
    some = chance.sample(ids, 3)
    match chance.randrange(8):
        case 0:
            return client.post("/v1/similar", json={"text": f"tides moon sea harbour {chance.random()}", "limit": 5})
        case 1:
            return client.post("/v1/related", json={"articles": some, "limit": 4})
        case 2:
            return client.post("/v1/page", json={"article": some[0], "blocks": [{"name": "below"}, {"name": "side"}]})
        case 3:
            return client.get(f"/v1/articles/{some[0]}/related?exclude=x{chance.random()}")
        case 4:
            return client.get(chance.choice(("/metrics", "/v1/status", "/readyz", f"/v1/articles/{some[0]}")))
        case _:
            return client.get(chance.choice([*HOT, *HTML]), headers={"Accept-Encoding": chance.choice(CODINGS)})


def ask_on(app: APIFlask, seed: int, end: float, found: list[Any]) -> None:
    """Ask for anything until the time is over; keep what is neither an answer nor a refusal."""
    client, chance = app.test_client(), random.Random(seed)
    ids = [path.split("/")[3] for path in HOT]
    while time.monotonic() < end:
        answer = ask_anything(client, chance, ids)
        refused = answer.status_code == 503 and answer.headers.get("Retry-After", "").isdigit()
        found.append(answer.status_code if answer.status_code == 200 or refused else (answer.status_code, answer.data))


def test_many_threads_ask_for_everything_while_snapshots_are_switched(editions: Editions, redis_url: str) -> None:
    """Two workers' apps in this process, each asked by twice as many threads as it works on."""
    settings = ServiceSettings(
        index=editions.index,
        redis_url=redis_url,
        redis_timeout_ms=REDIS_TIMEOUT_MS,
        threads=THREADS,
        rate_limit=OPEN_TO_ALL,
        snapshot_poll_ms=20,
    )
    apps = [create_app(settings, HashEncoder) for _ in range(2)]
    found: list[Any] = []
    end = time.monotonic() + SECONDS
    asking = [
        threading.Thread(target=ask_on, args=(app, number, end, found), daemon=True)
        for number in range(2 * THREADS)
        for app in apps
    ]
    for app in apps:
        app.extensions["seealso"].current.follow(settings.snapshot_poll_ms)
    for thread in asking:
        thread.start()
    while time.monotonic() < end:
        published = editions.switch()
        time.sleep(SECONDS / 5)
    for thread in asking:
        thread.join(HANG_SECONDS)
    assert not any(thread.is_alive() for thread in asking)
    assert set(found) <= {200, 503}, [each for each in found if each not in (200, 503)][:5]
    assert found.count(200) > len(asking)
    wait_until_served(apps, published)
    for app in apps:
        app.extensions["seealso"].current.stop()
        app.extensions["seealso"].cache.close()


def test_texts_and_batches_that_come_together_while_redis_hangs_are_answered(
    editions: Editions, tmp_path: Path
) -> None:
    with (
        OwnRedis() as redis,
        all_serving(
            editions.index, tmp_path / "log", workers=1, SEEALSO_REDIS_URL=redis.url, SEEALSO_THREADS="16"
        ) as service,
    ):
        batch = next(posts("/v1/related", iter([{"articles": ["a001", "a002"]}])))
        assert {outcome.status for outcome in at_once(service.port, [batch] * 8)} == {200}
        os.kill(redis.process_id, signal.SIGSTOP)
        try:
            outcomes = at_once(service.port, [batch] * 8)
        finally:
            os.kill(redis.process_id, signal.SIGCONT)
    assert {outcome.status for outcome in outcomes} == {200}, [
        outcome for outcome in outcomes if outcome.status != 200
    ][:2]


def test_no_two_requests_are_given_one_id(editions: Editions, tmp_path: Path) -> None:
    """Whoever quotes an id means one line of the log, whichever worker wrote it."""
    with all_serving(editions.index, tmp_path / "log", workers=4) as service:
        ids = [service.get("/livez").headers["x-request-id"] for _ in range(40)]
    assert len(set(ids)) == len(ids)


def wait_until_served(apps: list[APIFlask], snapshot_id: str) -> None:
    """Return once all apps serve a snapshot: whoever follows the pointer still does."""
    deadline = time.monotonic() + HANG_SECONDS
    while any(app.extensions["seealso"].current.served.id != snapshot_id for app in apps):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Editions:
    """The sample newsroom, indexed with the real model three times, each time without an article of another section."""
    folder = tmp_path_factory.mktemp("newsroom")
    for section in ("culture", "sport", "world"):
        source = shutil.copytree(NEWSROOM, folder / section)
        lines = (source / f"{section}.jsonl").read_text().splitlines()
        (source / f"{section}.jsonl").write_text("\n".join(lines[:-1]) + "\n")
        command = [str(SEEALSO), "index", str(source), "--index", str(folder / "index"), "--force"]
        subprocess.run(command, check=True, timeout=INDEX_SECONDS_MAX, capture_output=True)
    return Editions(folder / "index", published_ids(folder / "index"))


def posts(path: str, bodies: Iterator[Any]) -> Iterator[Ask]:
    """Ask by POST with each body."""
    return (Ask(path, orjson.dumps(body)) for body in bodies)


@pytest.mark.torture
@pytest.mark.row("L5")
def test_eight_workers_of_sixteen_threads(
    newsroom: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    """The full form, with the real model; tells its figures."""
    lines = [json.loads(line) for path in sorted(NEWSROOM.glob("*.jsonl")) for line in path.read_text().splitlines()]
    kept = [line for line in lines if line["section"] not in ("Culture", "Sport", "World")]
    pages = [f"/v1/articles/{line['id']}/related{end}" for line in kept for end in ("", ".html")]
    texts = ({"text": f"{line['title']}\n{line['body'][:600]} {number}"} for number, line in enumerate(cycle(kept)))
    ids = [line["id"] for line in kept]
    batches = ({"articles": random.Random(number).sample(ids, 20)} for number in range(10**9))
    page = ({"article": id_, "blocks": [{"name": "below"}, {"name": "side", "limit": 3}]} for id_ in cycle(ids))
    settings: dict[str, Any] = {"SEEALSO_THREADS": str(THREADS_FULL), "SEEALSO_RATE_LIMIT": OPEN_TO_ALL}
    log = tmp_path / "log"
    with all_serving(newsroom.index, log, workers=WORKERS_FULL, **settings) as service, ExitStack() as load:
        port = service.port
        asks = in_turn((Ask(path) for path in cycle(pages)), new_blocks(pages), every=4)
        rates = {
            "pages": load.enter_context(Rate(port, asks, PAGES_PER_SECOND)),
            "texts": load.enter_context(Rate(port, posts("/v1/similar", texts), TEXTS_PER_SECOND)),
            "batches": load.enter_context(Rate(port, posts("/v1/related", batches), BATCHES_PER_SECOND)),
            "several blocks": load.enter_context(Rate(port, posts("/v1/page", page), BATCHES_PER_SECOND)),
        }
        workers, end, switches = service.workers(), time.monotonic() + lasting(1_800), 0
        while time.monotonic() < end:
            time.sleep(SWITCH_SECONDS)
            newsroom.switch()
            switches += 1
        load.close()
        encoded = counted(service, "seealso_encode_seconds_count")
        assert service.workers() == workers
    figure(f"{switches} switches, {encoded:,.0f} texts encoded")
    for name, rate in rates.items():
        tell_figures(name, rate.outcomes)
    assert "Already borrowed" not in log.read_text()
    assert encoded
    for name, rate in rates.items():
        wrong = [each for each in rate.outcomes if each.status != 200 and not told_to_come_again(each)]
        assert not wrong, f"{name}: {len(wrong)} of {len(rate.outcomes)}: {wrong[:5]}"


def told_to_come_again(outcome: Outcome) -> bool:
    """Return whether a request was refused for now: too much at once, or a text that took too long."""
    return outcome.status == 503 and outcome.retry_after.isdigit()


def tell_figures(name: str, outcomes: list[Outcome]) -> None:
    """Tell what came of one kind of request."""
    statuses = Counter(outcome.status for outcome in outcomes)
    answered = ", ".join(f"{count:,} by {status}" for status, count in statuses.most_common())
    p50, p99 = percentile(outcomes, 0.5), percentile(outcomes, 0.99)
    figure(f"{name}: answered {answered}, p50 {p50:.1f}, p99 {p99:.1f} ms")
