"""The parts of an app, and how a view works with them: who may ask it, in which of the few places it is held, and that
what it took long to make shows nothing that was taken down meanwhile.
"""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app
from werkzeug.wrappers import Response as BaseResponse

from seealso.errors import BlocksLate
from seealso.project import Placement
from seealso.settings import ServiceSettings
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.store import SnapshotStore
from service.auth import Door, needs
from service.blocks import Blocks
from service.cache import Cache
from service.clicks import Clicks
from service.comparing import Comparisons
from service.current import Current
from service.editorial import Editorial
from service.elsewhere import Elsewhere
from service.engine import Engine
from service.front import Front
from service.lanes import Lane, Lanes
from service.live import LiveArticles
from service.metrics import Metrics
from service.purging import Purging
from service.texts import Texts
from service.to_drop import ToDrop
from service.views import Views

View = Callable[..., BaseResponse]
Made = TypeVar("Made")
# Blocks that are explained, or searched for in a large index, take many milliseconds each; and a service that is told
# to stop waits 25 seconds for what is in flight.
BLOCKS_SECONDS_MAX = 15.0
# Whom views need; where others may ask as well, the view says so itself.
editors = needs(lambda: parts().door, "editor", "admin")
admins = needs(lambda: parts().door, "admin")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views work with."""

    settings: ServiceSettings
    current: Current
    cache: Cache
    blocks: Blocks
    editorial: Editorial
    door: Door
    live: LiveArticles
    engine: Engine
    to_drop: ToDrop
    purging: Purging | None
    clicks: Clicks
    views: Views
    front: Front
    lanes: Lanes
    texts: Texts
    elsewhere: Elsewhere
    metrics: Metrics
    placements: Mapping[str, Placement]
    comparisons: Comparisons
    snapshot_store: SnapshotStore | None


def parts() -> Parts:
    """Return the parts of the app being run."""
    found = current_app.extensions["seealso"]
    assert isinstance(found, Parts)
    return found


def made_in_time(making: Iterable[Made], wanted: int) -> list[Made]:
    """Return what is made one after the other, so many in all. Raises BlocksLate once it takes too long."""
    end, made = time.monotonic() + BLOCKS_SECONDS_MAX, list[Made]()
    for each in making:
        made.append(each)
        if len(made) < wanted and time.monotonic() > end:
            raise BlocksLate(len(made), wanted, BLOCKS_SECONDS_MAX)
    return made


def as_decided(make: Callable[[Snapshot], tuple[Made, Collection[int]]]) -> Made:
    """Return what is made of the snapshot that is served; once more where it shows what was taken down meanwhile.

    `make` returns it with the rows of all articles that it is about, or shows. Raises what `make` does, why nothing is
    served, and StoreUnavailable.
    """
    here = parts()
    while True:
        snapshot = here.current.snapshot()
        made, rows = make(snapshot)
        if here.editorial.moved:
            here.editorial.catch_up()
        gone = here.current.snapshot().hidden - snapshot.hidden
        if not any(snapshot.row_of(each) in rows for each in gone):
            return made


def in_a_place(lane_of: Callable[[Parts], Lane]) -> Callable[[View], View]:
    """Have a view hold one of the few places for what is no page view, from before its body is read."""

    def held_by(view: View) -> View:
        @functools.wraps(view)
        def held(*arguments: Any, **named: Any) -> BaseResponse:
            with lane_of(parts()).place():
                return view(*arguments, **named)

        return held

    return held_by
