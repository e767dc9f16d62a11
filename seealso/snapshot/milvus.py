"""A snapshot's vectors and cards in Milvus: a collection for each snapshot, and an alias that leads to the current one.
The one user of pymilvus, which is imported when somebody connects, and not before.

A collection is named for its snapshot, holds one entity a row, and never changes once it is whole. What is asked of it
is asked by that name, so that an answer is always of one snapshot; the alias says which one is published.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from seealso.arrays import Rows
from seealso.encoder import Vectors
from seealso.errors import EngineUnavailable, SettingsInvalid
from seealso.settings import Settings
from seealso.snapshot.layout import is_snapshot_id

# A VARCHAR of Milvus holds no more; https://milvus.io/docs/limitations.md
CARD_BYTES_MAX = 65_535
# An id has 200 characters at most, of four bytes at most.
ID_BYTES_MAX = 800
# The most answers of one search; the same page.
LIMIT_MAX = 16_384
# By what a graph is built and searched (Malkov and Yashunin 2018): twice the links of the default, for recall.
LINKS, BUILT_BY, SEARCHED_BY = 32, 200, 256
# Where few rows may be found, a graph is walked for longer: of 4 % of random vectors 0.94 of the nearest are found by
# 256, all by 1,024.
SEARCHED_BY_MAX = 4_096
# What a night asks is answered within this, or the engine hangs; and what was put is durable within that.
ANSWER_SECONDS_MAX, FLUSH_SECONDS_MAX = 60.0, 600.0
# While it indexes and loads, it is asked so often whether it has done so.
LOOK_SECONDS = 0.2

_VECTOR, _METRIC = "vector", "IP"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Milvus is. `name`: the alias's there, and what the collections' names begin with."""

    uri: str
    token: str | None = field(default=None, repr=False)
    name: str = "seealso"

    def collection_of(self, snapshot_id: str) -> str:
        """Return the name of a snapshot's collection."""
        return f"{self.name}_{snapshot_id.replace('-', '_')}"

    def connect(self, timeout_s: float) -> "Milvus":
        """Return a connection. Raises EngineUnavailable if nobody answers in time."""
        return Milvus(self, timeout_s)


class Milvus:
    """A connection to a Milvus. Safe from many threads; of one process, since nothing of it outlives a fork."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        import pymilvus

        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it tells of each failure, and so do we
        self._library = pymilvus
        self.address = address
        self._shown = _without_password(address.uri)
        with self._told():
            # One of its own: those it would share are mended under a lock, for which who searches would wait.
            self._client: Any = pymilvus.MilvusClient(
                address.uri, token=address.token or "", timeout=timeout_s, dedicated=True
            )

    # What a service asks.

    def search(
        self, collection: str, vectors: Vectors, limit: int, expression: str, timeout_s: float, share: float = 1.0
    ) -> Rows:
        """Return the rows of the nearest to each vector, best first, -1 where there are fewer: int64, vectors x limit.

        `share`: of how many of all rows the expression holds. Nothing is made sure of what they are. Raises
        EngineUnavailable.
        """
        searched_by = max(limit, min(SEARCHED_BY_MAX, round(SEARCHED_BY / share)))
        found = np.full((len(vectors), limit), -1, np.int64)
        with self._told():
            answers = self._client.search(
                collection,
                data=list(vectors),
                anns_field=_VECTOR,
                filter=expression,
                limit=limit,
                output_fields=["row"],
                search_params={"metric_type": _METRIC, "params": {"ef": searched_by}},
                consistency_level="Eventually",  # what is searched was whole before anybody knew of it
                timeout=timeout_s,
            )
            for place, hits in enumerate(answers):
                rows = [int(hit["row"]) for hit in hits][:limit]
                found[place, : len(rows)] = rows
        return found

    def published(self, timeout_s: float) -> str | None:
        """Return the collection to which the alias leads, None if there is no alias. Raises EngineUnavailable."""
        with self._told():
            # An alias that is not there is an error like any other: it is looked for among those that are.
            known = self._client.list_aliases(timeout=timeout_s)["aliases"]
            if self.address.name not in known:
                return None
            return str(self._client.describe_alias(self.address.name, timeout=timeout_s)["collection_name"])

    def count(self, collection: str, timeout_s: float) -> int | None:
        """Return how many entities a collection has, None if it is not there or not loaded. Raises EngineUnavailable.

        All that was ever acknowledged is counted.
        """
        with self._told():
            if not self._client.has_collection(collection, timeout=timeout_s):
                return None
            if not self._is_loaded(collection, timeout_s):
                return None
            asked = {"output_fields": ["count(*)"], "consistency_level": "Strong", "timeout": timeout_s}
            return int(self._client.query(collection, filter="", **asked)[0]["count(*)"])

    # What a night does.

    def snapshots(self) -> dict[str, str]:
        """Return the collections of ours, by their snapshots' ids, oldest first. Raises EngineUnavailable."""
        with self._told():
            every = self._client.list_collections(timeout=ANSWER_SECONDS_MAX)
        prefix = f"{self.address.name}_"
        ids = {name.removeprefix(prefix).replace("_", "-"): name for name in every if name.startswith(prefix)}
        return {snapshot_id: ids[snapshot_id] for snapshot_id in sorted(ids) if is_snapshot_id(snapshot_id)}

    def load(self, collection: str, seconds_max: float) -> bool:
        """Have a collection indexed and loaded, as far as it is there and its index was asked for; return whether that
        was done in time. An engine that hangs is not waited for, one that works is. Raises EngineUnavailable.
        """
        end = time.monotonic() + seconds_max
        with self._told():
            if not self._client.has_collection(collection, timeout=ANSWER_SECONDS_MAX):
                return True
            if not self._client.list_indexes(collection, timeout=ANSWER_SECONDS_MAX):
                return True
            if not self._until(end, lambda: self._is_indexed(collection)):
                return False
            return self._until(end, lambda: self._is_being_loaded(collection))

    def create(self, collection: str, dimension: int) -> None:
        """Make an empty collection, in the place of one there may be. Raises EngineUnavailable."""
        kind = self._library.DataType
        with self._told():
            if self._client.has_collection(collection, timeout=ANSWER_SECONDS_MAX):
                self.drop(collection)
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("row", kind.INT64, is_primary=True)
            schema.add_field("article", kind.VARCHAR, max_length=ID_BYTES_MAX)
            schema.add_field("section", kind.INT32)
            schema.add_field("language", kind.INT32)
            schema.add_field("published", kind.INT64)
            schema.add_field("shown", kind.BOOL)
            schema.add_field("card", kind.VARCHAR, max_length=CARD_BYTES_MAX)
            schema.add_field(_VECTOR, kind.FLOAT_VECTOR, dim=dimension)
            self._client.create_collection(collection, schema=schema, timeout=ANSWER_SECONDS_MAX)

    def put(self, collection: str, entities: Sequence[dict[str, Any]], timeout_s: float) -> None:
        """Add entities; one that was added before is replaced by itself. Raises EngineUnavailable."""
        with self._told():
            self._client.upsert(collection, data=list(entities), timeout=timeout_s)

    def finish(self, collection: str, kind: str) -> None:
        """Make what was put durable, and have it indexed. `kind`: 'FLAT' or 'HNSW'. Raises EngineUnavailable."""
        with self._told():
            self._client.flush(collection, timeout=FLUSH_SECONDS_MAX)
            indexes = self._client.prepare_index_params()
            links = {"M": LINKS, "efConstruction": BUILT_BY} if kind == "HNSW" else {}
            indexes.add_index(_VECTOR, index_type=kind, metric_type=_METRIC, params=links)
            self._client.create_index(collection, indexes, timeout=ANSWER_SECONDS_MAX, sync=False)

    def _is_indexed(self, collection: str) -> bool:
        told = self._client.describe_index(collection, _VECTOR, timeout=ANSWER_SECONDS_MAX)
        if told["state"] == "Failed":
            raise EngineUnavailable(self._shown, f"{collection} cannot be indexed: {told}")
        return bool(told["state"] == "Finished")

    def _is_loaded(self, collection: str, timeout_s: float) -> bool:
        loaded = self._library.client.types.LoadState.Loaded
        return bool(self._client.get_load_state(collection, timeout=timeout_s)["state"] == loaded)

    def _is_being_loaded(self, collection: str) -> bool:
        """Return whether a collection is loaded; if not, have it loaded, for others may have had it released."""
        states, told = self._library.client.types.LoadState, self._client.get_load_state
        state = told(collection, timeout=ANSWER_SECONDS_MAX)["state"]
        if state == states.NotExist:
            raise EngineUnavailable(self._shown, f"{collection} was dropped while it was being loaded")
        if state == states.NotLoad:
            self._client.load_collection(collection, timeout=ANSWER_SECONDS_MAX, _async=True)
        return bool(state == states.Loaded)

    def _until(self, end: float, done: Callable[[], bool]) -> bool:
        """Wait until something is done, asking again and again; return whether it was before `end`."""
        while not done():
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def lead(self, collection: str, timeout_s: float = ANSWER_SECONDS_MAX) -> bool:
        """Have the alias lead to a collection; return False if there is no such one. Raises EngineUnavailable.

        If it is not loaded, it is from now on being loaded, which is not waited for: who asks looks at it first.
        Whoever asks by the alias is answered by the one before or by this one, nothing between.
        """
        with self._told():
            if not self._client.has_collection(collection, timeout=timeout_s):
                return False
            self._client.load_collection(collection, timeout=timeout_s, _async=True)
            led = self.published(timeout_s)
            if led is None:
                self._client.create_alias(collection, self.address.name, timeout=timeout_s)
            elif led != collection:
                self._client.alter_alias(collection, self.address.name, timeout=timeout_s)
        return True

    def release(self, collection: str) -> None:
        """Have a collection kept on disk alone: it is not searched. Raises EngineUnavailable."""
        with self._told():
            self._client.release_collection(collection, timeout=ANSWER_SECONDS_MAX)

    def drop(self, collection: str) -> None:
        """Remove a collection, and the alias if it leads there. Raises EngineUnavailable."""
        with self._told():
            if self.published(ANSWER_SECONDS_MAX) == collection:  # else a Milvus refuses
                self._client.drop_alias(self.address.name, timeout=ANSWER_SECONDS_MAX)
            self._client.drop_collection(collection, timeout=ANSWER_SECONDS_MAX)

    def close(self) -> None:
        """Let go of the connection."""
        with self._told():
            self._client.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise whatever goes wrong in the client, and in what it sends, as EngineUnavailable."""
        try:
            yield
        except EngineUnavailable:
            raise
        except Exception as error:  # of Milvus, of gRPC, of its schemas: the client has no one kind of them
            reason = str(getattr(error, "message", "") or error).splitlines()
            raise EngineUnavailable(self._shown, reason[0][:300] if reason else type(error).__name__) from error


def address_of(settings: Settings) -> Address | None:
    """Return where the settings have a Milvus, None if nowhere. Raises SettingsInvalid if pymilvus is not there."""
    if settings.milvus_uri is None:
        return None
    if find_spec("pymilvus") is None:
        raise SettingsInvalid(
            "SEEALSO_MILVUS_URI is set, and pymilvus is missing; install seealso[milvus], or unset it"
        )
    return Address(settings.milvus_uri, settings.milvus_token, settings.milvus_named)


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)
