"""Traces by OpenTelemetry, where they are wanted: a span for each request, and for what it waited for.

Where they go is said by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, ...). Its
packages are an extra, `seealso[traces]`, and are imported only here, when they are needed. The one user of
OpenTelemetry.
"""

from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from multiprocessing.util import Finalize
from typing import Any

from seealso.errors import SettingsInvalid
from seealso.settings import variable

SERVICE_NAME = "seealso"
_NONE: Any = nullcontext()
_tracer: Any = None
_provider: Any = None


def span(name: str) -> Any:
    """Return a span to hold around what somebody waits for; where no traces are wanted, nothing."""
    return _NONE if _tracer is None else _tracer.start_as_current_span(name)


def traced(app: Any, route_of: Callable[[str], str], site: str | None = None) -> Any:
    """Return a WSGI application with a span for each request, named for its route, within the caller's own trace.

    Call after the fork. Raises SettingsInvalid if the extra is not installed.
    """
    provider = _provider_of_process()
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

    def name(span: Any, environ: dict[str, Any]) -> None:
        span.update_name(f"{environ['REQUEST_METHOD']} {route_of(environ['PATH_INFO'])}")
        if site is not None:
            span.set_attribute("seealso.site", site)

    return OpenTelemetryMiddleware(app, request_hook=name, tracer_provider=provider)


def _provider_of_process() -> Any:
    """Return what sends the spans of all apps of this process; begun with the first."""
    global _tracer, _provider
    if _provider is not None:
        return _provider
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation import wsgi  # noqa: F401 - whether it is there
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsInvalid(f"traces: {error.name} is missing; install seealso[traces], or unset it") from None
    named = {} if variable("OTEL_SERVICE_NAME") else {"service.name": SERVICE_NAME}
    resource = Resource.create(named | {"service.version": version("seealso")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    # When the worker ends by itself, what is left is sent: what is registered with atexit is not called in it.
    Finalize(None, provider.shutdown, exitpriority=1)
    _tracer = provider.get_tracer(SERVICE_NAME)
    _provider = provider
    return provider
