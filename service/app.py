"""The Flask app, wired together; nothing is decided here."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from apiflask import APIFlask
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.routing import BaseConverter

from seealso.encoder import Encoder, load_encoder
from seealso.project import read_placements
from seealso.settings import ServiceSettings
from service.api.answers import Parts
from service.api.articles import articles
from service.api.similar import similar
from service.api.state import state
from service.cache import Cache
from service.current import Current
from service.problems import Problem, register_problems
from service.texts import Texts


class ArticleIdConverter(BaseConverter):
    """The id of an article in an address: anything, slashes at its beginning and within it included."""

    regex = ".+?"
    part_isolating = False


def create_app(settings: ServiceSettings, load: Callable[[str], Encoder] = load_encoder) -> APIFlask:
    """Return the app, with the current snapshot open if there is one; it does not follow the pointer by itself yet."""
    app = APIFlask(
        "service",
        title="Seealso",
        version=version("seealso"),
        spec_path="/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes_max
    app.config["VALIDATION_ERROR_STATUS_CODE"] = 400
    app.config["AUTO_VALIDATION_ERROR_RESPONSE"] = False
    app.config["AUTO_404_RESPONSE"] = False
    app.description = "Related articles for publishers. Errors are problem+json (RFC 9457)."
    app.url_map.converters["article_id"] = ArticleIdConverter
    # An id may be an address, with slashes in a row.
    app.url_map.merge_slashes = False
    current = Current(settings.index, settings.model, settings.snapshot_age_warning_h)
    current.refresh()
    app.extensions["seealso"] = Parts(
        settings=settings,
        current=current,
        cache=Cache(settings.redis_url, settings.redis_timeout_ms, settings.cache_ttl_s),
        texts=Texts(load, at_once_max=max(1, settings.threads // 2)),
        placements=read_placements(settings.project),
    )
    register_problems(app)
    app.spec_processor(complete_document)
    for blueprint in (articles, similar, state):
        app.register_blueprint(blueprint)
    app.register_blueprint(
        get_swaggerui_blueprint("/docs", "/openapi.json", {"app_name": "Seealso", "validatorUrl": None})
    )
    return app


def complete_document(document: Any) -> Any:
    """Add to the OpenAPI document what APIFlask leaves out: the form of problems, and that bodies are not optional."""
    document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    for methods in document["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return document
