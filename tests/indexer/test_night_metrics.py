"""A night's metrics: what they say, what a failed night keeps of the last good one, and where they go."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer.night_metrics import METRICS, PREFIX, MetricsUnsent, metrics_of, push, write_textfile
from tests.listener import Listener, listening
from tests.servers import free_port

PUBLISHED: dict[str, Any] = {
    "started": "2026-11-24T02:30:00Z",
    "finished": "2026-11-24T02:31:40Z",
    "outcome": "published",
    "exit_code": 0,
    "error": None,
    "forced": ["overlap"],
    "snapshot": "20261124T023000Z-0123456789ab",
    "parent": "20261123T023000Z-ba9876543210",
    "articles": 5084,
    "new": 12,
    "changed": 50,
    "removed": 8,
    "snapshot_created": "2026-11-24T02:30:00Z",
    "quarantined_count": 1,
    "quarantined": [{"where": "a.jsonl:3", "reason": "title: missing"}],
    "left_out": {"draft": 3, "page": 2},
    "passages": 21126,
    "embedded": 220,
    "reused": 20906,
    "empty_blocks": 14,
    "seconds": {"read": 1.25, "embed": 33.0},
    "memory_mb": {"read": 210, "embed": 900},
    "gates": [
        {"gate": "articles", "value": 0.999, "limit": 0.9, "passed": True},
        {"gate": "overlap", "value": 0.41, "limit": 0.6, "passed": False},
        {"gate": "picks", "value": None, "limit": 0.05, "passed": True},
    ],
}
FAILED: dict[str, Any] = {
    "started": "2026-11-25T02:30:00Z",
    "finished": "2026-11-25T02:30:05Z",
    "outcome": "failed",
    "exit_code": 4,
    "error": "cannot read the source a.jsonl.gz: it ends too early",
}
PUBLISHED_AT, FAILED_AT, MADE_AT = 1795487500.0, 1795573805.0, 1795487400.0


@pytest.fixture
def gateway() -> Iterator[Listener]:
    with listening() as each:
        yield each


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def values_of(text: bytes) -> dict[str, float]:
    """Return all samples by their name without the prefix, a label's value in brackets."""
    values = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.name == family.name
            labels = "".join(f"[{value}]" for value in sample.labels.values())
            values[sample.name.removeprefix(PREFIX) + labels] = sample.value
    return values


def test_a_published_night_says_all_it_knows() -> None:
    assert values_of(metrics_of(PUBLISHED)) == {
        "finished_timestamp_seconds": PUBLISHED_AT,
        "last_success_timestamp_seconds": PUBLISHED_AT,
        "snapshot_created_timestamp_seconds": MADE_AT,
        "success": 1,
        "exit_code": 0,
        "duration_seconds": 100,
        "articles": 5084,
        "articles_new": 12,
        "articles_changed": 50,
        "articles_removed": 8,
        "quarantined": 1,
        "left_out": 5,
        "passages": 21126,
        "passages_embedded": 220,
        "passages_reused": 20906,
        "empty_blocks": 14,
        "forced_gates": 1,
        "seconds[read]": 1.25,
        "seconds[embed]": 33,
        "memory_bytes[read]": 210 * 2**20,
        "memory_bytes[embed]": 900 * 2**20,
        "gate_value[articles]": 0.999,
        "gate_limit[articles]": 0.9,
        "gate_passed[articles]": 1,
        "gate_value[overlap]": 0.41,
        "gate_limit[overlap]": 0.6,
        "gate_passed[overlap]": 0,
    }


def test_every_metric_has_its_help_and_is_given_by_some_night() -> None:
    text = metrics_of(PUBLISHED).decode()
    for name, (_, meaning) in METRICS.items():
        assert f"# HELP {PREFIX}{name} {meaning}\n# TYPE {PREFIX}{name} gauge\n" in text


def test_a_failed_night_claims_nothing_it_does_not_know() -> None:
    assert values_of(metrics_of(FAILED)) == {
        "finished_timestamp_seconds": FAILED_AT,
        "success": 0,
        "exit_code": 4,
        "duration_seconds": 5,
    }


@pytest.mark.parametrize("report", [{}, {"outcome": "failed"}, dict.fromkeys(PUBLISHED)])
def test_a_report_that_holds_nothing_is_a_night_without_success(report: dict[str, Any]) -> None:
    assert values_of(metrics_of(report)) == {"success": 0}


def test_a_refused_night_tells_its_gates_and_the_age_of_what_still_serves() -> None:
    refused = PUBLISHED | {"outcome": "refused", "exit_code": 14, "snapshot": None, "forced": []}
    refused["snapshot_created"] = "2026-11-23T02:30:00Z"
    values = values_of(metrics_of(refused))
    assert values["gate_passed[overlap]"] == 0
    assert values["success"] == 0
    assert values["snapshot_created_timestamp_seconds"] == MADE_AT - 24 * 3600
    assert "last_success_timestamp_seconds" not in values


def test_names_of_stages_may_hold_anything() -> None:
    values = values_of(metrics_of({"seconds": {'a "b"\\\n': 1.0}}))
    assert values['seconds[a "b"\\\n]'] == 1


def test_a_failed_night_keeps_the_last_success_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "seealso.prom"
    write_textfile(path, PUBLISHED)
    write_textfile(path, FAILED)
    write_textfile(path, FAILED | {"finished": "2026-11-26T02:30:05Z"})
    values = values_of(path.read_bytes())
    assert values["last_success_timestamp_seconds"] == PUBLISHED_AT
    assert values["snapshot_created_timestamp_seconds"] == MADE_AT
    assert values["finished_timestamp_seconds"] == FAILED_AT + 24 * 3600
    assert "articles" not in values


def test_file_can_be_read_by_all_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "seealso.prom"
    write_textfile(path, PUBLISHED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == metrics_of(PUBLISHED)


@pytest.mark.parametrize(
    "content", [b"", b"no metrics {", b"\xff\xfe", b"seealso_night_last_success_timestamp_seconds x"]
)
def test_a_damaged_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seealso.prom"
    path.write_bytes(content)
    write_textfile(path, PUBLISHED)
    assert path.read_bytes() == metrics_of(PUBLISHED)


def test_a_name_node_exporter_would_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricsUnsent, match=r"end in \.prom"):
        write_textfile(tmp_path / "seealso.txt", PUBLISHED)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MetricsUnsent, match=r"absent/seealso\.prom: No such file or directory"):
        write_textfile(tmp_path / "absent" / "seealso.prom", PUBLISHED)


def test_push_adds_to_the_group_of_this_machine(gateway: Listener) -> None:
    push(gateway.url, PUBLISHED)
    ((method, path, headers, body),) = gateway.asked
    assert method == "POST"  # PUT would wipe what a failed night does not know
    assert path == f"/metrics/job/seealso_night/instance/{socket.gethostname()}"
    assert headers["content-type"].startswith("text/plain; version=")
    assert body == metrics_of(PUBLISHED)


def test_nights_of_several_sites_are_told_apart(tmp_path: Path, gateway: Listener) -> None:
    path = tmp_path / "coast.prom"
    write_textfile(path, PUBLISHED, "coast")
    write_textfile(path, FAILED, "coast")
    assert path.read_text().count('site="coast"') == sum(
        not line.startswith("#") for line in path.read_text().splitlines()
    )
    values = values_of(path.read_bytes())
    assert values["last_success_timestamp_seconds[coast]"] == PUBLISHED_AT
    assert values["success[coast]"] == 0
    push(gateway.url, PUBLISHED, site="coast")
    ((_, asked, _, body),) = gateway.asked
    assert asked.split("/")[-2:] == ["site", "coast"]
    assert body == metrics_of(PUBLISHED)


def test_push_of_a_failed_night_leaves_the_last_success_to_the_gateway(gateway: Listener) -> None:
    push(gateway.url + "/", FAILED, job="night", instance="news/1")
    ((_, path, _, body),) = gateway.asked
    assert path == "/metrics/job/night/instance@base64/bmV3cy8x"
    assert "last_success_timestamp_seconds" not in values_of(body)


def test_push_that_is_not_taken_is_said_without_the_address(gateway: Listener) -> None:
    gateway.statuses = [400]
    with pytest.raises(MetricsUnsent) as failed:
        push(gateway.url.replace("//", "//ann:secret@"), PUBLISHED)
    assert str(failed.value) == "metrics not pushed to 127.0.0.1: it answered 400"


def test_push_to_nobody_is_said() -> None:
    with pytest.raises(MetricsUnsent, match="cannot be reached"):
        push(f"http://127.0.0.1:{free_port()}", PUBLISHED)


def test_push_to_a_gateway_that_does_not_answer_ends() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(MetricsUnsent, match=r"did not answer in time|no whole answer"),
    ):
        push(f"http://127.0.0.1:{server.getsockname()[1]}", PUBLISHED, seconds_max=0.2)


@pytest.mark.parametrize("url", ["http://[::secret]", "http://example.org:secret", "http://"])
def test_push_to_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(MetricsUnsent) as failed:
        push(url, PUBLISHED)
    assert "secret" not in str(failed.value)
