"""/v1/trial: which of two recipes readers clicked more."""

from dataclasses import asdict
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.editorial.trials import Share, Verdict, compare_interleaved, compare_split, read_teams
from seealso.errors import InvalidRequest
from service.api.answers import JSON, answer
from service.api.inputs import DaysQuery
from service.parts import editors, parts
from service.problems import documented

trials = APIBlueprint("trials", __name__, tag="Trials")


class ShareFacts(BaseModel):
    """What was counted for a team."""

    articles: int = Field(description="under so many articles")
    shown: int
    clicked: int
    share: float | None = Field(description="clicked of shown; null where nothing was shown")


class TrialAnswer(BaseModel):
    """How two recipes compare: a is the snapshot's, b the one that is tried."""

    trial: str
    method: str = Field(description="'split' or 'interleaving'")
    a: ShareFacts
    b: ShareFacts
    difference: float | None = Field(
        description="split: b's share less a's; interleaving: the share of clicks that went to b, less one half"
    )
    low: float | None = Field(description="it is not below this, with 95 % certainty over articles")
    high: float | None = Field(description="nor above this")
    better: str | None = Field(description="'a' or 'b'; null while it cannot be told")


@trials.get("/v1/trial")
@editors
@trials.input(DaysQuery, location="query", arg_name="query")
@trials.output(TrialAnswer)
@trials.doc(operation_id="trial", security="key", responses=documented(400, 401, 403, 503))
def how_it_stands(query: DaysQuery) -> Response:
    """How the trial in seealso.toml stands, by what was shown and clicked on some days, or ever."""
    here = parts()
    trial = here.blocks.trial
    if trial is None:
        raise InvalidRequest("trial", "none runs; describe one in seealso.toml, as docs/editorial.md says, and restart")
    teams = read_teams(here.editorial.store(), trial.name, query.first, query.last)
    verdict = compare_split(teams) if trial.method == "split" else compare_interleaved(teams)
    return answer(orjson.dumps({"trial": trial.name, "method": trial.method, **_told(verdict)}), JSON)


def _told(verdict: Verdict) -> dict[str, Any]:
    told = {name: value for name, value in asdict(verdict).items() if name not in ("a", "b")}
    rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in told.items()}
    return rounded | {"a": _share(verdict.a), "b": _share(verdict.b)}


def _share(share: Share) -> dict[str, Any]:
    return share._asdict() | {"share": None if share.share is None else round(share.share, 6)}
