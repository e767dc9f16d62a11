"""Two machines that take their snapshots from one bucket, as real service processes on two index folders.

They share a PostgreSQL and a real S3-compatible server, whose wire is cut and held up.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexer.build import Limits, build_index
from indexer.delivery import Delivery
from indexer.progress import Silent
from indexer.report import Report
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.snapshot.objects import Objects
from seealso.snapshot.store import SnapshotStore
from tests.makers import ANY_NIGHT, GivenArticles, HashEncoder, articles
from tests.postgres import postgres_schema
from tests.s3 import S3Server
from tests.servers import Running, serving
from tests.waiting import wait_until

pytestmark = pytest.mark.row("M2")

POLL_S = 0.5
SECONDS_MAX = 60


@dataclass(frozen=True)
class Newsroom:
    """Two machines, the store they follow, and where nights run."""

    one: Running
    two: Running
    store: SnapshotStore
    night_folder: Path
    key: str

    def night(self, count: int) -> str:
        """Run a night of so many articles, and return its snapshot."""
        report = Report()
        build_index(
            [GivenArticles(articles(count))],
            self.night_folder,
            HashEncoder,
            Limits(gates=ANY_NIGHT),
            report,
            Silent(),
            delivery=Delivery(self.store, wait_s=30, keep=3, pause_s=0.1),
        )
        assert report.snapshot is not None
        assert report.notices == []
        return report.snapshot

    def served(self) -> list[str | None]:
        return [each.get("/version").json()["snapshot"] for each in (self.one, self.two)]

    def wait_until_served(self, snapshot_id: str) -> None:
        wait_until(lambda: self.served() == [snapshot_id] * 2)


@pytest.fixture
def newsroom(s3: S3Server, tmp_path: Path) -> Iterator[Newsroom]:
    with ExitStack() as running:
        address = running.enter_context(postgres_schema())
        url = f"s3://{s3.bucket()}/seealso"
        settings = {
            "SEEALSO_SNAPSHOT_STORE": url,
            "SEEALSO_SNAPSHOT_STORE_POLL_S": str(POLL_S),
            "SEEALSO_SNAPSHOT_POLL_MS": "100",
            "SEEALSO_EDITORIAL": address,
        }
        one, two = (
            running.enter_context(
                serving(tmp_path / name / "index", tmp_path / f"{name}.log", workers=1, ready=False, **settings)
            )
            for name in ("one", "two")
        )
        store = Store(tmp_path / "one" / "index", address)
        key = create_key(store, "Ann", "admin", "x")[1]
        store.close()
        yield Newsroom(one, two, SnapshotStore(url), tmp_path / "night", key)


def test_two_machines_serve_what_a_night_delivers_and_what_is_rolled_back(newsroom: Newsroom, s3: S3Server) -> None:
    assert newsroom.one.get("/readyz").status == 503  # nothing has been delivered yet
    first = newsroom.night(6)
    newsroom.wait_until_served(first)

    # An article taken down by way of one machine is shown by neither, whichever snapshot they serve.
    taken = newsroom.one.send("POST", "/v1/articles/a003/takedown", {"reason": "a court order"}, newsroom.key)
    assert taken.status in (200, 202), taken.body
    if taken.status == 202:  # the other did not say in time that it knows
        wait_until(lambda: gone(newsroom) == [410, 410])
    assert gone(newsroom) == [410, 410]
    second = newsroom.night(9)
    newsroom.wait_until_served(second)
    for machine in (newsroom.one, newsroom.two):
        block = machine.get("/v1/articles/a000/related?min_probability=0&limit=50")
        assert "a003" not in {card["id"] for card in block.json()["related"]}
        assert f"snapshot:{second}" in block.headers["surrogate-key"].split()
    assert gone(newsroom) == [410, 410]

    told = newsroom.two.send("POST", f"/v1/snapshots/{first}/rollback", {"reason": "a broken feed"}, newsroom.key)
    assert told.status in (200, 202), told.body
    assert told.json()["before"] == second
    newsroom.wait_until_served(first)
    assert gone(newsroom) == [410, 410]

    # The store is gone: both answer as before, and say so; once it is back, the next night reaches them.
    s3.wire.gone = True
    s3.wire.cut()
    wait_until(lambda: 'seealso_snapshot_store_failures_total{kind="unreachable"} 0.0' not in metrics(newsroom.one))
    assert newsroom.served() == [first, first]
    assert newsroom.one.get("/v1/articles/a000/related").status == 200
    s3.wire.gone = False
    third = newsroom.night(12)
    newsroom.wait_until_served(third)

    # A changed byte: nobody takes it.
    fourth = str(index_and_push(newsroom, 15))
    name = f"snapshots/{fourth}/cards.bin"
    there = Objects(newsroom.store.url)
    there.write(name, (there.read(name) or b"")[:-1] + b"?")
    newsroom.store.point(fourth)
    wait_until(lambda: all("is not as it was written" in str(warnings(each)) for each in (newsroom.one, newsroom.two)))
    assert newsroom.served() == [third, third]
    assert "seealso_snapshot_store_behind 1.0" in metrics(newsroom.two)
    newsroom.store.point(third)
    wait_until(lambda: warnings(newsroom.one) == warnings(newsroom.two) == [])


def gone(newsroom: Newsroom) -> list[int]:
    """Return how each machine answers for the article that was taken down."""
    return [each.get("/v1/articles/a003/related").status for each in (newsroom.one, newsroom.two)]


def index_and_push(newsroom: Newsroom, count: int) -> str | None:
    """Have a snapshot in the store that is not current."""
    report = Report()
    build_index(
        [GivenArticles(articles(count))], newsroom.night_folder, HashEncoder, Limits(gates=ANY_NIGHT), report, Silent()
    )
    newsroom.store.push(newsroom.night_folder / "snapshots" / str(report.snapshot))
    return report.snapshot


def metrics(service: Running) -> str:
    return service.get("/metrics").body.decode()


def warnings(service: Running) -> object:
    return service.get("/v1/status").json()["warnings"]
