"""ops/ fits the service: what Prometheus asks it, what its alerts rise at, what the dashboard shows.

The metrics are those of a real service, asked for all it answers, its Redis killed. Where promtool and prometheus are
installed, they read the files, try the alerts, scrape the service as prometheus.yml says, and answer every query.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.metrics import LEVELS, OUTCOMES, ROUTES
from tests.conftest import ROOT
from tests.makers import articles, index_of
from tests.programs import needs
from tests.servers import START_SECONDS_MAX, Running, free_port, request, serving
from tests.waiting import wait_until

OPS = ROOT / "ops"
ALERTS_FILE = OPS / "prometheus" / "seealso-alerts.yml"
CONFIG: dict[str, Any] = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"]
]
NIGHT_RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "examples/night/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana/dashboards/seealso.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
GUIDE = (ROOT / "docs" / "watching.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

# Prometheus's own, with the labels it gives.
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
# What Prometheus gives each of a target; and what a service with several sites gives each of a site.
TARGET_LABELS = {"job", "instance", "site"}
VALUES = {"route": set(ROUTES), "outcome": set(OUTCOMES), "cache": set(LEVELS)}

needs_promtool = needs("promtool", "prometheus")
needs_prometheus = needs("prometheus", "prometheus")


def queries() -> dict[str, str]:
    """Return every query by its place; what Grafana fills in is filled in."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "1m").replace("$site", ".*")
        for panel in PANELS
        for target in panel["targets"]
    }
    return found | {rule["alert"]: rule["expr"] for rule in RULES}


# the service


def ask_for_everything(service: Running) -> None:
    """Have the service give all its metrics: blocks, texts, refusals, and, Redis hung, what it does without."""
    for number in range(12):
        service.get(f"/v1/articles/a00{number % 6}/related")
    service.get("/v1/articles/a001/related.html")
    service.get("/v1/articles/a001/related?section=nowhere")
    service.get("/v1/articles/a001/related?limit=none")
    service.get("/v1/articles/a001")
    service.get("/nowhere")
    etag = service.get("/v1/articles/a001/related").headers["etag"]
    assert service.get("/v1/articles/a001/related", 60, **{"If-None-Match": etag}).status == 304
    # The model of the index is no real one.
    assert service.post("/v1/similar", {"text": "tides moon sea harbour"}).status == 503
    os.kill(redis_of(service), signal.SIGSTOP)  # one that is killed is started again
    for number in range(60):
        service.get(f"/v1/articles/a00{number % 6}/related?limit={1 + number % 50}")


def redis_of(service: Running) -> int:
    """Return the process number of the Redis that came along with a service."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return next(int(each) for each in children if b"redis-server" in Path(f"/proc/{each}/cmdline").read_bytes())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("ops")
    index_of(folder / "index", articles(6))
    (folder / "store").mkdir()
    with serving(folder / "index", folder / "log", SEEALSO_SNAPSHOT_STORE=f"file://{folder}/store") as running:
        ask_for_everything(running)
        yield running
        os.kill(redis_of(running), signal.SIGCONT)


def given_by(text: str) -> dict[str, set[str]]:
    """Return the labels of every metric of an answer."""
    given: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            given.setdefault(sample.name, set()).update(sample.labels)
    return given


@pytest.fixture(scope="module")
def given(service: Running) -> dict[str, set[str]]:
    return given_by(service.get("/metrics").body.decode())


MATCHER = r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"'


def selectors(query: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (metric, what its labels are held against) for each selector of a query."""
    for name, matchers in re.findall(r"\b(seealso_\w+|up|ALERTS)\b(?:\{([^}]*)\})?", query):
        yield name, dict(re.findall(MATCHER, matchers))


def test_queries_ask_for_what_the_service_gives(given: dict[str, set[str]]) -> None:
    for place, query in queries().items():
        found = list(selectors(query))
        assert found, place
        labels = set(TARGET_LABELS)
        for name, matchers in found:
            known = TARGET_LABELS | (OWN[name] if name in OWN else given[name])
            labels |= known
            for label, pattern in matchers.items():
                assert label in known, place
                assert label not in VALUES or set(pattern.split("|")) <= VALUES[label], place
        for names in re.findall(r"\bby\s*\(([^)]*)\)", query):
            assert {name.strip() for name in names.split(",")} <= labels, place
        # A metric of ours that is written some other way would have been passed over above.
        assert query.count("seealso_") == sum(name.startswith("seealso_") for name, _ in found), place


def test_service_names_routes_outcomes_and_levels_as_they_are_known(service: Running) -> None:
    found: dict[str, set[str]] = {name: set() for name in VALUES}
    for family in text_string_to_metric_families(service.get("/metrics").body.decode()):
        for sample in family.samples:
            if sample.name == "seealso_request_seconds_count":
                for label in VALUES:
                    found[label].add(sample.labels[label])
    assert all(found[label] <= known for label, known in VALUES.items())
    assert {"related", "related_html", "similar", "article", "state", "other"} <= found["route"]
    assert {"ok", "not_modified", "invalid", "unavailable"} <= found["outcome"]
    assert {"copy", "miss", "none"} <= found["cache"]


def test_every_metric_is_watched_and_explained(given: dict[str, set[str]]) -> None:
    asked = {name for query in queries().values() for name, _ in selectors(query)}
    for name in given:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert f"`{family}" in GUIDE, name
        if family not in ("seealso_snapshot_served", "seealso_snapshot_old"):
            assert any(each.startswith(family) for each in asked), name


def test_guide_names_only_metrics_that_there_are(given: dict[str, set[str]]) -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in given}
    assert set(re.findall(r"`(seealso_\w+)", GUIDE)) - {"seealso_night"} <= families


@needs_promtool
def test_metrics_are_as_prometheus_wants_them(service: Running) -> None:
    text = service.get("/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


# the files


@needs_promtool
def test_prometheus_takes_its_files() -> None:
    for check, path in (("config", OPS / "prometheus/prometheus.yml"), ("rules", ALERTS_FILE)):
        done = subprocess.run(["promtool", "check", check, path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_query_is_one(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries().values())]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "queries.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries())} rules found" in done.stdout


def test_alerts_say_how_long_how_bad_what_and_are_explained() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    assert not set(names) & {rule["alert"] for rule in NIGHT_RULES}
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert f"`{rule['alert']}`" in GUIDE
    assert set(re.findall(r"`(Seealso\w+)`", GUIDE)) == set(names)


def test_panels_are_explained_named_once_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        place = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & place, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= place
    assert all(panel["description"].endswith(".") for panel in PANELS)
    for key in ("title", "id"):
        values = [panel[key] for panel in PANELS]
        assert len(set(values)) == len(values)


def test_every_panel_asks_the_source_that_is_chosen() -> None:
    variable, site = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    for each in (site, *PANELS, *(target for panel in PANELS for target in panel["targets"])):
        assert each["datasource"] == {"type": "prometheus", "uid": f"${{{variable['name']}}}"}


def test_every_panel_is_of_the_site_that_is_chosen_or_of_all() -> None:
    _, site = DASHBOARD["templating"]["list"]
    assert site["query"] == "label_values(seealso_snapshot_served, site)"
    assert (site["includeAll"], site["allValue"]) == (True, ".*")  # which is so of what has no site, too
    for place, query in queries().items():
        if place not in {rule["alert"] for rule in RULES}:
            for name, matchers in selectors(query):
                assert name in OWN or matchers["site"] == ".*", place


def test_grafana_is_led_to_prometheus_and_to_the_dashboard() -> None:
    (source,) = yaml.safe_load((OPS / "grafana/provisioning/datasources/seealso.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == CONFIG["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((OPS / "grafana/provisioning/dashboards/seealso.yml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2] for volume in COMPOSE["grafana"]["volumes"])
    folder = next(here for here, there in mounts.items() if there == provider["options"]["path"])
    assert [path.name for path in (ROOT / folder).iterdir()] == ["seealso.json"]
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/seealso.json"


def test_prometheus_is_led_to_the_containers_of_the_service() -> None:
    (scrape,) = CONFIG["scrape_configs"]
    (found,) = scrape["dns_sd_configs"]
    assert found["names"] == ["service"]
    assert str(found["port"]) == COMPOSE["service"]["ports"][0].rpartition(":")[2]
    assert scrape["job_name"] == "seealso"  # by which the alerts ask
    assert "metrics_path" not in scrape  # it is /metrics


# the alerts, tried

Series = dict[str, str]
LABELS = 'instance="news:8080",job="seealso"'


def gauge(name: str, values: str) -> Series:
    return {f"{name}{{{LABELS}}}": values}


def requests(route: str = "related", site: str = "", **outcomes: int) -> Series:
    """Return so many more requests of each outcome each minute."""
    labels = f'{LABELS},route="{route}",cache="none",site="{site}"'
    return {
        f'seealso_request_seconds_count{{{labels},outcome="{outcome}"}}': f"0+{count}x60"
        for outcome, count in outcomes.items()
    }


def page_views(count: int, slow: int) -> Series:
    """Return so many more page views each minute, some of them of 0.1 to 0.25 seconds, the others faster."""
    name = f'seealso_request_seconds_bucket{{{LABELS},route="related",outcome="ok",cache="miss",le='
    within = {"0.1": count - slow, "0.25": count, "+Inf": count}
    return requests(ok=count) | {f'{name}"{bound}"}}': f"0+{number}x60" for bound, number in within.items()}


def blocks(count: int, empty: int, then: int) -> Series:
    """Return so many blocks each ten minutes, and how many of them are empty for thirty hours, and after."""
    counted = f"0+{empty}x179 {180 * empty}+{then}x100"
    return gauge("seealso_blocks_total", f"0+{count}x300") | gauge("seealso_blocks_empty_total", counted)


UP = gauge("up", "1x300")


def beside(values: str) -> Series:
    """Return the second container of two, of which the first is up all the time."""
    return UP | {'up{instance="news-2:8080",job="seealso"}': values}


# What is given, after how many steps, and the alerts that are up then; a step is of a minute, in DAYS of ten.
Situation = tuple[Series, int, set[str]]
SITUATIONS: list[Situation] = [
    ({}, 3, {"SeealsoDown"}),
    (gauge("up", "1x10 0x50"), 11, set()),
    (gauge("up", "1x10 0x50"), 13, {"SeealsoDown"}),
    (beside("1x10 0x50"), 13, {"SeealsoDown"}),
    # One that stops is found no more: there is no 0 of it.
    (beside("1x130 stale"), 131, set()),
    (beside("1x130 stale"), 133, {"SeealsoDown"}),
    (beside("1x130 stale"), 193, set()),
    (beside("_x130 1x3 stale"), 140, set()),
    (UP | gauge("seealso_snapshot_served", "0x60"), 1, set()),
    (UP | gauge("seealso_snapshot_served", "0x60"), 6, {"SeealsoNothingServed"}),
    (UP | gauge("seealso_snapshot_served", " ".join(["0 1"] * 10)), 10, {"SeealsoNothingServed"}),
    (UP | requests(ok=600), 30, set()),
    (UP | requests(ok=600, failed=3), 30, set()),
    (UP | requests(ok=600, failed=12), 30, {"SeealsoFailing"}),
    (UP | requests(ok=600, unavailable=12), 30, {"SeealsoFailing"}),
    (UP | requests(ok=1, failed=1), 30, set()),
    # Of a small site all fail, beside a large one.
    (UP | requests(site="coast", ok=6000) | requests(site="city", failed=12), 30, {"SeealsoFailing"}),
    (UP | requests(site="coast", ok=6000) | requests(site="city", ok=600, failed=3), 30, set()),
    (UP | requests(ok=60, invalid=60), 30, set()),
    (UP | requests(ok=60) | requests("state", unavailable=60), 30, set()),
    (UP | requests(ok=600, busy=20), 30, set()),
    (UP | requests(ok=600, busy=60), 30, {"SeealsoShedding"}),
    (UP | page_views(200, slow=1), 30, set()),
    (UP | page_views(200, slow=4), 30, {"SeealsoSlow"}),
    (UP | page_views(1, slow=1), 30, set()),
    (UP | gauge("seealso_redis_down", "0x10 1x50"), 11, set()),
    (UP | gauge("seealso_redis_down", "0x10 1x50"), 14, {"SeealsoRedisDown"}),
    (UP | gauge("seealso_engine_down", "0x10 1x3 0x50"), 14, set()),
    (UP | gauge("seealso_engine_down", "0x10 1x50"), 17, {"SeealsoEngineDown"}),
    (UP | gauge("seealso_snapshot_behind", "0x10 1 0x50"), 25, set()),
    (UP | gauge("seealso_snapshot_behind", "0x10 1x50"), 25, {"SeealsoSnapshotBehind"}),
    # One of two workers, now this one, now that one asked.
    (UP | gauge("seealso_snapshot_behind", " ".join(["0 1"] * 10)), 16, {"SeealsoSnapshotBehind"}),
    (UP | gauge("seealso_snapshot_store_silent_seconds", "5x10 125x3 5x50"), 20, set()),
    (UP | gauge("seealso_snapshot_store_silent_seconds", "5x10 125x50"), 17, {"SeealsoSnapshotStoreSilent"}),
    (UP | gauge("seealso_snapshot_store_behind", "0x10 1x20 0x50"), 45, set()),
    (UP | gauge("seealso_snapshot_store_behind", "0x10 1x50"), 45, {"SeealsoSnapshotNotFetched"}),
    (UP | gauge("seealso_editorial_down", "0x10 1x1 0x50"), 15, set()),
    (UP | gauge("seealso_editorial_down", "0x10 1x50"), 16, {"SeealsoEditorialDown"}),
    (UP | gauge("seealso_editorial_down", " ".join(["0 1"] * 10)), 16, {"SeealsoEditorialDown"}),
    (UP | gauge("seealso_purges_given_up", "0x10 2x50"), 10, set()),
    (UP | gauge("seealso_purges_given_up", "0x10 2x50"), 13, {"SeealsoPurgesGivenUp"}),
    (UP | gauge("seealso_snapshot_old", "0x10 1x50"), 15, set()),
    (UP | gauge("seealso_snapshot_old", "0x10 1x50"), 25, {"SeealsoSnapshotOld"}),
]
DAYS: list[Situation] = [
    (UP | blocks(1000, empty=200, then=200), 204, set()),
    (UP | blocks(1000, empty=40, then=80), 204, set()),
    (UP | blocks(1000, empty=40, then=100), 204, {"SeealsoEmptyBlocksRisen"}),
    (UP | blocks(1000, empty=40, then=100), 100, set()),
    (UP | blocks(10, empty=0, then=10), 204, set()),
]


def test_every_alert_is_tried() -> None:
    risen: set[str] = set()
    for _, _, up in SITUATIONS + DAYS:
        risen |= up
    assert risen == {rule["alert"] for rule in RULES}


@needs_promtool
@pytest.mark.parametrize(("step", "situations"), [(1, SITUATIONS), (10, DAYS)])
def test_alerts_rise_when_they_should_and_only_then(tmp_path: Path, step: int, situations: list[Situation]) -> None:
    shutil.copy(ALERTS_FILE, tmp_path / "alerts.yml")
    tests = [
        {
            "name": f"{number}: {series}",
            "interval": f"{step}m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{steps * step}m",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(up)],
                }
            ],
        }
        for number, (series, steps, up) in enumerate(situations)
    ]
    test = {"rule_files": ["alerts.yml"], "evaluation_interval": f"{step}m", "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# a real Prometheus


class Prometheus:
    """A server as the compose file starts it, asking one service; `url` is where it answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        answer = request(Request(f"{self.url}/api/v1/{path}?{urlencode(parameters)}"), 30)
        assert answer.status == 200, answer.body
        return answer.json()["data"]


@pytest.fixture(scope="module")
def prometheus(service: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copytree(OPS / "prometheus", folder / "etc")
    # An answer may take as long as it is until the next is asked for.
    config = CONFIG | {"global": {"scrape_interval": "2s", "evaluation_interval": "500ms"}}
    (scrape,) = config["scrape_configs"]
    config["scrape_configs"] = [
        {name: value for name, value in scrape.items() if name != "dns_sd_configs"}
        | {"static_configs": [{"targets": [service.url.removeprefix("http://")]}]}
    ]
    (folder / "etc/prometheus.yml").write_text(yaml.safe_dump(config))
    given = [
        word.replace("=/etc/prometheus", f"={folder / 'etc'}").replace("=/prometheus", f"={folder / 'data'}")
        for word in COMPOSE["prometheus"]["command"]
    ]
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", *given, f"--web.listen-address={address}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        running = Prometheus(f"http://{address}")
        end = time.monotonic() + START_SECONDS_MAX
        while not scraped_twice(running):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.1)
        yield running
    finally:
        process.terminate()
        process.wait()


def scraped_twice(prometheus: Prometheus) -> bool:
    """Whether there are two values of what is rated, and the rules have been asked."""
    try:
        found = prometheus.ask("query", query="min(count_over_time(seealso_request_seconds_count[1m])) >= 2")["result"]
        groups = prometheus.ask("rules")["groups"]
    except OSError:
        return False
    except AssertionError:  # it answers 503 while it starts
        return False
    return bool(found) and all(rule["health"] != "unknown" for group in groups for rule in group["rules"])


def wait_until_right(wrong: Callable[[], list[str]]) -> None:
    """Return once one look finds nothing wrong: where much else runs, an answer to Prometheus may be too late."""
    found: list[str] = []

    def right() -> bool:
        found[:] = wrong()
        return not found

    try:
        wait_until(right)
    except AssertionError as error:
        raise AssertionError(found) from error


@needs_prometheus
def test_prometheus_finds_the_service(prometheus: Prometheus) -> None:
    def wrong() -> list[str]:
        (target,) = prometheus.ask("targets")["activeTargets"]
        return [] if (target["health"], target["lastError"]) == ("up", "") else [str(target)]

    wait_until_right(wrong)


@needs_prometheus
def test_dashboard_shows_something_of_a_real_service(prometheus: Prometheus) -> None:
    alerts = {rule["alert"] for rule in RULES}
    shown = {place: query for place, query in queries().items() if place not in alerts}

    def wrong() -> list[str]:
        found = {place: prometheus.ask("query", query=query) for place, query in shown.items()}
        return [place for place, each in found.items() if each["resultType"] != "vector" or not each["result"]]

    wait_until_right(wrong)


@needs_prometheus
def test_alerts_are_asked_without_an_error_and_redis_is_found_down(prometheus: Prometheus) -> None:
    def wrong() -> list[str]:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        assert [rule["name"] for rule in rules] == [rule["alert"] for rule in RULES]
        failed = [rule["name"] for rule in rules if (rule["health"], rule.get("lastError", "")) != ("ok", "")]
        pending = {rule["name"] for rule in rules if rule["state"] != "inactive"}
        well = {"SeealsoDown", "SeealsoNothingServed", "SeealsoSnapshotBehind", "SeealsoSnapshotOld"}
        return [*failed, *({"SeealsoRedisDown"} - pending), *(pending & well)]

    wait_until_right(wrong)
