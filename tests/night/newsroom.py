"""A newsroom whose index is served under load while its nights are killed, and what must hold of it at any time."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from seealso.errors import SnapshotRefused
from seealso.settings import ServiceSettings
from seealso.snapshot.layout import SNAPSHOTS, VECTORS, published_ids, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from service.app import create_app
from tests.figures import figure
from tests.makers import HashEncoder
from tests.night.load import Load, Outcome, saturation
from tests.night.run import Night, Nights
from tests.servers import Running

Sources = Callable[[int], Path]
EDITIONS = 3
KEEP = 2
# Articles that every edition has.
ASKED = [f"/v1/articles/a{number:03}/related?limit=8" for number in range(24)]
PER_SECOND = 30.0
# What faults are shown under in the full form: nearly all that the machine can do.
SATURATION_SHARE = 0.7
SWITCH_SECONDS_MAX = 30.0


@dataclass
class Newsroom:
    """An index that is being served, and everything that has ever been published in it.

    `night_s`: how long the last night took that went through.
    """

    nights: Nights
    source: Sources
    index: Path
    service: Running
    expected: dict[tuple[str, str], Any]
    published: set[str] = field(default_factory=set)
    edition: int = 0
    night_s: float = 0.0

    def publish(self) -> Night:
        """Have a night over another edition go through."""
        self.edition = (self.edition + 1) % EDITIONS
        return self.again()

    def again(self) -> Night:
        """Have the next night go through, over the same articles."""
        began = time.monotonic()
        night = self.nights.run(self.index, self.source(self.edition), keep=KEEP)
        self.night_s = time.monotonic() - began
        self.published |= {night.snapshot, *published_ids(self.index)}
        return night

    def kill(self, **how: Any) -> int:
        """Have a night over another edition killed; return what it ended with."""
        self.edition = (self.edition + 1) % EDITIONS
        night = self.nights.run(self.index, self.source(self.edition), keep=KEEP, **how)
        self.published |= set(published_ids(self.index))
        return night.code

    def lose_vectors(self) -> None:
        """Remove what was embedded: the next night begins that file anew, as the first one did."""
        for path in self.index.glob(f"{VECTORS}*"):
            path.unlink()


def answers_of(index: Path, redis_url: str) -> dict[str, Any]:
    """Return what a snapshot answers to each path, without its id."""
    settings = ServiceSettings(index=index, redis_url=redis_url, redis_timeout_ms=1_000)
    app = create_app(settings, HashEncoder)
    client = app.test_client()
    answers = {path: without_id(client.get(path).data)[1] for path in ASKED}
    app.extensions["seealso"].cache.close()
    return answers


def without_id(body: bytes) -> tuple[str, Any]:
    """Return an answer's snapshot and the rest of it."""
    fields = orjson.loads(body)
    return fields.pop("snapshot"), fields


@contextmanager
def under_load(newsroom: Newsroom, heavy: bool = False) -> Iterator[None]:
    """Ask for blocks at a fixed rate meanwhile; then hold each answer against what its snapshot answers.

    The rate is PER_SECOND or, if it is to be heavy, SATURATION_SHARE of what the service and its askers can do here.
    """
    host, port = newsroom.service.url.removeprefix("http://").split(":")
    per_second = SATURATION_SHARE * saturation(host, int(port), ASKED) if heavy else PER_SECOND
    with Load(host, int(port), ASKED, per_second) as load:
        yield
        wait_for(newsroom, newsroom.publish().snapshot)
    wrong = [*wrong_answers(load.outcomes, newsroom)]
    figure(f"{len(load.outcomes):,} requests, {per_second:,.0f} a second, {len(wrong)} failed")
    assert len(load.outcomes) > per_second
    assert not wrong, f"{len(wrong)} of {len(load.outcomes)}: {wrong[:5]}"


def wait_for(newsroom: Newsroom, snapshot_id: str) -> None:
    """Return once both workers answer from a snapshot."""
    deadline = time.monotonic() + SWITCH_SECONDS_MAX
    seen = 0
    while seen < 8:
        seen = seen + 1 if newsroom.service.get(ASKED[0]).json()["snapshot"] == snapshot_id else 0
        assert time.monotonic() < deadline, newsroom.service.log.read_text()[-2_000:]
        time.sleep(0.02)


def wrong_answers(outcomes: Iterable[Outcome], newsroom: Newsroom) -> Iterator[str]:
    """Yield each request that failed, or whose answer is not that of a published snapshot."""
    for outcome in outcomes:
        if outcome.status != 200:
            yield f"{outcome.path}: {outcome.status} {outcome.body[:200]!r}"
            continue
        snapshot_id, fields = without_id(outcome.body)
        if snapshot_id not in newsroom.published:
            yield f"{outcome.path}: of {snapshot_id}, which was never published"
        elif fields != newsroom.expected[snapshot_id.rpartition("-")[2], outcome.path]:
            yield f"{outcome.path}: {snapshot_id} does not answer this: {outcome.body[:200]!r}"


def check_remains(newsroom: Newsroom, name: str) -> list[str]:
    """Return what is wrong after a kill, before and after the next night."""
    wrong = []
    for snapshot_id in published_ids(newsroom.index):
        try:
            open_snapshot(snapshot_folder(newsroom.index, snapshot_id))
        except SnapshotRefused as error:
            wrong.append(f"{name}: has a snapshot's name and is broken: {error}")
    if open_current(newsroom.index).id not in newsroom.published:
        wrong.append(f"{name}: what is current was never published")
    snapshot_id = newsroom.again().snapshot
    if open_current(newsroom.index).id != snapshot_id:
        wrong.append(f"{name}: the next night is not current")
    names = [path.name for path in [*newsroom.index.iterdir(), *(newsroom.index / SNAPSHOTS).iterdir()]]
    if hidden := [each for each in names if each.startswith(".")]:
        wrong.append(f"{name}: the next night left {hidden}")
    if len(published_ids(newsroom.index)) > KEEP:
        wrong.append(f"{name}: the next night left {published_ids(newsroom.index)}")
    return wrong
