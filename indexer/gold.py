"""What people call related: lines of a file, or the articles' own picks -> grades by query and article."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seealso.article import ArticleId
from seealso.errors import SourceUnreadable
from seealso.snapshot.snapshot import Snapshot

# id of the query -> id of the article -> grade, above 0
Gold = dict[str, dict[str, float]]

_GZIP_MAGIC = b"\x1f\x8b"


class GoldLine(BaseModel):
    """One query: an article, and how related others are to it. Other keys of the line are left aside."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: ArticleId
    related: dict[ArticleId, Annotated[float, Field(gt=0, allow_inf_nan=False)]]


def read_gold(path: Path) -> Gold:
    """Read JSON lines `{"id": ..., "related": {id: grade}}`, plain or gzipped.

    Raises SourceUnreadable, naming the line, for anything else: a measure is no better than its gold.
    """
    gold: Gold = {}
    number = 0
    try:
        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            found = GoldLine.model_validate(orjson.loads(line))
            if found.id in gold:
                raise SourceUnreadable(f"{path}:{number}", f"the query {found.id!r} is given more than once")
            gold[found.id] = {each: grade for each, grade in found.related.items() if each != found.id}
    except (orjson.JSONDecodeError, ValidationError, EOFError, zlib.error, OSError) as error:
        reason = str(error).splitlines()[0] if not isinstance(error, OSError) else error.strerror or str(error)
        raise SourceUnreadable(f"{path}:{number}", f"no gold line ({reason})") from error
    return gold


def picks_of(snapshot: Snapshot) -> Gold:
    """Return the editors' picks of a snapshot's articles, each of grade 1."""
    gold: Gold = {}
    for row in range(len(snapshot)):
        fields = orjson.loads(snapshot.article(row))
        picks = [pick for pick in fields.get("editor_related") or [] if pick != fields["id"]]
        if picks:
            gold[fields["id"]] = dict.fromkeys(picks, 1.0)
    return gold


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        packed = raw.peek(2)[:2] == _GZIP_MAGIC
        with gzip.open(raw) if packed else raw as file:
            yield from file
