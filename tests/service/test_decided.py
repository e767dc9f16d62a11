"""S8: whatever is published, switched, put, removed, taken down, restored, rolled back, flushed, and restarted.

After each step two workers' apps, over real snapshots, a real store and a real Redis, answer what a model of a few
lines says.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from seealso.editorial.decisions import now
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.settings import ServiceSettings
from seealso.snapshot.layout import current_id, publish, published_ids
from service.app import create_app
from tests.deciding import restore, take_down
from tests.figures import figure
from tests.makers import HashEncoder, articles, index_of

# Each snapshot has some more articles than the one before.
SIZES = (5, 7, 9)
IDS = [f"a{number:03}" for number in range(SIZES[-1] + 1)]  # the last is in no snapshot
ASKED = "?limit=50&min_probability=0&stories=all"
SHORT_EXAMPLES, FULL_EXAMPLES, PARTS = 8, 2_000, 4
some_id = st.sampled_from(IDS)


class Model:
    """What must be answered: all articles of the current snapshot but the open one and those that are down."""

    def __init__(self) -> None:
        self.published = 0
        self.down: set[str] = set()
        self.put: set[str] = set()
        self.removed: set[str] = set()

    def shown(self, article_id: str) -> set[str] | int:
        """Return the articles that a block holds, or the status where there is none."""
        if article_id in self.down:
            return 410
        indexed = (set(IDS[: SIZES[self.published]]) | self.put) - self.removed
        return indexed - self.down - {article_id} if article_id in indexed else 404


class Decided(RuleBasedStateMachine):
    """The steps."""

    made: Path
    redis_url: str
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.folder = Path(tempfile.mkdtemp())
        self.index = self.folder / "index"
        shutil.copytree(self.made, self.index)
        self.model, self.store = Model(), Store(self.index)
        redis.Redis.from_url(self.redis_url).flushall()
        publish(self.index, published_ids(self.index)[0])
        key = create_key(self.store, "the cms", "index", "ann")[1]
        self.key = {"Authorization": f"Bearer {key}"}
        self.apps = [self.started(), self.started()]

    def teardown(self) -> None:
        for app in self.apps:
            self.ended(app)
        self.store.close()
        shutil.rmtree(self.folder)

    def started(self) -> Any:
        given = ServiceSettings(index=self.index, redis_url=self.redis_url, redis_timeout_ms=1_000)
        return create_app(given, HashEncoder)

    def ended(self, app: Any) -> None:
        app.extensions["seealso"].cache.close()
        app.extensions["seealso"].editorial.store().close()

    @rule(number=st.integers(0, len(SIZES) - 1))
    def publish_or_roll_back(self, number: int) -> None:
        publish(self.index, published_ids(self.index)[number])
        for app in self.apps:
            app.extensions["seealso"].current.refresh()
        self.model.published = number

    @rule(article_id=some_id)
    def take_down(self, article_id: str) -> None:
        take_down(self.store, [article_id], "ann", "tried", None)
        self.model.down.add(article_id)

    @rule(article_id=some_id)
    def take_down_for_a_while_that_is_over(self, article_id: str) -> None:
        take_down(self.store, [article_id], "ann", "tried", now() - timedelta(seconds=1))
        self.model.down.discard(article_id)

    @rule(article_id=some_id)
    def restore(self, article_id: str) -> None:
        restore(self.store, article_id, "ann", "tried")
        self.model.down.discard(article_id)

    @rule(article_id=some_id, place=st.integers(0, 1), title=st.sampled_from(("Tides", "Bread")))
    def put(self, article_id: str, place: int, title: str) -> None:
        body = {"title": title, "body": "tides moon bread oven chess pawn"}
        answer = self.apps[place].test_client().put(f"/v1/articles/{article_id}", json=body, headers=self.key)
        assert answer.status_code == 200, answer.text
        self.model.put.add(article_id)
        self.model.removed.discard(article_id)

    @rule(article_id=some_id, place=st.integers(0, 1))
    def remove(self, article_id: str, place: int) -> None:
        path = f"/v1/articles/{article_id}?reason=tried"
        known = article_id not in self.model.removed  # what is in no snapshot may come with the next night
        answer = self.apps[place].test_client().delete(path, headers=self.key)
        assert answer.status_code == (200 if known else 404), answer.text
        if known:
            self.model.removed.add(article_id)
            self.model.put.discard(article_id)

    @rule()
    def flush(self) -> None:
        redis.Redis.from_url(self.redis_url).flushall()

    @rule(place=st.integers(0, 1))
    def restart(self, place: int) -> None:
        self.ended(self.apps[place])
        self.apps[place] = self.started()

    @rule()
    def look(self) -> None:
        for app in self.apps:
            app.extensions["seealso"].editorial.look()

    @rule(article_id=some_id, place=st.integers(0, 1))
    def view(self, article_id: str, place: int) -> None:
        self.check(self.apps[place], article_id)

    @invariant()
    def answers_are_the_models(self) -> None:
        for app in self.apps:
            for article_id in (IDS[0], IDS[3], IDS[-3]):
                self.check(app, article_id)

    def check(self, app: Any, article_id: str) -> None:
        answer = app.test_client().get(f"/v1/articles/{article_id}/related{ASKED}")
        found = (
            {card["id"] for card in answer.get_json()["related"]} if answer.status_code == 200 else answer.status_code
        )
        assert found == self.model.shown(article_id)
        assert answer.headers.get("X-Seealso-Snapshot", current_id(self.index)) == current_id(self.index)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for size in SIZES:
        index_of(folder, articles(size), keep=len(SIZES))
    assert len(published_ids(folder)) == len(SIZES)
    store = Store(folder)
    store.sequence()
    store.close()
    return folder


def steps(made: Path, redis_url: str) -> type[Decided]:
    return type("Steps", (Decided,), {"made": made, "redis_url": redis_url})


def test_answers_are_what_was_decided(made: Path, redis_url: str) -> None:
    few = settings(max_examples=SHORT_EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True)
    run_state_machine_as_test(steps(made, redis_url), settings=settings(few, suppress_health_check=list(HealthCheck)))


@pytest.mark.torture
@pytest.mark.row("S8", together=True)
@pytest.mark.parametrize("part", range(PARTS))  # in parts, for several processes to share
def test_answers_are_what_was_decided_in_thousands_of_runs(part: int, made: Path, redis_url: str) -> None:
    many = settings(max_examples=FULL_EXAMPLES // PARTS, stateful_step_count=30, deadline=None)
    machine = steps(made, redis_url)
    try:
        run_state_machine_as_test(machine, settings=settings(many, suppress_health_check=list(HealthCheck)))
    finally:
        figure("{runs:,} runs of up to thirty steps", runs=machine.runs)
