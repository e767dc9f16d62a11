"""/desk/night: what nights made and how they went, how the parts of the service are, and the reports of nights."""

import time
from typing import Annotated, NamedTuple

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import NotFound

from seealso.editorial.machines import Machine, read_machines
from seealso.editorial.purges import Purge, count_purges, read_purges
from seealso.editorial.store import Store
from seealso.errors import OperatorError, StoreUnavailable
from seealso.snapshot.following import read_store_state, warnings_of
from seealso.snapshot.layout import current_or_none
from service.desk.listing import listed
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import clock, day, size
from service.nights import made, night_named, nights_of, report_page, snapshots_of
from service.parts import parts

night_room = room("night")
SNAPSHOTS_SHOWN, NIGHTS_SHOWN, PURGES_SHOWN = 10, 15, 10
# A night's report holds its own styles and drawings, and nothing that runs.
REPORT_POLICY = "; ".join(
    (
        *("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "sandbox"),
        *("form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"),
    )
)


class NightQuery(BaseModel):
    """Which part of the lists is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    nights: Annotated[int, Field(ge=1, le=10_000)] = 1


class Part(NamedTuple):
    """How a part of the service is: `state` is 'good', 'warn' or 'wrong'; both others are words."""

    name: str
    state: str
    word: str
    says: str


class Backlog(NamedTuple):
    """What waits to be sent to caches, and what was given up."""

    waiting: int
    given_up: int
    lost: list[Purge]


@night_room.get("/night")
@looking
def night() -> Response:
    """What nights made, how they went, and how the service is."""
    query = query_of(NightQuery)
    here = parts()
    index, served = here.settings.index, here.current.served
    ids = listed(snapshots_of(index), query.page, SNAPSHOTS_SHOWN)
    nights = listed(nights_of(index), query.nights, NIGHTS_SHOWN)
    current = current_or_none(index)
    return page(
        "night.html",
        listing=ids,
        snapshots=[made(index, snapshot_id) for snapshot_id in ids.items],
        current=current,
        served=served,
        live=0 if served is None else served.live_count,
        parts=_parts(),
        backlog=_backlog(),
        counting=here.clicks.waiting,
        nights=[night_named(index, name) for name in nights.items],
        night_listing=nights,
        poll_ms=here.settings.snapshot_poll_ms,
        clock=clock,
        day=day,
        size=size,
    )


@night_room.get("/night/report/<name>")
@looking
def report(name: str) -> Response:
    """A night's report, as it was drawn."""
    found = report_page(parts().settings.index, name)
    if found is None:
        raise NotFound
    response = Response(found, mimetype="text/html")
    response.headers["Content-Security-Policy"] = REPORT_POLICY
    return response


def _parts() -> list[Part]:
    """Return how the parts are, as this worker knows them."""
    here = parts()
    found = [_snapshot(), *_shared(), _redis(here.cache.state)]
    model = here.texts.loaded
    told = f"{model} is loaded." if model else "No model is loaded: the first text that is looked for loads it."
    found.append(Part("Encoder", "good", "ready" if model else "asleep", told))
    try:
        store = here.editorial.store()
        found.append(Part("Store", "good", "reachable", f"{store.name}, {store.sequence():,} changes in its log."))
        found += [_machine(machine, store) for machine in _machines(store)]
    except StoreUnavailable as error:
        found.append(Part("Store", "wrong", "not reachable", f"{error}. What was decided before still holds."))
    return found


def _snapshot() -> Part:
    here = parts()
    try:
        snapshot = here.current.snapshot()
    except OperatorError as error:
        return Part("Snapshot", "wrong", "none", f"Nothing is served: {error}")
    if problem := here.current.problem:
        return Part("Snapshot", "wrong", "behind", f"{snapshot.id} goes on being served: {problem}")
    warning = here.current.age_warning(snapshot)
    if warning:
        return Part("Snapshot", "warn", "look", f"{warning[:1].upper()}{warning[1:]}.")
    return Part("Snapshot", "good", "fresh", f"{here.current.age_s(snapshot) / 3_600:.1f} hours old.")


def _shared() -> list[Part]:
    """Return how the snapshot store is, where there is one."""
    here = parts()
    if here.snapshot_store is None:
        return []
    known = read_store_state(here.settings.index)
    warnings = warnings_of(known, time.time())
    if warnings:
        return [Part("Snapshot store", "warn", "look", f"{warnings[0][:1].upper()}{warnings[0][1:]}.")]
    if known.fetching is not None:
        share = known.here / max(1, known.total)
        return [Part("Snapshot store", "good", "fetching", f"{known.fetching}: {share:.0%} is here.")]
    return [Part("Snapshot store", "good", "reachable", f"All machines are to serve {known.current}.")]


def _redis(state: str) -> Part:
    told = {
        "up": Part("Redis", "good", "up", "It answers in time."),
        "down": Part("Redis", "warn", "down", "It is given up for the moment; answers are computed without it."),
        "off": Part("Redis", "good", "off", "None is used."),
    }
    return told[state]


def _machines(store: Store) -> list[Machine]:
    return read_machines(store) if store.shared else []


def _machine(machine: Machine, store: Store) -> Part:
    behind = store.sequence() - machine.sequence
    silent = f"Last heard of {machine.silent_s:.0f} seconds ago; it knows {machine.sequence:,} changes."
    state = "good" if machine.silent_s < 10 and behind <= 0 else "warn"
    return Part(f"Machine {machine.name}", state, "here" if state == "good" else "behind", silent)


def _backlog() -> Backlog | None:
    """Return what caches in front have not taken; None where it cannot be known."""
    try:
        with parts().editorial.store().reading() as connection:
            lost = read_purges(connection, "given-up", PURGES_SHOWN)
            return Backlog(count_purges(connection, "waiting"), count_purges(connection, "given-up"), lost)
    except StoreUnavailable:
        return None
