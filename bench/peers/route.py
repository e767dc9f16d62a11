"""The small Flask route behind which a vector engine answers with the cards nearest to an article's, by its id."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from flask import Flask, Response, abort

LIMIT = 12
# Where the engine's files are; set by who starts the server.
FOLDER = "PEERS_FOLDER"

# An article's id -> its nearest as (id, card, score), best first; None if there is no such article.
Nearest = Callable[[str], Iterable[tuple[str, str, float]] | None]


def create_app(nearest: Nearest) -> Flask:
    """Return an app that answers as Seealso does; the article itself is dropped if it is among its nearest."""
    app = Flask("peer")

    @app.get("/articles/<path:article_id>/related")
    def related(article_id: str) -> Response:
        found = nearest(article_id)
        if found is None:
            abort(404)
        others = [f'{card[:-1]},"score":{score:.4f}}}' for other, card, score in found if other != article_id]
        body = f'{{"id":{json.dumps(article_id)},"related":[{",".join(others[:LIMIT])}]}}'
        return Response(body, content_type="application/json")

    @app.get("/")
    def ready() -> str:
        return "ready"

    return app


def folder() -> Path:
    """Return where the engine's files are."""
    return Path(os.environ[FOLDER])


def copied_folder() -> Path:
    """Return a copy of the engine's files for this worker alone, for engines that lock their folder."""
    copy = Path(tempfile.mkdtemp(prefix="peer-")) / "copy"
    shutil.copytree(folder(), copy)
    return copy
