"""Unchanged text keeps its vectors: what was embedded, by digest of the passage's exact text and of the model.

A SQLite file in the index folder. It survives a kill at any point, so that a run that was interrupted, or refused, goes
on where it stopped; a vector that is not as it was written is embedded anew. It knows nothing of snapshots.
"""

import errno
import hashlib
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from seealso.encoder import ModelIdentity
from seealso.space import PASSAGE_DTYPE, PassageVectors

Digest = bytes
_T = TypeVar("_T")
DIGEST_BYTES = 16
# Once more than this share of a store is of no use any more, the rest is written anew without it.
UNUSED_SHARE_MAX = 0.3
# SQLite takes at most 32,766 values in one statement.
_ASKED_AT_ONCE = 10_000

# A model whose index was refused may be wanted yet: its vectors stay so long after its last night.
MODEL_KEPT_DAYS = 14
_SCHEMA = """
create table if not exists vectors (
    digest blob primary key, model text not null, vector blob not null, checksum integer not null
);
create table if not exists models (digest text primary key, used real not null);
"""


def digest_of(text: str, model: ModelIdentity) -> Digest:
    """Return what a passage's vector is kept under: the same only for the same text and the same model."""
    return hashlib.blake2b(
        text.encode("utf-8"), digest_size=DIGEST_BYTES, key=bytes.fromhex(model.digest)[:32], person=b"seealso vector"
    ).digest()


class VectorStore:
    """Vectors by digest, for one model at a time. Use it as a context manager, by the holder of the index's lock.

    A file that is damaged is begun anew (`damaged` says so): it holds nothing that cannot be computed again. With
    `look_only` nothing is written, and of a damaged file nothing known. Raises OSError when the machine refuses.
    """

    def __init__(self, path: Path, model: ModelIdentity, look_only: bool = False) -> None:
        self._path = path
        self._model = model
        self._look_only = look_only
        self.damaged = False

    def __enter__(self) -> "VectorStore":
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise _as_os_error(error, self._path) from error
            self._begin_anew()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def vectors_of(self, digests: Sequence[Digest]) -> tuple[PassageVectors, list[int]]:
        """Return the vectors kept under the digests (float16, digests x dimension), and the places not known.

        A row that is not known is zero.
        """
        vectors = np.zeros((len(digests), self._model.dimension), PASSAGE_DTYPE)
        length = vectors.itemsize * self._model.dimension
        known = self._mended(lambda: dict(self._sound(digests, length)))
        missing = []
        for place, digest in enumerate(digests):
            vector = known.get(digest)
            if vector is None:
                missing.append(place)
            else:
                vectors[place] = np.frombuffer(vector, PASSAGE_DTYPE)
        return vectors, missing

    def keep(self, digests: Sequence[Digest], vectors: PassageVectors) -> None:
        """Keep vectors (float16, digests x dimension); they are there after a kill."""
        rows = []
        for digest, vector in zip(digests, vectors, strict=True):
            content = vector.tobytes()
            rows.append((digest, self._model.digest, content, zlib.crc32(content, zlib.crc32(digest))))

        def insert() -> None:
            with self._connection:
                self._connection.executemany("insert or replace into vectors values (?, ?, ?, ?)", rows)

        self._mended(insert)

    def compact(self, used: Iterable[Digest], models: set[str]) -> int:
        """Drop this model's vectors that are not `used`, and those of models that are neither among `models` nor new.

        Done once they are more than UNUSED_SHARE_MAX of all. Returns how many were dropped.
        """
        digests = list(used)

        def compact() -> int:
            since = time.time() - MODEL_KEPT_DAYS * 86_400.0
            lately = {
                digest for (digest,) in self._connection.execute("select digest from models where used > ?", (since,))
            }
            return self._compact(digests, sorted((models | lately) - {self._model.digest}))

        return self._mended(compact)

    def _compact(self, used: list[Digest], others: list[str]) -> int:
        with self._connection:
            self._connection.execute("create temporary table used (digest blob primary key) without rowid")
            self._connection.executemany("insert or ignore into used values (?)", ((digest,) for digest in used))
            marks = ",".join("?" * len(others))
            unused = (
                f"(model = ? and digest not in (select digest from used)) "  # noqa: S608
                f"or (model <> ? and model not in ({marks}))"
            )
            facts = (self._model.digest, self._model.digest, *others)
            (count,) = self._connection.execute("select count(*) from vectors").fetchone()
            (dropped,) = self._connection.execute(
                f"select count(*) from vectors where {unused}",  # noqa: S608
                facts,
            ).fetchone()
            wanted = bool(dropped > UNUSED_SHARE_MAX * count)
            if wanted:
                self._connection.execute(f"delete from vectors where {unused}", facts)  # noqa: S608
            self._connection.execute("drop table used")
        if wanted:
            self._connection.execute("vacuum")
        return dropped if wanted else 0

    def _sound(self, digests: Sequence[Digest], length: int) -> Iterator[tuple[Digest, bytes]]:
        """Yield the digests that are kept, and their vectors, as far as they are as they were written."""
        for start in range(0, len(digests), _ASKED_AT_ONCE):
            asked = digests[start : start + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(asked))
            rows = self._connection.execute(
                f"select digest, vector, checksum from vectors where digest in ({marks})",  # noqa: S608
                asked,
            )
            for digest, vector, checksum in rows:
                if len(vector) == length and zlib.crc32(vector, zlib.crc32(digest)) == checksum:
                    yield digest, vector

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0)
        try:
            # One run at a time writes here, and has the index's lock: no memory need be shared with others. A vector
            # lost with the power is embedded anew, so the disk need not be waited for at every lot.
            connection.execute("pragma locking_mode = exclusive")
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            if self._look_only:
                connection.execute("select count(*) from models").fetchone()  # read, so that damage shows
                return connection
            connection.executescript(_SCHEMA)
            connection.execute("insert or replace into models values (?, ?)", (self._model.digest, time.time()))
            connection.commit()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _begin_anew(self) -> None:
        self.damaged = True
        if self._look_only:
            self._connection = sqlite3.connect(":memory:")
            self._connection.executescript(_SCHEMA)
            return
        for ending in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            raise _as_os_error(error, self._path) from error

    def _mended(self, action: Callable[[], _T]) -> _T:
        """Return what an action on the file gives; if the file turns out to be damaged, of one that is begun anew."""
        try:
            try:
                return action()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._connection.close()
                self._begin_anew()
                return action()
        except sqlite3.DatabaseError as error:
            raise _as_os_error(error, self._path) from error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _primary_code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _as_os_error(error: sqlite3.DatabaseError, path: Path) -> OSError:
    number = errno.ENOSPC if _primary_code(error) == sqlite3.SQLITE_FULL else errno.EIO
    return OSError(number, f"the store of vectors: {error}; run again", str(path))
