"""N1: nights killed at any moment under load. No request fails, each answer is one whole snapshot's, the next mends."""

import random
import signal
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from indexer.report import REPORTS_KEPT
from seealso.encoder import LOT_PASSAGES
from seealso.snapshot.layout import VECTORS, current_id
from tests.figures import figure
from tests.makers import articles
from tests.night.newsroom import ASKED, EDITIONS, KEEP, Newsroom, Sources, answers_of, check_remains, under_load
from tests.night.points import Call, calls_of, each_named
from tests.night.run import Nights, write_lines
from tests.night.shim import KILL_AFTER, KILL_BEFORE, KILL_HALFWAY
from tests.servers import serving

CHANGING = ("write", "fsync", "rename", "truncate", "unlink", "mkdir", "chmod")
# In the short form: the others leave what the next of these leaves.
NAMED = ("write", "fsync", "rename", "unlink", "mkdir")
# Of those at random moments: the others end before they are killed.
KILLED_SHARE_MIN = 0.5
ACTIONS = {"before": KILL_BEFORE, "halfway": KILL_HALFWAY, "after": KILL_AFTER}


@dataclass(frozen=True, slots=True)
class Point:
    """Where a night is killed; `first`: it is one that finds no vectors."""

    word: str
    call: Call
    first: bool = False

    def __str__(self) -> str:
        return f"{self.word} {self.call}{', vectors lost' if self.first else ''}"


@pytest.fixture(scope="module")
def expected(
    nights: Nights, source: Sources, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Any]:
    """What each edition answers to each path: by the beginning of its content's digest, and path."""
    found: dict[tuple[str, str], Any] = {}
    for number in range(EDITIONS):
        index = tmp_path_factory.mktemp("edition")
        content = nights.run(index, source(number)).report["content"]
        found |= {(content[:12], path): answer for path, answer in answers_of(index, redis_url).items()}
    assert len(found) == EDITIONS * len(ASKED)
    return found


@pytest.fixture(scope="module")
def newsroom(
    nights: Nights, source: Sources, expected: dict[tuple[str, str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newsroom]:
    """The one of the short form: a machine that is busy with other tests is no service that has too much to do."""
    with served(nights, source, expected, tmp_path_factory.mktemp("newsroom"), SEEALSO_WAIT_MS="20000") as newsroom:
        yield newsroom


@pytest.fixture(scope="module")
def own_newsroom(
    nights: Nights, source: Sources, expected: dict[tuple[str, str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newsroom]:
    """The one of the full form, served by the defaults."""
    with served(nights, source, expected, tmp_path_factory.mktemp("newsroom")) as newsroom:
        yield newsroom


@contextmanager
def served(
    nights: Nights, source: Sources, expected: dict[tuple[str, str], Any], folder: Path, **settings: str
) -> Iterator[Newsroom]:
    """Serve an index with as many snapshots as are kept, so that each night clears one away."""
    first = [nights.run(folder / "index", source(number), keep=KEEP).snapshot for number in range(EDITIONS)]
    with serving(folder / "index", folder / "log", 2, True, SEEALSO_SNAPSHOT_POLL_MS="20", **settings) as service:
        yield Newsroom(nights, source, folder / "index", service, expected, set(first), EDITIONS - 1)


def named_points(newsroom: Newsroom) -> dict[str, Point]:
    """Return where to kill, by name: after the last call of each name that changes something, halfway through a write.

    By then all editions are known, so that a night does what the nights after it do.
    """
    trace = newsroom.publish().trace
    calls = calls_of(trace)
    points = {}
    for name, places in each_named(trace).items():
        if name.startswith(NAMED):
            points[f"after {name}"] = Point("after", calls[places[-1] - 1])
        if name.startswith("write"):
            points[f"halfway {name}"] = Point("halfway", calls[places[0] - 1])
    return points


def every_point(newsroom: Newsroom) -> list[Point]:
    """Return where to kill: around every call that changes something, in a newsroom that is months old.

    Of a night that finds no vectors: around those on their file.
    """
    for _ in range(REPORTS_KEPT):
        newsroom.publish()
    usual = dict.fromkeys(call for _ in range(EDITIONS) for call in calls_of(newsroom.publish().trace))
    newsroom.lose_vectors()
    first = [call for call in calls_of(newsroom.publish().trace) if VECTORS in call.path]
    return [*around(usual), *around(first, first=True)]


def around(calls: Iterable[Call], first: bool = False) -> Iterator[Point]:
    """Yield the points before, halfway through and after each call that changes something."""
    for call in calls:
        words = ACTIONS if call.kind == "write" else ("before", "after")
        if call.kind in CHANGING:
            yield from (Point(word, call, first) for word in words)


def kill_at(newsroom: Newsroom, point: Point) -> bool:
    """Kill a night at a point; return whether one came to it, of one over each edition."""
    for _ in range(EDITIONS):
        if point.first:
            newsroom.lose_vectors()
        code = newsroom.kill(fault=point.call.fault(ACTIONS[point.word]))
        if code == -signal.SIGKILL:
            return True
        assert code == 0, point
    return False


def check_points(newsroom: Newsroom, points: Collection[Point], heavy: bool = False) -> None:
    """Kill a night at each point under load."""
    wrong = []
    with under_load(newsroom, heavy):
        for point in points:
            if not kill_at(newsroom, point):
                wrong.append(f"{point}: no night came to it")
            wrong += check_remains(newsroom, str(point))
    figure(f"killed at {len(points)} points, {len(wrong)} wrong outcomes")
    assert not wrong, "\n".join(wrong)


def check_moments(newsroom: Newsroom, count: int, seed: int, heavy: bool = False) -> None:
    """Kill nights at random moments under load; each within the time that the night before took, so that most come."""
    moments = random.Random(seed)
    wrong, ends = [], []
    with under_load(newsroom, heavy):
        newsroom.publish()
        for number in range(count):
            ends.append(newsroom.kill(kill_after_s=moments.uniform(0, newsroom.night_s)))
            wrong += check_remains(newsroom, f"random moment {number}")
    killed = ends.count(-signal.SIGKILL)
    figure(f"killed at {killed} of {count} random moments, the other nights had ended; {len(wrong)} wrong outcomes")
    assert not wrong, "\n".join(wrong)
    assert set(ends) <= {-signal.SIGKILL, 0}
    assert killed >= KILLED_SHARE_MIN * count


def test_the_named_points_cover_each_write_fsync_rename_pointer_move_and_clean_up(newsroom: Newsroom) -> None:
    names = named_points(newsroom)
    for part in (
        "after mkdir /snapshots/.building",
        "halfway write /snapshots/.building/DATA",
        "after fsync /snapshots/.building/DATA",
        "after fsync /snapshots/.building/manifest.json",
        "after rename /snapshots/ID",
        "halfway write /.CURRENT.new",
        "after rename /CURRENT",
        "after unlink /snapshots/.building",
    ):
        assert part in names, f"{part} in {[*names]}"


def test_a_night_is_killed_at_the_call_that_is_named(newsroom: Newsroom) -> None:
    before = newsroom.again().snapshot
    for word, moved in (("before", False), ("after", True)):
        assert kill_at(newsroom, Point(word, Call("rename", "/CURRENT", 1)))
        assert (current_id(newsroom.index) != before) == moved, word
    newsroom.again()


def test_a_point_that_no_night_comes_to_is_told(newsroom: Newsroom) -> None:
    assert not kill_at(newsroom, Point("before", Call("rename", "/CURRENT", 2)))


def test_killed_at_each_named_point_no_request_fails(newsroom: Newsroom) -> None:
    check_points(newsroom, named_points(newsroom).values())


def test_killed_at_a_random_moment_no_request_fails(newsroom: Newsroom) -> None:
    check_moments(newsroom, 8, seed=4)


def test_a_killed_night_goes_on_where_it_stopped(nights: Nights, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "many.jsonl", articles(2 * LOT_PASSAGES + 50))
    full = nights.run(tmp_path / "full", source)
    assert full.report["embedded"] == 2 * LOT_PASSAGES + 50
    killed = nights.run(tmp_path / "index", source, model="die-3")
    assert killed.code == -signal.SIGKILL
    night = nights.run(tmp_path / "index", source)
    assert (night.report["embedded"], night.report["reused"]) == (50, 2 * LOT_PASSAGES)
    assert night.report["content"] == full.report["content"]


@pytest.mark.torture
@pytest.mark.row("N1")
def test_killed_around_every_call_no_request_fails(own_newsroom: Newsroom) -> None:
    check_points(own_newsroom, every_point(own_newsroom))


@pytest.mark.torture
@pytest.mark.row("N1")
def test_killed_at_200_random_moments_no_request_fails(own_newsroom: Newsroom) -> None:
    check_moments(own_newsroom, 200, seed=200, heavy=True)


@pytest.mark.torture
@pytest.mark.row("N1")
def test_killed_at_each_named_point_under_heavy_load_no_request_fails(own_newsroom: Newsroom) -> None:
    check_points(own_newsroom, named_points(own_newsroom).values(), heavy=True)
