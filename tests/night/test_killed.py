"""N1: nights killed at any moment under load. No request fails, each answer is one whole snapshot's, the next mends."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.embedding import LOT_PASSAGES
from seealso.snapshot.layout import published_ids
from tests.makers import articles
from tests.night.newsroom import ASKED, EDITIONS, KEEP, Newsroom, Sources, answers_of, check_remains, under_load
from tests.night.points import each_named
from tests.night.run import Nights, write_lines
from tests.night.shim import KILL_AFTER, KILL_BEFORE, KILL_HALFWAY, Fault
from tests.servers import serving

CHANGING = ("write", "fsync", "rename", "truncate", "unlink", "mkdir", "chmod")
# In the short form: the others leave what the next of these leaves.
NAMED = ("write", "fsync", "rename", "unlink", "mkdir")


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
    """A served index with as many snapshots as are kept, so that each night clears one away."""
    folder = tmp_path_factory.mktemp("newsroom")
    first = [nights.run(folder / "index", source(number), keep=KEEP).snapshot for number in (0, 1)]
    with serving(folder / "index", folder / "log", SEEALSO_SNAPSHOT_POLL_MS="20") as service:
        yield Newsroom(nights, source, folder / "index", service, expected, set(first), 1)


def points_of(newsroom: Newsroom, every: bool) -> list[tuple[str, Fault]]:
    """Return where to kill: after the last call of each name that changes something, or around every one."""
    newsroom.edition = (newsroom.edition + 1) % EDITIONS
    trace = newsroom.nights.run(newsroom.index, newsroom.source(newsroom.edition), keep=KEEP).trace
    newsroom.published |= set(published_ids(newsroom.index))
    if every:
        actions = (("before", KILL_BEFORE), ("halfway", KILL_HALFWAY), ("after", KILL_AFTER))
        return [
            (f"{word} {line}", Fault("any", place, action))
            for place, line in enumerate(trace, 1)
            for word, action in actions
            if line.startswith(CHANGING) and (word != "halfway" or line.startswith("write"))
        ]
    points = []
    for name, places in each_named(trace).items():
        if name.startswith(NAMED):
            points.append((f"after {name}", Fault("any", places[-1], KILL_AFTER)))
        if name.startswith("write"):
            points.append((f"halfway {name}", Fault("any", places[0], KILL_HALFWAY)))
    return points


def check_points(newsroom: Newsroom, every: bool, heavy: bool = False) -> None:
    """Kill a night at each point under load."""
    points = points_of(newsroom, every)
    wrong = []
    with under_load(newsroom, heavy):
        for name, fault in points:
            assert newsroom.kill(fault=fault) == -signal.SIGKILL, name
            wrong += check_remains(newsroom, name)
    assert not wrong, "\n".join(wrong)


def check_moments(newsroom: Newsroom, count: int, seed: int, heavy: bool = False) -> None:
    """Kill nights at random moments under load."""
    moments = random.Random(seed)
    began = time.monotonic()
    newsroom.publish()
    night_s = time.monotonic() - began
    wrong, ends = [], []
    with under_load(newsroom, heavy):
        for number in range(count):
            ends.append(newsroom.kill(kill_after_s=moments.uniform(0, night_s)))
            wrong += check_remains(newsroom, f"random moment {number}")
    assert not wrong, "\n".join(wrong)
    assert -signal.SIGKILL in ends


def test_the_named_points_cover_each_write_fsync_rename_pointer_move_and_clean_up(newsroom: Newsroom) -> None:
    names = [name for name, _ in points_of(newsroom, every=False)]
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
        assert part in names, f"{part} in {names}"


def test_killed_at_each_named_point_no_request_fails(newsroom: Newsroom) -> None:
    check_points(newsroom, every=False)


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
def test_killed_around_every_call_no_request_fails(newsroom: Newsroom) -> None:
    check_points(newsroom, every=True)


@pytest.mark.torture
def test_killed_at_200_random_moments_no_request_fails(newsroom: Newsroom) -> None:
    check_moments(newsroom, 200, seed=200, heavy=True)


@pytest.mark.torture
def test_killed_at_each_named_point_under_heavy_load_no_request_fails(newsroom: Newsroom) -> None:
    check_points(newsroom, every=False, heavy=True)
