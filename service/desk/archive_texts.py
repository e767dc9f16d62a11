"""/desk/archive/texts: articles with so little text that nothing is related to them, and what the night refused."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import orjson
from flask import Response

from seealso.snapshot.snapshot import Snapshot
from service.archive import THIN_CHARACTERS, thin
from service.desk.archive import PAGE, PageQuery, entry_of
from service.desk.listing import listed
from service.desk.pages import looking, page, query_of, room
from service.nights import read_report
from service.parts import in_a_place, parts

text_room = room("archive_texts")


class TextsQuery(PageQuery):
    """Which list: short texts, or what was refused."""

    show: Literal["thin", "refused"] = "thin"


class Refusal(NamedTuple):
    """Where something was found that is no article, and why it is none."""

    where: str
    reason: str


class Refused(NamedTuple):
    """What a night could not take in. `number`: of all; a report lists the first of many."""

    number: int
    listed: list[Refusal]


@text_room.get("/archive/texts")
@looking
@in_a_place(lambda here: here.lanes.batches)
def texts() -> Response:
    """Articles with little text, or what was not taken in at all."""
    query, snapshot = query_of(TextsQuery), parts().current.snapshot()
    short = thin(snapshot)
    refused = refused_by(read_report(parts().settings.index, snapshot.id))
    shown: list[Any] = short.tolist() if query.show == "thin" else refused.listed if refused else []
    listing = listed(shown, query.page, PAGE)
    lengths = snapshot.text_lengths
    entries = listing.items
    if query.show == "thin":
        entries = [(entry_of(snapshot, row), words_in(snapshot, row), int(lengths[row])) for row in listing.items]
    return page(
        "archive_texts.html",
        query=query,
        snapshot=snapshot,
        listing=listing,
        entries=entries,
        short=len(short),
        characters=THIN_CHARACTERS,
        refused=refused,
    )


def refused_by(report: Mapping[str, Any]) -> Refused | None:
    """Return what a night could not take in; None where its report does not tell it."""
    try:
        found = [Refusal(str(each["where"]), str(each["reason"])) for each in report["quarantined"]]
        return Refused(max(int(report["quarantined_count"]), len(found)), found)
    except (ValueError, TypeError, KeyError):  # there is no report, or not as a night wrote it
        return None


def words_in(snapshot: Snapshot, row: int) -> int:
    """Return how many words of text an article has, its title aside."""
    article = orjson.loads(snapshot.article(row))
    return len(f"{article.get('summary') or ''} {article['body']}".split())
