"""F6: PostgreSQL is down, SQLite locked, the disk full: pages are viewed, who decides something is told that it is not
done, and nothing that was acknowledged is lost.
"""

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from seealso.editorial.keys import create_key
from seealso.editorial.store import DATABASE, Store
from tests.bad_link import BadLink, bad_link
from tests.faults.trial import FULL, PATHS, SHORT, Form, answers_of, p99_ms, per_second, waited_in_vain
from tests.figures import figure
from tests.load.rate import Rate, blocks
from tests.makers import articles, index_of
from tests.postgres import postgres_schema
from tests.servers import Running, serving

PATIENT = {"SEEALSO_WAIT_MS": "20000", "SEEALSO_SNAPSHOT_POLL_MS": "100"}
TOLD = "A summary that says in two lines what the piece is about, so that a block is as long as a newspaper's are."
SECONDS_MAX = 30.0
# The fault begins with a running service, and ends with the block.
Fault = Callable[[Running, Path, BadLink | None], AbstractContextManager[None]]


@contextmanager
def locked(_: Running, index: Path, __: BadLink | None) -> Iterator[None]:
    """Another program holds the database, and does not let go."""
    with sqlite3.connect(index / DATABASE) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.rollback()


@contextmanager
def full(service: Running, index: Path, _: BadLink | None) -> Iterator[None]:
    """No file that the service writes may become longer, as on a disk that is full."""
    before = {process: resource.prlimit(process, resource.RLIMIT_FSIZE) for process in service.workers()}
    for process, (_soft, hard) in before.items():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1_024, hard))
    yield
    for process, limits in before.items():
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)


@contextmanager
def gone(_: Running, __: Path, link: BadLink | None) -> Iterator[None]:
    """The database server breaks off all connections, old and new."""
    assert link is not None
    link.reset = True
    link.break_all()
    yield
    link.well()


@contextmanager
def hung(_: Running, __: Path, link: BadLink | None) -> Iterator[None]:
    """The database server does not answer."""
    assert link is not None
    link.late_s = 600.0
    yield
    link.break_all()
    link.well()


FAULTS: list[tuple[Fault, bool]] = [(locked, False), (full, False), (gone, True), (hung, True)]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path / "index", articles(60, summary=TOLD, section="News", language="en", published="2025-03-01"))
    return tmp_path / "index"


@contextmanager
def shared(address: str) -> Iterator[tuple[BadLink, str]]:
    """Give a way to a PostgreSQL that can be broken, and its address."""
    with psycopg.connect(address) as connection:
        target = connection.info.host, connection.info.port
    with bad_link(target) as link:
        url = sa.make_url(address).set(host="127.0.0.1", port=link.port)
        yield link, url.render_as_string(hide_password=False)


def take_down(service: Running, key: str, article_id: str) -> int:
    return service.send("POST", f"/v1/articles/{article_id}/takedown", {"reason": "tried"}, key).status


def take_down_once_it_can_be(service: Running, key: str, article_id: str) -> None:
    end = time.monotonic() + SECONDS_MAX
    while (status := take_down(service, key, article_id)) not in (200, 202):
        assert status == 503
        assert time.monotonic() < end
        time.sleep(0.05)


def down(service: Running) -> set[str]:
    """Return which of the articles that were tried are down."""
    statuses = {number: service.get(f"/v1/articles/a{number:03}/related").status for number in range(50, 60)}
    assert set(statuses.values()) <= {200, 410}
    return {f"a{number:03}" for number, status in statuses.items() if status == 410}


def tried(index: Path, folder: Path, fault: Fault, form: Form, link: BadLink | None, settings: dict[str, str]) -> None:
    """Take articles down before, in and after a fault, while pages are viewed."""
    with closing(Store(index, settings.get("SEEALSO_EDITORIAL"))) as store:
        key = create_key(store, "F6", "editor", "test")[1]
    with serving(index, folder / "log", 2, True, **settings) as service:
        expected = answers_of(service, PATHS[:40])
        assert take_down(service, key, "a050") in (200, 202)
        share = per_second(service, expected, form)
        with Rate(service.port, blocks(expected), share) as rate:
            time.sleep(form.steady_s)
            began = time.monotonic()
            with fault(service, index, link):
                refused = service.send("POST", "/v1/articles/a051/takedown", {"reason": "tried"}, key)
                assert (refused.status, refused.json()["type"]) == (503, "urn:seealso:problem:editorial-unavailable")
                assert refused.headers["retry-after"]
                assert "a050" in down(service)
                time.sleep(max(0.0, began + form.fault_s - time.monotonic()))
                ended = time.monotonic()
            take_down_once_it_can_be(service, key, "a052")
            assert down(service) - {"a051"} == {"a050", "a052"}
    wrong = [each for each in rate.outcomes if each.status != 200]
    if form is SHORT:  # but for who met what was decided before the fault, or after it
        wrong = [
            each
            for each in wrong
            if (began <= each.due + each.seconds and each.due <= ended)
            or not waited_in_vain(each.status, each.body, each.seconds)
        ]
    figure(
        f"{fault.__name__}: {len(rate.outcomes):,} page views, {share:.0f} a second, {len(wrong)} failed; p99 "
        f"{p99_ms(rate.outcomes, 0, began):.1f} ms before, {p99_ms(rate.outcomes, began, ended):.1f} ms meanwhile"
    )
    assert not wrong, wrong[:3]
    with serving(index, folder / "log", 2, True, **settings) as service:
        assert down(service) - {"a051"} == {"a050", "a052"}


@pytest.mark.parametrize(("fault", "on_server"), FAULTS)
def test_pages_are_viewed_and_nothing_acknowledged_is_lost(
    index: Path, tmp_path: Path, fault: Fault, on_server: bool
) -> None:
    if not on_server:
        tried(index, tmp_path, fault, SHORT, None, PATIENT)
        return
    with postgres_schema() as address, shared(address) as (link, url):
        tried(index, tmp_path, fault, SHORT, link, PATIENT | {"SEEALSO_EDITORIAL": url})


@pytest.mark.torture
@pytest.mark.row("F6")
@pytest.mark.parametrize(("fault", "on_server"), FAULTS)
def test_the_same_under_heavy_load(index: Path, tmp_path: Path, fault: Fault, on_server: bool) -> None:
    if not on_server:
        tried(index, tmp_path, fault, FULL, None, {})
        return
    with postgres_schema() as address, shared(address) as (link, url):
        tried(index, tmp_path, fault, FULL, link, {"SEEALSO_EDITORIAL": url})
