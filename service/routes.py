"""What is asked for, by its address, and how it was answered: the names under which requests are counted.

The names are of metrics.ROUTES and metrics.OUTCOMES.
"""

from service.addresses import BLOCKS, HTML_ENDS, JSON_ENDS
from service.block.files import SCRIPT, SHEET

STATE_PATHS = frozenset({"/", "/livez", "/readyz", "/version", "/metrics", "/v1/status", "/openapi.json"})
BY_PATH = {
    "/v1/related": "batch",
    "/v1/page": "page",
    "/v1/similar": "similar",
    "/v1/articles": "editorial",
    "/v1/events": "events",
    SCRIPT: "script",
    SHEET: "script",
}
DECISIONS = (
    *("/v1/webhooks/", "/v1/trial", "/v1/takedowns", "/v1/rules", "/v1/changes", "/v1/purges", "/v1/clicks"),
    *("/v1/keys", "/v1/snapshots"),
)
DECISION_ENDS = ("/takedown", "/proof")


def route_of(path: str) -> str:
    """Return the name under which requests to an address are counted."""
    if path.startswith(BLOCKS):
        if path.endswith(JSON_ENDS):
            return "related"
        if path.endswith(DECISION_ENDS):
            return "editorial"
        return "related_html" if path.endswith(HTML_ENDS) else "article"
    if path.startswith(DECISIONS):
        return "editorial"
    if path.startswith("/desk"):
        return "desk"
    return BY_PATH.get(path) or ("state" if path in STATE_PATHS else "other")


def is_read(path: str) -> bool:
    """Return whether an address is one of those that give articles or blocks; the demo has both.

    Events come from readers' browsers, and messages of content systems are signed.
    """
    if not path.startswith(("/v1/", "/demo/")) or path in STATE_PATHS:
        return False
    return not path.startswith(("/v1/events", "/v1/webhooks/"))


def outcome_of(status: int, body: bytes) -> str:
    """Return by which name an answer is counted."""
    if status < 400:
        return "ok"
    if status < 500:
        return "invalid"
    if status == 503:
        return "busy" if b"problem:busy" in body else "unavailable"
    return "failed"
