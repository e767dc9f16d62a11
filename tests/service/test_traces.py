import os
import subprocess
import sys
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.listener import Listener, listening
from tests.makers import articles, index_of
from tests.servers import serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECONDS_MAX = 30.0


def spans_of(listener: Listener, names: set[str]) -> dict[str, tuple[str, str]]:
    """Return trace and service by span name, once all of these names have come."""
    found: dict[str, tuple[str, str]] = {}
    end = time.monotonic() + SECONDS_MAX
    while not names <= set(found):
        assert time.monotonic() < end, found
        time.sleep(0.05)
        for _, path, _, body in list(listener.asked):
            assert path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                told = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    found |= {span.name: (span.trace_id.hex(), told["service.name"]) for span in scope.spans}
    return found


def test_request_is_a_span_of_its_callers_trace_with_what_it_waited_for(tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(6))
    with listening() as listener:
        wanted = {
            "SEEALSO_TRACES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": listener.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with serving(tmp_path / "index", tmp_path / "log", 1, True, **wanted) as service:
            answer = service.get("/v1/articles/a000/related", traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
            assert answer.status == 200
            found = spans_of(listener, {"GET related", "redis_asked", "block_ranked"})
    for name in ("GET related", "redis_asked", "block_ranked"):
        assert found[name] == (TRACE, "seealso")


def test_spans_name_the_site(tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(6))
    with listening() as listener:
        wanted = {
            "SEEALSO_TRACES": "1",
            "SEEALSO_SITE": "coast",
            "OTEL_EXPORTER_OTLP_ENDPOINT": listener.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with serving(tmp_path / "index", tmp_path / "log", 1, True, **wanted) as service:
            service.get("/v1/articles/a000/related")
            spans_of(listener, {"GET related"})
    told = [
        attribute.value.string_value
        for _, _, _, body in listener.asked
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        for attribute in span.attributes
        if attribute.key == "seealso.site"
    ]
    assert told
    assert set(told) == {"coast"}


def test_what_has_not_been_sent_yet_is_sent_at_a_stop(tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(6))
    with listening() as listener:
        wanted = {
            "SEEALSO_TRACES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": listener.url,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        }
        with serving(tmp_path / "index", tmp_path / "log", 1, True, **wanted) as service:
            service.get("/v1/articles/a000/related")
        assert "GET related" in spans_of(listener, {"GET related"})


def test_without_the_setting_nothing_that_sends_is_imported(tmp_path: Path) -> None:
    index_of(tmp_path, articles(6))
    script = (
        "import sys; from pathlib import Path; from service.app import create_app\n"
        "from seealso.settings import ServiceSettings\n"
        f"create_app(ServiceSettings(index=Path({str(tmp_path)!r}))).test_client().get('/v1/articles/a001/related')\n"
        "senders = ('opentelemetry.exporter', 'opentelemetry.instrumentation')\n"
        "assert not [name for name in sys.modules if name.startswith(senders)]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_missing_extra_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from service.traces import traced\n"
        "from seealso.errors import SettingsInvalid\n"
        "try: traced(None, str)\n"
        "except SettingsInvalid as error: assert 'seealso[traces]' in str(error), error\n"
        "else: raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONWARNINGS": "error"})
