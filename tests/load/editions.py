"""An index with several finished snapshots between which the pointer is moved, and what each of them answers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from seealso.article import Article
from seealso.settings import ServiceSettings
from seealso.snapshot.layout import current_id, publish, published_ids
from service.app import create_app
from tests.load.rate import Ask, Outcome, at_once
from tests.load.vital import listeners
from tests.makers import HashEncoder, articles, index_of
from tests.servers import START_SECONDS_MAX, Running, serving
from tests.waiting import wait_until

ARTICLES, EDITIONS = 120, 3
# Every edition has these articles; what they show differs.
HOT = [f"/v1/articles/a{number:03}/related" for number in range(48)]
HTML = [f"{path}.html" for path in HOT[:12]]
SWITCH_SECONDS_MAX = 30.0
# Every worker has to be met, and which one answers is chance.
SEEN_IN_A_ROW = 12
ROUNDS_MAX = 40


@dataclass
class Editions:
    """An index folder, the ids of its snapshots, and by snapshot and path what is answered."""

    index: Path
    ids: Sequence[str]
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)

    def switch(self) -> str:
        """Publish the next snapshot, as the night does, and return it."""
        place = self.ids.index(current_id(self.index))
        publish(self.index, self.ids[(place + 1) % len(self.ids)])
        return current_id(self.index)

    def wrong(self, outcomes: Iterable[Outcome]) -> Iterator[str]:
        """Yield each request that failed, or whose answer is not whole, or not that of one of the snapshots."""
        for outcome in outcomes:
            if outcome.status != 200:
                yield f"{outcome.path}: {outcome.status} {outcome.body[:200]!r}"
            elif self.bodies.get((outcome.snapshot, outcome.path)) != outcome.body:
                yield f"{outcome.path}: {outcome.snapshot} does not answer this: {outcome.body[:200]!r}"


def edition(number: int) -> list[Article]:
    """Return the articles of one edition: every fifth has a title and a text of its own."""
    told = "A summary that says in two lines what the piece is about, so that a block is as long as a newspaper's are."
    given = articles(ARTICLES, summary=told, section="News", language="en", published="2025-03-01")
    return [
        each.model_copy(update={"title": f"{each.title}, {number}", "body": f"{each.body} edition{number} tides bread"})
        if place % 5 == 0
        else each
        for place, each in enumerate(given)
    ]


def made_editions(index: Path) -> Editions:
    """Make an index of all editions, the last one current, and note what each answers."""
    for number in range(EDITIONS):
        index_of(index, edition(number), keep=EDITIONS)
    made = Editions(index, published_ids(index))
    assert len(made.ids) == EDITIONS
    for _ in made.ids:
        snapshot_id = made.switch()
        client = create_app(ServiceSettings(index=index), HashEncoder).test_client()
        for path in (*HOT, *HTML):
            made.bodies[snapshot_id, path] = client.get(path).data
    return made


def wait_for(service: Running, snapshot_id: str) -> None:
    """Return once the workers answer from a snapshot."""
    deadline, seen = monotonic() + SWITCH_SECONDS_MAX, 0
    while seen < SEEN_IN_A_ROW:
        seen = seen + 1 if service.get("/readyz").headers["x-seealso-snapshot"] == snapshot_id else 0
        assert monotonic() < deadline, service.log.read_text()[-2_000:]
        sleep(0.01)


@contextmanager
def all_serving(index: Path, log: Path, workers: int = 2, **settings: str) -> Iterator[Running]:
    """Run `seealso serve` over an index; wait until each of its workers listens, not only the first."""
    with serving(index, log, workers, ready=True, **settings) as service:
        deadline = monotonic() + START_SECONDS_MAX
        while listeners(service.port) < workers:
            assert monotonic() < deadline, log.read_text()[-2_000:]
            sleep(0.02)
        yield service


def wait_for_redis(service: Running) -> None:
    """Return once the workers ask Redis: each has a link of its own, which comes up by itself."""
    wait_until(lambda: {service.get("/version").json()["cache"] for _ in range(SEEN_IN_A_ROW)} == {"up"})


def kept_by_all_workers(service: Running, paths: Sequence[str]) -> None:
    """Ask until every worker has the blocks of all paths in its own copy."""
    for _ in range(ROUNDS_MAX):
        # So often that a worker is left out by chance once in 10,000 runs.
        found = at_once(service.port, [Ask(path) for path in paths for _ in range(16)])
        if all(outcome.level == "copy" for outcome in found):
            return
    raise AssertionError(f"not kept after {ROUNDS_MAX} rounds: {Counter(outcome.level for outcome in found)}")
