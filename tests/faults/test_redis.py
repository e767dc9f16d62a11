"""F1, F2: Redis stopped, hung, killed, emptied, full, locked, spoilt, or behind a bad link, and no reader notices."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import service.link
from service.link import Link, Unreachable
from tests.bad_link import BadLink, bad_link
from tests.faults.redis_server import RedisServer
from tests.faults.trial import FULL, SHORT, Form, answers_of, tried
from tests.servers import Running, serving
from tests.waiting import wait_until

# Nothing is kept in the process: every page view asks Redis.
NO_COPIES = {"SEEALSO_COPIES_MB": "0"}
# In the short form, a machine that is busy with other tests is no service that has too much to do.
PATIENT = {"SEEALSO_WAIT_MS": "20000", "SEEALSO_REDIS_TIMEOUT_MS": "100"}
HUNG = Form(None, 15.0, 60.0)


@pytest.fixture(scope="module")
def link(redis_server: RedisServer) -> Iterator[BadLink]:
    with bad_link(("127.0.0.1", redis_server.port)) as proxy:
        yield proxy


@dataclass(frozen=True, slots=True)
class Asked:
    """A service, and what it answers to each path when all is well."""

    service: Running
    expected: dict[str, bytes]


@contextmanager
def asked(index: Path, folder: Path, redis_url: str, **settings: str) -> Iterator[Asked]:
    """Run a service whose Redis is elsewhere."""
    variables = {"SEEALSO_REDIS_URL": redis_url} | NO_COPIES | settings
    with serving(index, folder / "log", 2, True, **variables) as running:
        yield Asked(running, answers_of(running))


@pytest.fixture(scope="module")
def near(index: Path, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A service beside its Redis."""
    with asked(index, tmp_path_factory.mktemp("near"), redis_server.url, **PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def far(index: Path, link: BadLink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A service whose way to Redis is bad."""
    with asked(index, tmp_path_factory.mktemp("far"), f"redis://127.0.0.1:{link.port}", **PATIENT) as running:
        yield running


@contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    server.end(signal.SIGTERM)
    yield
    server.start()


@contextmanager
def killed(server: RedisServer) -> Iterator[None]:
    server.end(signal.SIGKILL)
    yield
    server.start()


@contextmanager
def hung(server: RedisServer) -> Iterator[None]:
    with server.hanging():
        yield


@contextmanager
def restarted_empty(server: RedisServer) -> Iterator[None]:
    server.end(signal.SIGKILL)
    server.start()
    yield


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    """Nothing more goes in, and what is in goes out after a while."""
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        client.flushall()
        yield
        client.config_set("maxmemory", "0")


@contextmanager
def password_changed(server: RedisServer) -> Iterator[None]:
    server.end(signal.SIGKILL)
    server.start("another")
    yield
    server.end(signal.SIGKILL)
    server.start()


@contextmanager
def spoilt(server: RedisServer) -> Iterator[None]:
    with server.spoiling():
        yield


Fault = Callable[[RedisServer], AbstractContextManager[None]]
# Each with whether the service has to go on without Redis as long as it lasts.
FAULTS: list[tuple[Fault, bool]] = [
    (stopped, True),
    (killed, True),
    (hung, True),
    (restarted_empty, False),
    (full, False),
    (password_changed, True),
    (spoilt, False),
]


@pytest.mark.parametrize(("fault", "given_up"), FAULTS)
def test_redis_that_fails_fails_no_page_view(
    near: Asked, redis_server: RedisServer, fault: Fault, given_up: bool
) -> None:
    tried(fault.__name__, near.service, near.expected, fault(redis_server), SHORT, given_up).check_answers()


def test_redis_that_was_gone_for_hours_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.link, "TRIAL_SECONDS", 0.001)  # an hour's trials in some seconds
    failures: list[str] = []
    with RedisServer() as server:
        link = Link(server.url, 1_000, 2, failures.append)
        wait_until(lambda: link.up)
        server.end(signal.SIGKILL)
        with suppress(Unreachable):
            while True:
                link.call("PING")
        wait_until(lambda: len(failures) > 2_000)
        server.start()
        wait_until(lambda: link.up)
        assert link.call("PING") == b"PONG"
        link.close()


@contextmanager
def late(link: BadLink) -> Iterator[None]:
    link.late_s = 2.0
    yield
    link.well()


@contextmanager
def resetting(link: BadLink) -> Iterator[None]:
    link.reset = True
    link.break_all()
    yield
    link.well()


@contextmanager
def in_single_bytes(link: BadLink) -> Iterator[None]:
    link.slice_bytes, link.pause_s = 1, 0.001
    yield
    link.well()


@contextmanager
def a_kilobyte_a_second(link: BadLink) -> Iterator[None]:
    link.slice_bytes, link.pause_s = 100, 0.1
    yield
    link.well()


LinkFault = Callable[[BadLink], AbstractContextManager[None]]
LINK_FAULTS: list[LinkFault] = [late, resetting, in_single_bytes, a_kilobyte_a_second]


@pytest.mark.parametrize("fault", LINK_FAULTS)
def test_bad_link_to_redis_fails_no_page_view(far: Asked, link: BadLink, fault: LinkFault) -> None:
    tried(fault.__name__, far.service, far.expected, fault(link), SHORT, given_up=True).check_answers()


# the full form: the service as it is by default, at nearly all that the machine can do


@pytest.mark.torture
@pytest.mark.row("F1")
@pytest.mark.parametrize(("fault", "given_up"), FAULTS)
def test_redis_that_fails_costs_little_and_soon_nothing(
    index: Path, redis_server: RedisServer, tmp_path: Path, fault: Fault, given_up: bool
) -> None:
    form = HUNG if fault is hung else FULL
    with asked(index, tmp_path, redis_server.url) as near:
        tried(fault.__name__, near.service, near.expected, fault(redis_server), form, given_up).check()


@pytest.mark.torture
@pytest.mark.row("F2")
@pytest.mark.parametrize("fault", LINK_FAULTS)
def test_bad_link_to_redis_costs_little_and_soon_nothing(
    index: Path, link: BadLink, tmp_path: Path, fault: LinkFault
) -> None:
    with asked(index, tmp_path, f"redis://127.0.0.1:{link.port}") as far:
        tried(fault.__name__, far.service, far.expected, fault(link), FULL, given_up=True).check()
