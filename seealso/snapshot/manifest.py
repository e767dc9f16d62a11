"""The manifest: what a snapshot is, what made it, and the length and digest of each of its files.

It is written in one canonical form and carries a checksum of itself, so that no byte of it can change unnoticed.
"""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from seealso.article import shortened
from seealso.encoder import ModelIdentity
from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import MANIFEST, is_snapshot_id

FORMAT = 8
# Format 7 has no plain_blocks.npy: each block is chosen when it is asked for. Format 6 lists no tags, authors and
# addresses: for these each article is looked at. Format 5 does not say how it is searched: all is looked at. Format 4
# has no map.npy. Format 3 does not say which live articles it took in; format 2 lacks all that the night says of
# itself: sources, gates, forced. Their files are those of format 4.
FORMATS = (2, 3, 4, 5, 6, 7, 8)
MAP_SINCE, LISTED_SINCE, PLAIN_SINCE = 5, 7, 8
# A manifest lists some forty files, sources and a recipe, in a few kilobytes; a thousand times that is no manifest.
MANIFEST_BYTES_MAX = 4_000_000

# Of a file of a snapshot: a name, and no path elsewhere.
_FILE = re.compile(r"[a-z][a-z0-9_]*\.[a-z]+")
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(BaseModel):
    """How long a file is, and its SHA-256."""

    model_config = _STRICT
    bytes: Annotated[int, Field(ge=0)]
    sha256: _Digest


def _checked_names(files: dict[str, FileEntry]) -> dict[str, FileEntry]:
    for name in files:
        if not _FILE.fullmatch(name):
            raise ValueError(f"{shortened(name)} is no file of a snapshot")
    return files


class Model(BaseModel):
    """The model that made the vectors, as in ModelIdentity."""

    model_config = _STRICT
    name: str
    digest: _Digest
    dimension: Annotated[int, Field(ge=1, le=65_536)]
    window: Annotated[int, Field(ge=1)]

    def identity(self) -> ModelIdentity:
        """Return the same as an encoder states it."""
        return ModelIdentity(self.name, self.digest, self.dimension, self.window)


class Counts(BaseModel):
    """How many articles, passages, tokens, words and terms were taken in, and how many candidates an article has."""

    model_config = _STRICT
    articles: Annotated[_Count, Field(ge=1)]
    passages: _Count
    tokens: Annotated[int, Field(ge=0)]
    words: Annotated[int, Field(ge=0)]
    terms: _Count
    candidates: _Count


class GateResult(BaseModel):
    """How a gate stood when the snapshot was made; `value` is None where there was nothing to measure."""

    model_config = _STRICT
    gate: str
    value: float | None
    limit: float
    passed: bool


class TakenIn(BaseModel):
    """Which live articles a night took in: all that were put or removed up to a change of the editorial store.

    `generation`: of which past of the store; `read`: when it was read, ISO 8601 in UTC, as the store keeps moments.
    """

    model_config = _STRICT
    generation: str
    sequence: Annotated[int, Field(ge=0)]
    read: str


class Filtered(BaseModel):
    """How a snapshot is searched under a filter that leaves many articles: as in Searched, measured under some filters.

    `filters`: how many were tried; `vectors_recall`, `terms_recall`: the least of what was found under any of them.
    """

    model_config = _STRICT
    filters: _Count
    probed: _Count
    vectors_recall: Annotated[float, Field(ge=0, le=1)]
    postings_max: Annotated[int, Field(ge=1)] | None
    terms_recall: Annotated[float, Field(ge=0, le=1)]


class Searched(BaseModel):
    """How a snapshot is searched: into how many `cells` its vectors are parted, and how many of them are looked through
    (`probed`), 0 where each vector is looked at; how many postings are, for one probe (`postings_max`), None where all.

    `vectors_recall`, `terms_recall`: of the hundred nearest to an article of a sample, by either part, the share that
    is found so, measured when it was built; by terms in texts or in titles, whichever is less. `filtered`: the same
    under filters; None: under these, all is looked at.
    """

    model_config = _STRICT
    cells: _Count
    probed: _Count
    vectors_recall: Annotated[float, Field(ge=0, le=1)]
    postings_max: Annotated[int, Field(ge=1)] | None
    terms_recall: Annotated[float, Field(ge=0, le=1)]
    filtered: Filtered | None = None


class Manifest(BaseModel):
    """What a snapshot says of itself.

    `content` is the digest of what it holds and by which recipe, the same for the same articles whenever they are
    indexed; `id` is the time of writing (but later than any other's) and the beginning of `content`; `parent` the
    snapshot that was current then. `sources`: how many articles each gave; `forced`: the gates that failed and were
    overridden; `live`: which live articles it took in, None where there was no store of any; `searched`: how it is
    searched, None in older formats, all of which is looked at.
    """

    model_config = _STRICT
    format: Literal[2, 3, 4, 5, 6, 7, 8]
    id: str
    created: str
    parent: str | None
    content: _Digest
    model: Model
    recipe: dict[str, Any]
    counts: Counts
    files: Annotated[dict[str, FileEntry], AfterValidator(_checked_names)]
    software: dict[str, str]
    sources: dict[str, _Count] = {}
    gates: list[GateResult] = []
    forced: list[str] = []
    live: TakenIn | None = None
    searched: Searched | None = None


def content_digest(model: Model, recipe: dict[str, Any], counts: Counts, files: dict[str, FileEntry]) -> str:
    """Return the SHA-256 of what a snapshot holds: its files, and the model and recipe they were made by."""
    return hashlib.sha256(
        _canonical(
            {
                "model": model.model_dump(),
                "recipe": recipe,
                "counts": counts.model_dump(),
                "files": {name: entry.model_dump() for name, entry in files.items()},
            }
        )
    ).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest's one form in bytes, its checksum included."""
    fields = manifest.model_dump(exclude_unset=True)  # a manifest of an older format has fewer
    checksum = hashlib.sha256(_canonical(fields)).hexdigest()
    return orjson.dumps(fields | {"checksum": checksum}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check a snapshot's manifest.

    Raises SnapshotRefused if it is missing, of another format, or not exactly as it was written.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            raw = file.read(MANIFEST_BYTES_MAX + 1)
    except OSError as error:
        raise SnapshotRefused(path, f"cannot be read ({error.strerror})") from error
    return decode_manifest(raw, path)


def decode_manifest(raw: bytes, path: Path) -> Manifest:
    """Check the bytes of a manifest that stands at `path`. Raises SnapshotRefused: see `read_manifest`."""
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise SnapshotRefused(path, f"is not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise SnapshotRefused(path, "is not a JSON object")
    if fields.get("format") not in FORMATS:
        known = ", ".join(map(str, FORMATS))
        raise SnapshotRefused(
            path,
            f"has the format {shortened(fields.get('format'))}; "
            f"this version reads the formats {known} only; index anew",
        )
    fields.pop("checksum", None)
    try:
        manifest = Manifest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SnapshotRefused(path, f"the field {field} is wrong: {first['msg']}") from error
    try:
        whole = encode_manifest(manifest) == raw
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        whole = False
    if not whole:
        raise SnapshotRefused(path, "is not as it was written (checksum)")
    if not is_snapshot_id(manifest.id) or manifest.id.rpartition("-")[2] != manifest.content[:12]:
        raise SnapshotRefused(path, f"the id {manifest.id!r} does not fit the content digest")
    if content_digest(manifest.model, manifest.recipe, manifest.counts, manifest.files) != manifest.content:
        raise SnapshotRefused(path, "the content digest does not fit the content")
    return manifest


def _canonical(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
