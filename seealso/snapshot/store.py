"""The snapshot store: the place from which many machines take their snapshots, and what stands where in it.

STORE/SITE                       one line: the name of the site whose it is, once one that has a name copied here
STORE/CURRENT                    one line: the id of the snapshot that all machines serve
STORE/NEXT                       one line: the one that is handed round before it becomes current; empty: none
STORE/snapshots/<id>/<file>      as in an index folder; manifest.json comes last, and without it there is no snapshot
STORE/machines/<name>            what a machine holds whole, serves and refuses, as JSON, written anew every few seconds

No clock of any machine is compared with another's: who was heard of is told by the store's own.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from seealso.errors import SnapshotRefused, SnapshotStoreOfAnotherSite, SnapshotStoreUnavailable
from seealso.snapshot.layout import MANIFEST, SNAPSHOTS, is_snapshot_id
from seealso.snapshot.manifest import Manifest, decode_manifest, read_manifest
from seealso.snapshot.objects import Objects

SITE = "SITE"
CURRENT = "CURRENT"
NEXT = "NEXT"
MACHINES = "machines"
# So often a machine says that it is here; who was not heard of for a few times as long is not waited for.
BEAT_SECONDS = 10.0
HEARD_SECONDS = 60.0
# What a killed night left without a manifest is removed once it is older than the current one by so much.
REMAINS_HOURS = 24


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that takes its snapshots here: what it holds whole, what it serves, and what it found damaged here."""

    name: str
    holds: frozenset[str]
    serves: str | None
    refuses: frozenset[str] = frozenset()


class _Word(BaseModel):
    """What a machine says of itself."""

    holds: list[str]
    serves: str | None
    refuses: list[str] = []


class SnapshotStore:
    """A snapshot store. Whatever it is asked raises SnapshotStoreUnavailable where it does not answer.

    `site`: what the site is called whose it is to be, None where it has no name. Whoever asks what is current, or has
    something become so, is told SnapshotStoreOfAnotherSite where it is not.
    """

    def __init__(self, url: str, site: str | None = None) -> None:
        self.url = url
        self._site = site
        self._objects = Objects(url)
        self._known_ours = False  # an unmarked one may yet become another's

    def current(self) -> str | None:
        """Return the id of the snapshot that all serve, None before the first."""
        self._check_site()
        return self._pointer(CURRENT)

    def next(self) -> str | None:
        """Return the id of the snapshot that is handed round, None if none is."""
        return self._pointer(NEXT)

    def ids(self) -> list[str]:
        """Return the ids of all snapshots that are whole, oldest first."""
        ending = f"/{MANIFEST}"
        named = [name for name in self._objects.below(f"{SNAPSHOTS}/") if name.endswith(ending)]
        return sorted(name for name in (each.split("/")[1] for each in named) if is_snapshot_id(name))

    def holds(self, snapshot_id: str) -> bool:
        """Return whether a snapshot is here whole."""
        return self._objects.written(_name_of(snapshot_id, MANIFEST)) is not None

    def manifest(self, snapshot_id: str) -> tuple[Manifest, bytes] | None:
        """Return a snapshot's manifest, and its bytes; None if there is no such snapshot. Raises SnapshotRefused."""
        name = _name_of(snapshot_id, MANIFEST)
        raw = self._objects.read(name)
        if raw is None:
            return None
        where = Path(self.url) / name
        manifest = decode_manifest(raw, where)
        if manifest.id != snapshot_id:
            raise SnapshotRefused(where, f"holds the snapshot {manifest.id}")
        return manifest, raw

    def lengths(self, snapshot_id: str) -> dict[str, int]:
        """Return how long the files of a snapshot are that are here, by name."""
        found = self._objects.below(f"{SNAPSHOTS}/{snapshot_id}/")
        return {name.rpartition("/")[2]: stored.bytes for name, stored in found.items()}

    def read_part(self, snapshot_id: str, file: str, start: int, length: int) -> bytes | None:
        """Return some bytes of a file, None if it is not here."""
        return self._objects.read_part(_name_of(snapshot_id, file), start, length)

    def push(self, folder: Path, sent: Callable[[int], None] = lambda _: None, anew: bool = False) -> int:
        """Copy a snapshot here, as far as it is not here already, or all of it anew; return how many bytes that were.

        `sent` is told of the bytes of each file. It is seen when its last byte is here. The store is our site's from
        then on. Raises SnapshotRefused if the folder holds none.
        """
        self._check_site()
        if self._site is not None and not self._known_ours:
            self._objects.write(SITE, f"{self._site}\n".encode())
        manifest = read_manifest(folder)
        if self.holds(manifest.id) and not anew:
            return 0
        there = {} if anew else self.lengths(manifest.id)
        copied = 0
        for file, entry in manifest.files.items():
            if there.get(file) != entry.bytes:
                self._objects.write(_name_of(manifest.id, file), folder / file)
                copied += entry.bytes
            sent(entry.bytes)
        there = self.lengths(manifest.id)
        for file, entry in manifest.files.items():
            if there.get(file) != entry.bytes:
                raise SnapshotStoreUnavailable(self.url, f"{file} of {manifest.id} is not there as it was sent")
        self._objects.write(_name_of(manifest.id, MANIFEST), folder / MANIFEST)
        return copied

    def hand_round(self, snapshot_id: str | None) -> None:
        """Have all machines fetch a snapshot that is not current yet; None: no more."""
        self._check_site()
        self._objects.write(NEXT, f"{snapshot_id or ''}\n".encode())

    def point(self, snapshot_id: str) -> None:
        """Have all machines serve a snapshot."""
        self._check_site()
        self._objects.write(CURRENT, f"{snapshot_id}\n".encode())

    def turn_back(self, snapshot_id: str) -> None:
        """Have all machines serve an earlier snapshot again; what a night that was killed handed round is let be."""
        self.point(snapshot_id)
        with suppress(SnapshotStoreUnavailable):
            self.hand_round(None)

    def beat(self, name: str, holds: Iterable[str], serves: str | None, refuses: Iterable[str] = ()) -> None:
        """Say that a machine is here, what it holds, what it serves, and what it found damaged here."""
        word = _Word(holds=sorted(holds), serves=serves, refuses=sorted(refuses)).model_dump_json().encode()
        self._objects.write(f"{MACHINES}/{quote(name, safe='')}", word)

    def leave(self, name: str) -> None:
        """Say that a machine is here no more."""
        self._objects.remove([f"{MACHINES}/{quote(name, safe='')}"])

    def machines(self) -> list[Machine]:
        """Return the machines that are heard of, by name: within HEARD_SECONDS before the latest word of any of them.

        NEXT is such a word: where it was written last, a machine that had fallen silent before is not among them.
        """
        words = self._objects.below(f"{MACHINES}/")
        asked = self._objects.written(NEXT)
        latest = max([each.written for each in words.values()] + ([asked] if asked is not None else []), default=None)
        found = []
        for name, stored in sorted(words.items()):
            if latest is not None and stored.written < latest - timedelta(seconds=HEARD_SECONDS):
                continue
            told = _told(self._objects.read(name))
            if told is not None:
                named = unquote(name.rpartition("/")[2])
                found.append(Machine(named, frozenset(told.holds), told.serves, frozenset(told.refuses)))
        return found

    def is_refused(self, snapshot_id: str) -> bool:
        """Return whether a machine that is heard of found a snapshot damaged here."""
        return any(snapshot_id in machine.refuses for machine in self.machines())

    def remove(self, snapshot_id: str) -> None:
        """Remove a snapshot; it is gone with its first object, the manifest."""
        names = self._objects.below(f"{SNAPSHOTS}/{snapshot_id}/")
        self._objects.remove([_name_of(snapshot_id, MANIFEST), *names])

    def clear_remains(self) -> None:
        """Remove what nights that were killed left half copied, and the words of machines that are long gone."""
        now = self._objects.written(CURRENT)
        if now is None:
            return
        old, whole = now - timedelta(hours=REMAINS_HOURS), set(self.ids())
        for name, stored in self._objects.below(f"{SNAPSHOTS}/").items():
            if stored.written < old and name.split("/")[1] not in whole:
                self._objects.remove([name])
        gone = [name for name, stored in self._objects.below(f"{MACHINES}/").items() if stored.written < old]
        self._objects.remove(gone)

    def _check_site(self) -> None:
        """Raise SnapshotStoreOfAnotherSite where a mark says that it is. A mark that is ours is looked at once."""
        if self._known_ours:
            return
        marked = (self._objects.read(SITE) or b"")[:100].decode("ascii", "replace").strip()
        if marked and marked != self._site:
            raise SnapshotStoreOfAnotherSite(self.url, marked, self._site)
        self._known_ours = bool(marked)

    def _pointer(self, name: str) -> str | None:
        raw = self._objects.read(name)
        text = "" if raw is None else raw[:100].decode("ascii", "replace").strip()
        if text and not is_snapshot_id(text):
            raise SnapshotStoreUnavailable(self.url, f"{name} holds {text[:40]!r}, which is no snapshot's id")
        return text or None


def _name_of(snapshot_id: str, file: str) -> str:
    return f"{SNAPSHOTS}/{snapshot_id}/{file}"


def _told(raw: bytes | None) -> "_Word | None":  # None: it has left just now, or the word is none of ours
    try:
        return _Word.model_validate_json(raw or b"")
    except ValidationError:
        return None
