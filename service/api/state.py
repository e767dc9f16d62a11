"""/v1/status, /metrics, /livez, /readyz, /version: how the service is."""

import time
from importlib.metadata import version
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, redirect
from werkzeug.wrappers import Response as BaseResponse

from seealso.errors import OperatorError
from seealso.snapshot.following import read_store_state, warnings_of
from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON, StateAnswer, StatusAnswer, VersionAnswer, answer
from service.exposition import METRICS_TYPE, metrics_of
from service.parts import Parts, parts
from service.problems import documented

state = APIBlueprint("state", __name__, tag="State")
ALIVE, READY = b'{"status":"alive"}', b'{"status":"ready"}'


@state.get("/")
@state.doc(hide=True)
def root() -> BaseResponse:
    """Lead a person who opens the bare address to the documentation."""
    return redirect("/docs/")


@state.get("/livez")
@state.output(StateAnswer)
@state.doc(operation_id="livez")
def livez() -> Response:
    """Whether the process answers at all."""
    return answer(ALIVE, JSON)


@state.get("/readyz")
@state.output(StateAnswer)
@state.doc(operation_id="readyz", responses=documented(503))
def readyz() -> Response:
    """Whether there is a snapshot to answer from, and it is known what may not be shown of it."""
    return answer(READY, JSON, check_ready(parts()))


def check_ready(here: Parts) -> Snapshot:
    """Return the snapshot that a site answers from. Raises why it does not: SnapshotMissing, StoreUnavailable, ..."""
    if here.editorial.moved:
        here.editorial.catch_up()
    return here.current.snapshot()


@state.get("/version")
@state.output(VersionAnswer)
@state.doc(operation_id="version")
def version_of_all() -> Response:
    """What is running, and what it serves."""
    here = parts()
    try:
        snapshot = here.current.snapshot()
        manifest = snapshot.manifest
        served = {
            "snapshot": snapshot.id,
            "made": manifest.created,
            "articles": snapshot.articles_count,
            "model": str(manifest.model.identity()),
        }
    except OperatorError:
        served = {"snapshot": None, "made": None, "articles": None, "model": None}
    return answer(orjson.dumps({"version": version("seealso")} | served | {"cache": here.cache.state}), JSON)


@state.get("/v1/status")
@state.output(StatusAnswer)
@state.doc(operation_id="status")
def status() -> Response:
    """What is served, how old it is, and what somebody should look at."""
    here = parts()
    served: dict[str, Any] = dict.fromkeys(("snapshot", "made", "age_s", "articles", "live", "model"))
    forced, warnings = list[str](), list[str]()
    try:
        snapshot = here.current.snapshot()
    except OperatorError as error:
        warnings.append(f"nothing is served: {error}")
    else:
        manifest = snapshot.manifest
        served = {
            "snapshot": snapshot.id,
            "made": manifest.created,
            "age_s": round(here.current.age_s(snapshot)),
            "articles": snapshot.articles_count,
            "live": snapshot.live_count,
            "model": str(manifest.model.identity()),
        }
        forced = manifest.forced
        if problem := here.current.problem:
            warnings.append(f"{snapshot.id} goes on being served: {problem}")
        if old := here.current.age_warning(snapshot):
            warnings.append(old)
        warnings += here.live.warnings(snapshot)
    warnings += here.editorial.warnings()
    if here.snapshot_store is not None:
        warnings += warnings_of(read_store_state(here.settings.index), time.time())
    told = {"forced": forced, "cache": here.cache.state, "engine": here.engine.state}
    told |= {"degraded": here.front.degraded, "warnings": warnings}
    return answer(orjson.dumps(served | told), JSON)


@state.get("/metrics")
@state.doc(hide=True)
def metrics() -> Response:
    """The same for Prometheus."""
    here = parts()
    shared = here.snapshot_store is not None
    return answer(metrics_of(here.metrics, here.current, here.editorial, here.settings.index, shared), METRICS_TYPE)
