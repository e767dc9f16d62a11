"""/v1/snapshots/ID/rollback: an earlier snapshot served again, by the same rules as `seealso rollback`."""

import threading
from contextvars import copy_context
from datetime import datetime
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.editorial.decisions import now
from seealso.editorial.rollbacks import tell_rollback_in
from seealso.editorial.store import as_text
from seealso.errors import (
    IndexLocked,
    ModelMismatch,
    NotRolledBack,
    SnapshotMissing,
    SnapshotRefused,
    SnapshotStoreUnavailable,
    UnknownSnapshot,
)
from seealso.snapshot.layout import current_or_none, is_snapshot_id, publish, snapshot_folder
from seealso.snapshot.rollback import rolling_back
from service.api.answers import JSON, answer, decided
from service.api.inputs import ReasonBody
from service.auth import who
from service.deciding import deciding
from service.parts import admins, in_a_place, parts

snapshots = APIBlueprint("snapshots", __name__, tag="Snapshots")
ROLLBACK_EXAMPLE = {"reason": "the last night took in a broken feed"}
# So long it waits for a search engine to be led to the snapshot.
ENGINE_SECONDS_MAX = 5.0
# So long an answer waits for the snapshot to be served: what was put since has to be placed in it first.
LIVE_SECONDS_MAX = 10.0


class RollbackAnswer(BaseModel):
    """What is served from now on."""

    snapshot: str
    before: str = Field(description="what was served until now")
    live: datetime | None = Field(description="since when this worker serves it; null: it is still being opened")
    within_ms: int = Field(description="from then on, all workers serve it after so long, and the time to open it")
    detail: str = Field(description="the same in words")


@snapshots.post("/v1/snapshots/<snapshot_id>/rollback")
@admins
@in_a_place(lambda here: here.lanes.batches)
@snapshots.input(ReasonBody, location="json", arg_name="body", example=ROLLBACK_EXAMPLE)
@snapshots.output(RollbackAnswer, description="It is current; this worker serves it, if `live` says so")
@snapshots.doc(operation_id="rollback", security="key", responses=decided(400, 401, 403, 404, 409, 413, 415, 503))
def roll_back(snapshot_id: str, body: ReasonBody) -> Response:
    """Serve an earlier snapshot again, until the next night publishes. Nothing is removed; caches are told."""
    here = parts()
    index = here.settings.index
    if not is_snapshot_id(snapshot_id):
        raise UnknownSnapshot(snapshot_id)
    if not snapshot_folder(index, snapshot_id).is_dir():
        if here.snapshot_store is not None and here.snapshot_store.holds(snapshot_id):
            mend = f"`seealso rollback {snapshot_id}` fetches it, on any machine"
            raise NotRolledBack(snapshot_id, f"the snapshot store holds it, and this machine does not; {mend}")
        raise UnknownSnapshot(snapshot_id)
    try:
        before = _publish(snapshot_id, body.reason)
    except IndexLocked as error:
        raise NotRolledBack(snapshot_id, f"a night is running; {error}") from None
    except (SnapshotMissing, SnapshotRefused, ModelMismatch) as error:
        raise NotRolledBack(snapshot_id, str(error)) from None
    except OSError as error:
        raise _unwritable(snapshot_id, error) from None
    led = here.engine.lead(snapshot_id, ENGINE_SECONDS_MAX)
    live = _served(snapshot_id)
    return answer(orjson.dumps(_told(snapshot_id, before, live, led, here.settings.followed_ms)), JSON)


def _publish(snapshot_id: str, reason: str) -> str:
    """Make a snapshot current, and say so in the log; return the one that was."""
    here = parts()
    index, store = here.settings.index, here.snapshot_store
    with rolling_back(index, snapshot_id, here.settings.model, store, may_fetch=False) as (_, before):
        if before is None:
            lost = "the pointer to the current one is lost; run `seealso rollback ID` where nights run"
            raise NotRolledBack(snapshot_id, lost)
        if before == snapshot_id:
            raise NotRolledBack(snapshot_id, "it is the current one already")
        before_here = current_or_none(index)
        if store is not None:
            if not store.holds(snapshot_id):
                gone = "the snapshot store does not hold it any more"
                raise NotRolledBack(snapshot_id, f"{gone}; `seealso rollback` on this machine copies it there")
            store.turn_back(snapshot_id)
        try:
            with deciding() as what:
                tell_rollback_in(what.writing, snapshot_id, before, who(), reason, here.settings)
                try:
                    publish(index, snapshot_id)
                except OSError as error:  # the store would take it for its own
                    raise _unwritable(snapshot_id, error) from None
        except BaseException as error:
            if (
                before_here is not None and current_or_none(index) != before_here
            ):  # it is not in the log, so it was not done
                publish(index, before_here)
            if store is not None:
                try:
                    store.point(before)
                except SnapshotStoreUnavailable as again:
                    mend = f"roll back to {before} once the store answers"
                    told = f"all machines may serve {snapshot_id}, which the log does not tell: {error}; {mend}"
                    raise SnapshotStoreUnavailable(store.url, f"{again.reason}, and so {told}") from error
            raise
    return before


def _unwritable(snapshot_id: str, error: OSError) -> NotRolledBack:
    reason = f"the index folder cannot be written to by this service ({error.strerror})"
    return NotRolledBack(snapshot_id, f"{reason}; run `seealso rollback` where nights run")


def _served(snapshot_id: str) -> datetime | None:
    """Return since when this worker serves a snapshot that has just become current; None if it does not yet."""
    current = parts().current
    thread = threading.Thread(target=copy_context().run, args=(current.refresh,), name="rollback", daemon=True)
    thread.start()
    thread.join(LIVE_SECONDS_MAX)
    served = current.served
    return now() if served is not None and served.id == snapshot_id else None


def _told(snapshot_id: str, before: str, live: datetime | None, led: bool, within_ms: int) -> dict[str, Any]:
    detail = f"{snapshot_id} is current, and still being opened; it is live as soon as it is."
    if live is not None:
        within = f"within {within_ms / 1000:g} seconds in every worker"
        detail = f"Live since {live:%H:%M:%S} UTC here, and {within}: {snapshot_id}."
    if not led:
        detail += " The search engine does not have it: snapshots are searched without it until `seealso distribute`."
    facts = {"snapshot": snapshot_id, "before": before, "live": live and as_text(live), "within_ms": within_ms}
    return facts | {"detail": detail}
