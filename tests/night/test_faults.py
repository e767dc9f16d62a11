"""N2: whatever call to the disk fails in a night, readers have one whole snapshot, and the run says what happened."""

import errno
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import SNAPSHOTS, current_or_none, published_ids, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.figures import figure
from tests.night.points import each_named, first_and_last, name_of
from tests.night.run import Night, Nights
from tests.night.shim import KINDS, Fault

Sources = Callable[[int], Path]
# Which errnos a kind of call gives on a real disk, besides EIO.
OTHERS = {
    "open": (errno.ENOSPC, errno.EINTR, errno.EMFILE),
    "read": (errno.EINTR,),
    "write": (errno.ENOSPC, errno.EINTR),
    "fsync": (errno.ENOSPC, errno.EINTR),
    "rename": (errno.ENOSPC,),
    "mmap": (errno.ENOMEM,),
    "truncate": (errno.ENOSPC, errno.EINTR),
    "mkdir": (errno.ENOSPC,),
}


@dataclass(frozen=True)
class Before:
    """An index before a night (`snapshot` None: before the first), and the calls that the night makes."""

    index: Path
    snapshot: str | None
    trace: list[str]

    def numbers(self, kind: str, every: bool) -> list[int]:
        """Return which calls of a kind are to fail: each, or the first and last on each file."""
        own = self.calls(kind)
        if every:
            return list(range(1, len(own) + 1))
        return sorted(number for places in each_named(own).values() for number in first_and_last(places))

    def calls(self, kind: str) -> list[str]:
        """Return all calls of a kind, in order."""
        return [line for line in self.trace if line.split(" ", 1)[0] == kind]


def before_night(nights: Nights, source: Sources, folder: Path, first: bool) -> Before:
    """Return an index as a night finds it, the first or the second."""
    index = folder / "index"
    index.mkdir()
    snapshot = None if first else nights.run(index, source(0)).snapshot
    shutil.copytree(index, folder / "traced")
    night = nights.run(folder / "traced", source(1))
    assert night.code == 0, night.said
    return Before(index, snapshot, night.trace)


@pytest.fixture(scope="module")
def second_night(nights: Nights, source: Sources, tmp_path_factory: pytest.TempPathFactory) -> Before:
    return before_night(nights, source, tmp_path_factory.mktemp("second"), first=False)


@pytest.fixture(scope="module")
def first_night(nights: Nights, source: Sources, tmp_path_factory: pytest.TempPathFactory) -> Before:
    return before_night(nights, source, tmp_path_factory.mktemp("first"), first=True)


def state_of(index: Path) -> tuple[tuple[str, int], ...]:
    """Return all names in an index folder, without what differs from night to night, and how long each file is."""
    files = ((name_of(f"/{path.relative_to(index)}"), path.stat().st_size) for path in index.rglob("*"))
    return tuple(sorted(files))


@dataclass(frozen=True)
class Trial:
    """Nights in which one call fails, each on a fresh copy of an index."""

    before: Before
    nights: Nights
    source: Sources

    def check(self, kind: str, why: int, every: bool = False, lasting: bool = False) -> None:
        """Have the calls of a kind fail, one a night (`lasting`: and all after it); tell all that went wrong."""
        wrong, nights = [], 0
        seen: set[tuple[tuple[str, int], ...]] = set()
        for number in self.before.numbers(kind, every):
            index = self.before.index.with_name(f"{kind}-{why}")
            shutil.rmtree(index, ignore_errors=True)
            shutil.copytree(self.before.index, index)
            night = self.nights.run(index, self.source(1), fault=Fault(kind, number, why, lasting))
            name = f"{errno.errorcode[why]} at {self.before.calls(kind)[number - 1]}"
            nights += 1
            if night.calls < number:
                wrong.append(f"{name}: the night made {night.calls} such calls and never came to it")
            wrong += [f"{name}: {fault}" for fault in self._wrongs(index, night)]
            # The next night finds what is on the disk: in the short form it is run once for each such state.
            state = state_of(index)
            if every or state not in seen:
                seen.add(state)
                wrong += [f"{name}: {fault}" for fault in self._wrongs_after(index)]
        figure("{nights:,} nights in which a call failed, {wrong} wrong outcomes", nights=nights, wrong=len(wrong))
        assert not wrong, "\n".join(wrong)

    def _wrongs(self, index: Path, night: Night) -> Iterator[str]:
        """Yield what is not as it must be after a night with a failed call."""
        for snapshot_id in published_ids(index):
            try:
                open_snapshot(snapshot_folder(index, snapshot_id))
            except SnapshotRefused as error:
                yield f"a broken snapshot has a snapshot's name: {error.reason}"
        current = current_or_none(index)
        if current:
            open_current(index)
        if night.code == 0:
            if current != night.snapshot:
                yield f"the run reported {night.snapshot}, but {current} is current"
        else:
            # Once the pointer has moved a fault cannot take that back; then the line says what is served.
            if current != self.before.snapshot and f"{current} is published" not in night.line:
                yield f"the run failed ({night.code}: {night.line}), but published {current}"
            if not night.line.startswith("seealso: ") or "Traceback" in night.said:
                yield f"the run failed without a line of its own: {night.said[-600:]}"
            if night.code < 3:
                yield f"the run ended with {night.code}, which says nothing"

    def _wrongs_after(self, index: Path) -> Iterator[str]:
        """Yield what is wrong with the next run, in which nothing fails."""
        again = self.nights.run(index, self.source(1))
        if again.code != 0:
            yield f"the next run failed: {again.code}: {again.said[-600:]}"
            return
        if open_current(index).id != again.snapshot:
            yield "the next run reported another snapshot than the current one"
        names = [path.name for folder in (index, index / SNAPSHOTS) for path in folder.iterdir()]
        if remains := [name for name in names if name.startswith(".")]:
            yield f"the next run left {remains}"


@pytest.fixture(params=["first", "second"])
def trial(request: pytest.FixtureRequest, nights: Nights, source: Sources) -> Trial:
    return Trial(request.getfixturevalue(f"{request.param}_night"), nights, source)


def test_the_shim_meets_each_kind_of_call(second_night: Before) -> None:
    met = Counter(line.split(" ", 1)[0] for line in second_night.trace)
    assert set(KINDS) >= set(met)
    for kind in ("open", "read", "write", "fsync", "rename", "mmap", "mkdir"):
        assert met[kind], met
    for part in ("write /lock", "/vectors.faiss", "/manifest.json", "rename /CURRENT", "fsync /snapshots"):
        assert any(part in line for line in second_night.trace), part


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_publishes_nothing_broken(
    kind: str, second_night: Before, nights: Nights, source: Sources
) -> None:
    Trial(second_night, nights, source).check(kind, errno.EIO)


def test_a_disk_that_is_full_from_a_write_on_publishes_nothing_broken(
    second_night: Before, nights: Nights, source: Sources
) -> None:
    Trial(second_night, nights, source).check("write", errno.ENOSPC, lasting=True)


@pytest.mark.torture
@pytest.mark.row("N2", together=True)
@pytest.mark.parametrize(("kind", "why"), [(kind, why) for kind in KINDS for why in (errno.EIO, *OTHERS.get(kind, ()))])
def test_each_call_that_fails_publishes_nothing_broken(kind: str, why: int, trial: Trial) -> None:
    trial.check(kind, why, every=True)


@pytest.mark.torture
@pytest.mark.row("N2", together=True)
@pytest.mark.parametrize(("kind", "why"), [("write", errno.ENOSPC), ("open", errno.EMFILE), ("fsync", errno.EIO)])
def test_a_fault_that_stays_publishes_nothing_broken(kind: str, why: int, trial: Trial) -> None:
    trial.check(kind, why, every=True, lasting=True)
