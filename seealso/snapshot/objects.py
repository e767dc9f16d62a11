"""Named objects at one address: a folder that machines share, or a bucket of an S3-compatible store.

An object is seen whole or not at all: buckets promise it, and in a folder it is written aside and renamed. Nobody is
waited for longer than SECONDS_MAX a request; what fails is tried TRIES_MAX times.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seealso.errors import SettingsInvalid, SnapshotStoreUnavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# A request of PART_BYTES that takes longer goes slower than 150 kB/s: what is no faster is as good as gone.
SECONDS_MAX, CONNECT_SECONDS_MAX = 30, 5
PART_BYTES = 4 << 20
# Of a file that is written, parts of 5 MB; more at once would each take longer on a slow line.
PARTS_AT_ONCE = 4
TRIES_MAX = 3
# What is read at once: a pointer, a machine's word, a manifest.
OBJECT_BYTES_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """How long an object is, and when it was written, by the clock of the store."""

    bytes: int
    written: datetime


class Objects:
    """The objects at an address. All that goes wrong with it is SnapshotStoreUnavailable, with the address.

    Raises SettingsInvalid where what it needs is not installed.
    """

    def __init__(self, url: str) -> None:
        if find_spec("obstore") is None:  # it is imported when first needed: workers mostly do without
            raise SettingsInvalid(
                "SEEALSO_SNAPSHOT_STORE is set, and obstore is missing; install seealso[store], or unset it"
            )
        self.url = url
        self._folder = Path(url.removeprefix("file://")) if url.startswith("file://") else None
        self._made: ObjectStore | None = None

    def read(self, name: str) -> bytes | None:
        """Return a small object, None if there is none."""
        try:
            found = self._store().get(name)
            if found.meta["size"] > OBJECT_BYTES_MAX:
                raise SnapshotStoreUnavailable(
                    self.url, f"{name} has {found.meta['size']:,} bytes, which is none of ours"
                )
            return bytes(found.bytes())
        except FileNotFoundError:
            return None
        except self._failures() as error:
            raise self._gone(error) from error

    def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Return some bytes of an object, None if there is no such object. Fewer come back where it ends."""
        try:
            return bytes(self._store().get_range(name, start=start, length=length))
        except FileNotFoundError:
            return None
        except self._failures() as error:
            raise self._gone(error) from error

    def write(self, name: str, content: bytes | Path) -> None:
        """Write an object, from memory or from a file, in place of what has the name."""
        try:
            self._store().put(name, content, max_concurrency=PARTS_AT_ONCE)
        except self._failures() as error:
            raise self._gone(error) from error

    def below(self, prefix: str) -> dict[str, Stored]:
        """Return all objects whose names begin with a prefix that ends with a slash, by name."""
        try:
            return {
                each["path"]: Stored(each["size"], each["last_modified"])
                for found in self._store().list(prefix=prefix)
                for each in found
            }
        except self._failures() as error:
            raise self._gone(error) from error

    def written(self, name: str) -> datetime | None:
        """Return when an object was written, by the clock of the store; None if there is none."""
        try:
            return self._store().head(name)["last_modified"]
        except FileNotFoundError:
            return None
        except self._failures() as error:
            raise self._gone(error) from error

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, one after the other; one that is not there is none to remove."""
        for name in names:
            try:
                self._store().delete(name)
            except FileNotFoundError:
                continue
            except self._failures() as error:
                raise self._gone(error) from error

    def _store(self) -> "ObjectStore":
        # A folder that is not there is a share that is not mounted: it is not made.
        if self._folder is not None and not self._folder.is_dir():
            raise SnapshotStoreUnavailable(self.url, "there is no such folder; is the share mounted?")
        if self._made is None:
            from obstore.store import LocalStore, from_url

            if self._folder is not None:
                self._made = LocalStore(self._folder, automatic_cleanup=True)
            else:
                seconds, connecting = timedelta(seconds=SECONDS_MAX), timedelta(seconds=CONNECT_SECONDS_MAX)
                self._made = from_url(
                    self.url,
                    # An address without TLS is one that somebody wrote down: AWS_ENDPOINT_URL=http://...
                    client_options={"timeout": seconds, "connect_timeout": connecting, "allow_http": True},
                    retry_config={"max_retries": TRIES_MAX - 1, "retry_timeout": seconds},
                )
        return self._made

    def _failures(self) -> tuple[type[Exception], ...]:
        from obstore.exceptions import BaseError

        return (BaseError, OSError, ValueError)

    def _gone(self, error: Exception) -> SnapshotStoreUnavailable:
        # Its own words, without the tree of causes that it draws below them.
        said: Any = str(error).partition("\n\nDebug source")[0]
        return SnapshotStoreUnavailable(self.url, " ".join(str(said).split())[:300])
