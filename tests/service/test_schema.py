"""S1: the whole API against its own OpenAPI document: what is asked in its words, and what is not, by schemathesis."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, Config, openapi
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.snapshot.layout import current_id
from tests.figures import figure
from tests.makers import articles, index_of
from tests.service.api.test_webhooks import SECRET, signature

MakeApp = Callable[..., APIFlask]
ARTICLES = 20
WEBHOOKS = "/v1/webhooks/"
UNCODED = {"Accept-Encoding": "identity"}
# What is asked for in the words of the document may be refused for what no schema can say: ids that must be there each
# once, a time that is none. That it is said with 400, and in the document's form, the other checks see to.
UNTOLD = positive_data_acceptance
# What is not in the document's words may as well be too long, or about an article that was taken down.
REFUSED = ["400", "401", "403", "404", "405", "409", "410", "413", "415"]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    fields = {"section": "News", "language": "en", "published": "2025-03-01", "author": "Ann Reed", "tags": ["Sea"]}
    index_of(tmp_path, articles(ARTICLES, **fields))
    return tmp_path


@pytest.fixture
def app(index: Path, make_app: MakeApp) -> APIFlask:
    unlimited = {"rate_limit": "none", "events_limit": "none"}
    return make_app(index, wordpress_secret=SECRET, ghost_secret=SECRET, **unlimited)


class Asking:
    """Asks for what schemathesis makes up, with a key that opens everything, and counts what is answered."""

    def __init__(self, app: APIFlask, index: Path) -> None:
        self._store = Store(index)
        self._snapshot = current_id(index)
        config = Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}})
        self.schema = openapi.from_wsgi("/openapi.json", app, config=config)
        self.statuses: Counter[int] = Counter()

    def everything(self, cases: int, seeded: bool) -> None:
        """Ask each operation for so many things that it wants, and for as many that it does not.

        Raises what is wrong with answers, one for each operation and each of both, together.
        """
        wrong: list[Exception | FailureGroup] = []
        for found in self.schema.get_all_operations():
            key = create_key(self._store, "S1", "admin", "test")[1]
            headers = UNCODED | {"Authorization": f"Bearer {key}"}
            assert isinstance(found, Ok), found
            for mode in GenerationMode:
                try:
                    self._operation(found.ok().as_strategy(generation_mode=mode), headers, cases, seeded)
                except Unsatisfiable:  # what takes anything cannot be asked for what it does not want
                    assert mode is GenerationMode.NEGATIVE
                except (Exception, FailureGroup) as error:
                    wrong.append(error)
        if wrong:
            raise BaseExceptionGroup("answers are not those of the document", wrong)

    def _operation(
        self, made: strategies.SearchStrategy[Case[Any]], headers: dict[str, str], cases: int, seeded: bool
    ) -> None:
        @settings(
            max_examples=cases,
            derandomize=seeded,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=made, data=strategies.data())
        def ask(case: Case[Any], data: strategies.DataObject) -> None:
            self._one(case, data, headers)

        ask()

    def _one(self, case: Case[Any], data: strategies.DataObject, headers: dict[str, str]) -> None:
        """Ask for one thing, about what there is if it is in the document's words, and check the answer."""
        sent: dict[str, Any] = {"headers": headers}
        assert case.meta is not None
        asked_for = case.meta.components.get(ParameterLocation.HEADER)
        if asked_for is not None and asked_for.mode is GenerationMode.NEGATIVE:  # a key that is none, or none at all
            sent = {"headers": UNCODED}
        elif case.meta.generation.mode is GenerationMode.POSITIVE:
            case.path_parameters = self._known(case.path_parameters, data)
            case.body = self._known(case.body, data)
            if case.path.startswith(WEBHOOKS):
                sent = signed(case)
        answer = case.call(**sent)
        self.statuses[answer.status_code] += 1
        case.validate_response(answer, headers=sent["headers"], excluded_checks=[UNTOLD])

    def _known(self, value: Any, data: strategies.DataObject) -> Any:
        """Return the same, in which some names are those of something that there is."""
        if isinstance(value, list):
            return [self._known(each, data) for each in value]
        if not isinstance(value, dict):
            return value
        ids = strategies.integers(0, ARTICLES - 1).map("a{:03}".format)
        there: dict[str, strategies.SearchStrategy[Any]] = {
            "article_id": ids,
            "article": ids,
            "item": ids,
            "articles": strategies.lists(ids, min_size=1, max_size=5, unique=True),
            "snapshot_id": strategies.just(self._snapshot),
            **dict.fromkeys(("rule_id", "purge_id", "sequence"), strategies.integers(1, 50)),
        }
        made = {name: self._known(each, data) for name, each in value.items()}
        for name in sorted(set(made) & set(there)):
            drawn = data.draw(strategies.none() | there[name])
            if drawn is not None and type(drawn) is type(made[name]):
                made[name] = drawn
        return made


def signed(case: Case[Any]) -> dict[str, Any]:
    """Return how a message is sent that a content system has just signed."""
    message: Any = case.body
    if "time" in message:
        message["time"] = int(time.time())
    body, moment = json.dumps(message).encode(), str(int(time.time() * 1000))
    headers = UNCODED | {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": signature(body),
        "X-Ghost-Signature": f"{signature(body + moment.encode())}, t={moment}",
    }
    return {"data": body, "headers": headers}


def test_answers_are_those_of_the_document(app: APIFlask, index: Path) -> None:
    asking = Asking(app, index)
    asking.everything(5, True)
    assert {200, 204, 400, 401, 404} <= set(asking.statuses)


@pytest.mark.torture
@pytest.mark.row("S1")
def test_a_hundred_thousand_answers_are_those_of_the_document(app: APIFlask, index: Path) -> None:
    asking, began = Asking(app, index), time.monotonic()
    try:
        asking.everything(1_900, False)
    finally:
        answered = ", ".join(f"{count:,} by {status}" for status, count in sorted(asking.statuses.items()))
        figure(f"{asking.statuses.total():,} requests in {time.monotonic() - began:,.0f} s, answered {answered}")
