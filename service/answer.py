"""A block's answer, ready to be sent: its bytes in every content coding asked for so far, and its headers.

It is made once, kept in the process and in Redis, and sent as it is; only what belongs to one request (its id, where
the answer came from) is added by whoever sends it.
"""

import gzip
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import brotli
import orjson

from seealso.snapshot.snapshot import Snapshot

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Headers = list[tuple[str, str]]
IDENTITY = "identity"
# What we like best where a client likes them the same: the smallest first. Levels beyond these take several times as
# long for some per cent.
CODINGS = ("br", "zstd", "gzip")
BROTLI_QUALITY, ZSTD_LEVEL, GZIP_LEVEL = 5, 6, 6
# For what is coded once and sent for as long as we run.
BROTLI_QUALITY_MAX, ZSTD_LEVEL_MAX, GZIP_LEVEL_MAX = 11, 19, 9
# Below this, headers outweigh what is gained.
CODED_BYTES_MIN = 500
# Beside its bodies and names, what an answer takes in memory with its address: headers in four codings, objects.
OVERHEAD_BYTES = 4_000
# A name's place among others, and what is lost at the end of its bytes.
PLACE_BYTES = 16
# Browsers send less than fifty characters; a longer Accept-Encoding is read each time.
ACCEPTED_CHARACTERS_MAX = 200
_LENGTH_BYTES = 4


class Form(NamedTuple):
    """An answer in one content coding; `unmodified` are the headers that a 304 has."""

    etag: str
    headers: Headers
    unmodified: Headers
    body: bytes


@dataclass(slots=True, eq=False)
class Answer:
    """The answer to one address, of one snapshot.

    `keys`: by which a CDN drops it; `articles`: the ids of the article it is about and of those it shows; `bodies`: by
    content coding, the plain one always among them; `awaited`: articles that would stand in it if they were here;
    `behind`: those for which it shows another of their story; `placed` and `searched`: see Snapshot.still_holds;
    `hits`: how often it was sent from the process's copy, and `lives`: how often it may be the oldest there before it
    goes.
    """

    snapshot_id: str
    media_type: str
    cache_control: str
    keys: tuple[str, ...]
    articles: tuple[str, ...]
    bodies: dict[str, bytes]
    awaited: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    placed: int = 0
    searched: bool = False
    hits: int = 0
    lives: int = 0
    _forms: dict[str, Form] = field(default_factory=dict)
    _common: Headers = field(default_factory=list)  # of all forms, for names may take 21 kB of them
    _size: int = 0

    def holds_in(self, snapshot: Snapshot) -> bool:
        """Return whether it would be the same if it were made of a snapshot with its live articles of today."""
        return snapshot.still_holds(self.placed, (*self.articles, *self.behind, *self.awaited), self.searched)

    def rests_on(self, hidden: frozenset[str]) -> bool:
        """Return whether it is about, shows, or has in its order any of these articles."""
        return not (hidden.isdisjoint(self.articles) and hidden.isdisjoint(self.behind))

    @property
    def size(self) -> int:
        """Return about how many bytes it takes in memory; the coded bodies together are no longer than the plain."""
        if not self._size:  # of thousands it is asked whenever something is decided
            names = (*self.keys, *self.articles, *self.awaited, *self.behind)
            named = sum(map(sys.getsizeof, names)) + PLACE_BYTES * len(names)
            in_headers = 2 * sum(map(len, self.keys))
            self._size = 2 * len(self.bodies[IDENTITY]) + named + in_headers + OVERHEAD_BYTES
        return self._size

    def form(self, coding: str, vary: str) -> Form:
        """Return the answer in a content coding; `vary` is what answers of this process depend on."""
        form = self._forms.get(coding)
        if form is None:
            form = self._forms[coding] = self._formed(coding, vary)
        return form

    def _formed(self, coding: str, vary: str) -> Form:
        plain = self.bodies[IDENTITY]
        if coding not in self.bodies and len(plain) >= CODED_BYTES_MIN:
            self.bodies[coding] = coded(plain, coding)
        body = self.bodies.get(coding, plain)
        is_coded = body is not plain
        digest = blake2b(plain, digest_size=12).hexdigest()
        etag = f'"{digest}-{coding}"' if is_coded else f'"{digest}"'
        if not self._common:
            self._common = [
                ("Cache-Control", self.cache_control),
                ("Vary", vary),
                ("Surrogate-Key", " ".join(self.keys)),
                ("Cache-Tag", ",".join(self.keys)),
                ("X-Seealso-Snapshot", self.snapshot_id),
            ]
        unmodified = [("ETag", etag), *self._common]
        headers = [("Content-Type", self.media_type), ("Content-Length", str(len(body))), *unmodified]
        if is_coded:
            headers.append(("Content-Encoding", coding))
        return Form(etag, headers, unmodified, body)

    def packed(self) -> bytes:
        """Return the answer as bytes, for `unpacked`."""
        bodies = list(self.bodies.items())
        head = orjson.dumps(
            {
                "snapshot": self.snapshot_id,
                "type": self.media_type,
                "cache_control": self.cache_control,
                "keys": self.keys,
                "articles": self.articles,
                "awaited": self.awaited,
                "behind": self.behind,
                "placed": self.placed,
                "searched": self.searched,
                "bodies": [(coding, len(body)) for coding, body in bodies],
            }
        )
        return b"".join([len(head).to_bytes(_LENGTH_BYTES, "little"), head, *(body for _, body in bodies)])


def unpacked(kept: bytes) -> Answer | None:
    """Return the answer that was packed; None if it is not one of ours."""
    place = _LENGTH_BYTES + int.from_bytes(kept[:_LENGTH_BYTES], "little")
    try:
        head = orjson.loads(kept[_LENGTH_BYTES:place])
        bodies = {}
        for coding, length in head["bodies"]:
            bodies[coding] = kept[place : place + length]
            place += length
        if place != len(kept) or IDENTITY not in bodies:
            return None
        # A TypeError, if one of them is no text; to look at each by itself takes ten times as long.
        "".join((head["snapshot"], head["type"], head["cache_control"], *head["keys"]))
        "".join((*head["articles"], *head["awaited"], *head["behind"]))
        return Answer(
            snapshot_id=head["snapshot"],
            media_type=head["type"],
            cache_control=head["cache_control"],
            keys=tuple(head["keys"]),
            articles=tuple(head["articles"]),
            bodies=bodies,
            awaited=tuple(head["awaited"]),
            behind=tuple(head["behind"]),
            placed=int(head["placed"]),
            searched=bool(head["searched"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def coding_for(accepted: str) -> str:
    """Return the content coding to send to a client that sends this Accept-Encoding (RFC 9110, 12.5.3)."""
    return _known_coding(accepted) if len(accepted) <= ACCEPTED_CHARACTERS_MAX else _coding(accepted)


def _coding(accepted: str) -> str:
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        weights[name.strip()] = _weight(parameter)
    anything = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, anything))  # the first of those that weigh the same
    weight = weights.get(best, anything)
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


_known_coding = lru_cache(maxsize=1_000)(_coding)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def coded(plain: bytes, coding: str, small: bool = False) -> bytes:
    """Return bytes in one of CODINGS; as small as may be, at whatever cost, if so asked."""
    if coding == "br":
        return bytes(brotli.compress(plain, quality=BROTLI_QUALITY_MAX if small else BROTLI_QUALITY))
    if coding == "zstd":
        return bytes(zstd.compress(plain, level=ZSTD_LEVEL_MAX if small else ZSTD_LEVEL))
    return gzip.compress(plain, GZIP_LEVEL_MAX if small else GZIP_LEVEL, mtime=0)
