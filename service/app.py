"""The Flask app, wired together; nothing is decided here."""

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from apiflask import APIFlask
from flask import Blueprint
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, IntegerConverter, Map

from seealso.editorial.decisions import NOTHING, now
from seealso.editorial.store import Store
from seealso.encoder import Encoder, load_encoder
from seealso.errors import StoreUnavailable
from seealso.machine import machine_name
from seealso.project import read_block, read_placements, read_trial
from seealso.settings import ServiceSettings
from seealso.snapshot.milvus import address_of
from seealso.snapshot.store import SnapshotStore
from service.addresses import Addresses
from service.api.articles import articles
from service.api.batch import batch
from service.api.decisions import decisions
from service.api.events import events
from service.api.inputs import SEQUENCE_MAX
from service.api.keys import keys
from service.api.publishing import publishing
from service.api.purges import purges
from service.api.reading import check_query
from service.api.similar import similar
from service.api.snapshots import snapshots
from service.api.state import state
from service.api.takedowns import takedowns
from service.api.trials import trials
from service.api.webhooks import webhooks
from service.auth import Door, is_known
from service.block.files import page_files
from service.blocks import Blocks
from service.cache import Cache
from service.clicks import Clicks
from service.comparing import Comparisons
from service.copies import Copies
from service.current import Current
from service.demo.room import demo
from service.desk.archive import archive_room
from service.desk.archive_clicks import click_room
from service.desk.archive_map import map_room
from service.desk.archive_tables import table_room
from service.desk.archive_texts import text_room
from service.desk.article import article_room
from service.desk.compare import compare_room
from service.desk.draft import draft_room
from service.desk.find import find_room
from service.desk.keys import keys_room
from service.desk.log import log_room
from service.desk.login import desk
from service.desk.night import night_room
from service.desk.panel import panel_room
from service.desk.rules import rules_room
from service.desk.settings import settings_room
from service.desk.tools import tools_room
from service.editorial import Editorial, open_store
from service.elsewhere import Elsewhere
from service.ended import Ended
from service.engine import Engine
from service.fetching import Fetcher
from service.freshness import Lifetimes
from service.front import Front
from service.lanes import lanes_of
from service.live import LiveArticles
from service.metrics import Families, Metrics
from service.parts import Parts
from service.problems import Problem, register_problems
from service.purging import Purging
from service.rates import Rates
from service.routes import route_of
from service.sessions import Sessions, secret_of_machine
from service.texts import Texts
from service.to_drop import ToDrop
from service.traces import traced
from service.trial import Trial
from service.views import TAKEN_SECONDS_MAX, Views

# The endpoints that are no page views.
ASIDES = ["similar.similar_to_text", "batch.related_to_many", "batch.page", "desk_draft.read_draft"]
EVENTS = "events.count_events"
LOGIN = "desk.login"
BLUEPRINTS: list[Blueprint] = [
    *(articles, batch, decisions, events, publishing, purges, similar, state, takedowns, trials, webhooks),
    *(keys, snapshots),
    *(desk, find_room, article_room, draft_room, panel_room, tools_room),
    *(archive_room, map_room, table_room, text_room, click_room),
    *(night_room, compare_room, rules_room, log_room, keys_room, settings_room),
]
MEGABYTE = 1_000_000
# Page views, texts and batches are worked on beside each other.
ENGINE_PER_THREAD = 2


class ArticleIdConverter(BaseConverter):
    """The id of an article in an address: anything, slashes at its beginning and within it included."""

    # No id ends like the address of a block. None has a line feed, which whoever sends one is told.
    regex = r"(?s:.+?)(?<!/related)(?<!/related\.html)"
    part_isolating = False


class NumberConverter(IntegerConverter):
    """The number of a change, a rule or a message in an address: what no database can have given is no address."""

    # Not \d: int() takes the digits of any script.
    regex = "[0-9]+"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=SEQUENCE_MAX)


def create_app(
    settings: ServiceSettings,
    load: Callable[[str], Encoder] = load_encoder,
    families: Families | None = None,
    other_site: Callable[[str], str | None] = lambda _: None,
    look: bool = True,
    taken_s: float = TAKEN_SECONDS_MAX,
) -> APIFlask:
    """Return the app of a site, with the current snapshot open if there is one; it does not follow the pointer yet.

    `families`: in which all apps of a process count; None: it is the only one. `other_site`: see Editorial. `look`:
    whether to read the editorial store, and open the snapshot as was decided; False: that would only take long.
    `taken_s`: see Views.
    """
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
    app.security_schemes = {"key": {"type": "http", "scheme": "bearer"}}
    app.description = "Related articles for publishers. Errors are problem+json (RFC 9457)."
    app.url_map.converters |= {"article_id": ArticleIdConverter, "int": NumberConverter}
    # An id may be an address, with slashes in a row.
    app.url_map.merge_slashes = False
    app.extensions["seealso"] = here = make_parts(app, settings, load, families, other_site, taken_s)
    here.current.beside = here.engine.beside
    here.current.opened, here.current.prepare = here.live.open, here.views.prepare
    here.editorial.changed = here.views.decide
    here.views.decide(NOTHING, now())
    if look:
        with suppress(StoreUnavailable):  # it has been logged; nobody is answered before it can be read
            here.editorial.catch_up()
            here.current.refresh()
    app.wsgi_app = here.front  # type: ignore[method-assign]
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies)  # type: ignore[method-assign]
    if settings.traces:
        app.wsgi_app = traced(app.wsgi_app, route_of, settings.site)  # type: ignore[method-assign]
    register_problems(app)
    app.before_request(check_query)
    app.spec_processor(complete_document)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if settings.demo:
        app.register_blueprint(demo)
    limits = dict.fromkeys(ASIDES, settings.rate_limit) | {EVENTS: settings.events_limit}
    failed = {LOGIN: settings.login_limit}
    redis = settings.redis_url, settings.redis_timeout_ms

    def gone() -> bool:
        return here.cache.state == "down"

    Rates(limits, *redis, failed, lambda: is_known(here.door), settings.site, gone).attach(app)
    app.register_blueprint(
        get_swaggerui_blueprint("/docs", "/openapi.json", {"app_name": "Seealso", "validatorUrl": None})
    )
    return app


def make_parts(
    app: APIFlask,
    settings: ServiceSettings,
    load: Callable[[str], Encoder],
    families: Families | None,
    other_site: Callable[[str], str | None],
    taken_s: float,
) -> Parts:
    """Return the parts of an app."""
    metrics = Metrics(settings.site, families)
    current = Current(settings.index, settings.model, settings.snapshot_age_warning_h)
    cache = Cache(
        settings.redis_url,
        settings.redis_timeout_ms,
        settings.cache_ttl_s,
        connections=settings.threads,
        failed=metrics.redis_failed,
        turned=metrics.breaker,
        site=settings.site,
    )
    placements = read_placements(settings.project)
    keyed = settings.reading == "keyed"
    lifetimes = Lifetimes(settings.fresh_min_s, settings.fresh_max_s, settings.stale_if_error_s, public=not keyed)
    trial_entry = read_trial(settings.project)
    trial = None if trial_entry is None else Trial(trial_entry)
    dress = read_block(settings.project)
    blocks = Blocks(lifetimes, metrics, trial, dress, settings.site)
    store = open_store(settings)
    purging = None
    if store is not None and settings.purge_webhook is not None:
        as_keys = settings.purge_form == "keys"
        purging = Purging(store, settings.purge_webhook, settings.purge_authorization, as_keys)
    machine = "" if store is None else machine_name(store.counter.path.parent)
    editorial = Editorial(store, machine, other_site)
    door = Door(editorial, sessions_of(settings, store))
    lanes = lanes_of(settings)
    texts = Texts(load, max(1, settings.threads // 2), settings.text_deadline_s, metrics.encoded)
    live = LiveArticles(store, settings.index, texts.embedded)
    engine = Engine(
        address_of(settings),
        settings.milvus_timeout_ms,
        ENGINE_PER_THREAD * settings.threads,
        failed=metrics.engine_failed,
        searched=metrics.searched,
        turned=metrics.engine_missing,
    )
    origins = frozenset(settings.cors_origins.split())
    views = Views(
        current,
        cache,
        copies=Copies(int(settings.copies_mb * MEGABYTE)),
        lane=lanes.views,
        explained=lanes.explained,
        addresses=Addresses(placements, dress),
        blocks=blocks,
        editorial=editorial,
        live=live,
        state=repr((version("seealso"), sorted(placements.items()), lifetimes, trial, dress)).encode(),
        vary="Accept-Encoding, Origin" if origins - {"*"} else "Accept-Encoding",
        swapped=metrics.swapped,
        taken_s=taken_s,
    )
    front = Front(
        app.wsgi_app,
        views,
        current,
        cache,
        metrics,
        editorial,
        door,
        engine,
        files=page_files(placements, dress),
        origins=origins,
        keyed=keyed,
        log_requests=settings.log_requests,
    )
    to_drop = ToDrop(settings.index, settings.site, current, editorial)
    if purging is not None:
        purging.beside = Ended(editorial, to_drop, settings.site).tell
    return Parts(
        settings=settings,
        current=current,
        cache=cache,
        blocks=blocks,
        editorial=editorial,
        door=door,
        live=live,
        engine=engine,
        to_drop=to_drop,
        purging=purging,
        clicks=Clicks(store, settings.events_every, metrics.event, lambda: len(current.served or ())),
        views=views,
        front=front,
        lanes=lanes,
        texts=texts,
        elsewhere=Elsewhere(Fetcher(settings.desk_fetch)),
        metrics=metrics,
        placements=placements,
        comparisons=Comparisons(settings.index, lambda: current.plain),
        snapshot_store=None
        if settings.snapshot_store is None
        else SnapshotStore(settings.snapshot_store, settings.site),
    )


def sessions_of(settings: ServiceSettings, store: Store | None) -> Sessions:
    """Return how people at browsers are told."""
    if settings.session_secret is not None:
        secret = settings.session_secret.encode()
    else:
        secret = secret_of_machine(store.counter.path.parent) if store is not None else secrets.token_bytes(32)
    if settings.site is not None:  # one secret may be several sites'
        secret = hmac.digest(secret, settings.site.encode(), "sha256")
    proxies = tuple(settings.desk_proxies.split())
    return Sessions(secret, settings.session_hours, settings.desk_user_header, proxies, settings.desk_scope)


def complete_document(document: Any) -> Any:
    """Add to the OpenAPI document what APIFlask leaves out: the form of problems, that bodies are not optional, and
    that a 202 has the form of a 200.
    """
    document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    for methods in document["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            answers = operation.get("responses", {})
            if "202" in answers and "200" in answers:
                answers["202"]["content"] = answers["200"]["content"]
    return document
