"""What examples/night, examples/service and docs/night.md tell an operator to use exists, and fits what will read it.

Where systemd-analyze or promtool is installed, they read the files too; what can be parsed is checked everywhere.
"""

import configparser
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
import yaml

from indexer.night_metrics import METRICS, PREFIX
from seealso.cli import EXIT_CODES, cli
from seealso.settings import PREFIX as SETTINGS_PREFIX
from seealso.settings import IndexerSettings, ServiceSettings
from service.server import STOP_SECONDS_MAX
from tests.conftest import ROOT
from tests.programs import needs

NIGHT = ROOT / "examples" / "night"
SERVICE = ROOT / "examples" / "service" / "seealso.service"
UNITS = sorted([SERVICE, *(path for path in NIGHT.iterdir() if path.suffix in (".service", ".timer"))])
CRON_JOB: dict[str, Any] = yaml.safe_load((NIGHT / "cronjob.yaml").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((NIGHT / "alerts.yml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GUIDE = (ROOT / "docs" / "night.md").read_text()
TEXTS = {path.name: path.read_text() for path in [*NIGHT.iterdir(), SERVICE]} | {"night.md": GUIDE}
CODES = set(EXIT_CODES.values()) | {0, 1, 2, 130}


def cron_lines() -> list[list[str]]:
    """Return the lines of the crontab that run something, as five fields and the command."""
    lines = [line for line in TEXTS["crontab"].splitlines() if line and not line.startswith("#")]
    return [line.split(None, 5) for line in lines if not re.match(r"\w+=", line)]


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(TEXTS[name])
    return parser


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield (where, words) for each call of the program in the examples and the guide."""
    (container,) = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    yield "cronjob.yaml", ["seealso", *container["args"]]
    for name, text in TEXTS.items():
        for line in text.splitlines():
            # In the guide, what stands indented or between backquotes is code.
            prose = name == "night.md" and not line.startswith("    ")
            for code in re.findall(r"`([^`]+)`", line) if prose else [line.partition("# ")[0]]:
                for call in re.findall(r"(?:^|[\s/])(seealso [a-z]+(?: [^|&>;]*)?)", code):
                    if name == "night.md" or "bin/seealso" in code:
                        yield name, shlex.split(call)


def options_of(words: list[str]) -> set[str]:
    """Return the options of the command that words name, one of a group by two."""
    command: click.Command | None = cli
    for word in words:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
    assert command is not None, words
    return {option for parameter in command.params for option in parameter.opts}


def fits_cron(field: str, low: int, high: int) -> bool:
    for part in field.split(","):
        found = re.fullmatch(r"(\*|(\d+)(-(\d+))?)(/[1-9]\d*)?", part)
        if found is None or not all(low <= int(found[number]) <= high for number in (2, 4) if found[number]):
            return False
    return True


CRON_RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def test_every_command_and_option_exists() -> None:
    found = list(commands())
    assert {where for where, _ in found} == {
        *("crontab", "seealso-night.service", "seealso.service", "cronjob.yaml", "night.md"),
    }
    for where, words in found:
        known = options_of(words[1:])
        for word in words[2:]:
            assert not word.startswith("--") or word in known, f"{where}: {' '.join(words)}"


def test_every_exit_code_exists() -> None:
    for name, text in TEXTS.items():
        for code in re.findall(r"exit(?:s with)? code[s:]* (\d+)|seealso_night_exit_code == (\d+)", text):
            assert int("".join(code)) in CODES, f"{name}: {code}"


def test_guide_lists_every_exit_code() -> None:
    rows = {int(code): name for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", GUIDE, re.MULTILINE)}
    assert set(rows) == CODES
    for kind, code in EXIT_CODES.items():
        assert rows[code] == kind.__name__


def test_every_setting_exists() -> None:
    known = {
        SETTINGS_PREFIX + name.upper() for kind in (IndexerSettings, ServiceSettings) for name in kind.model_fields
    }
    for name, text in (TEXTS | {"docker-compose.yml": (ROOT / "docker-compose.yml").read_text()}).items():
        for variable in re.findall(r"\bSEEALSO_[A-Z_]*[A-Z]", text):
            assert variable in known | {"SEEALSO_PORTS"}, f"{name}: {variable}"


def test_every_metric_exists() -> None:
    for name, text in TEXTS.items():
        for metric in re.findall(rf"\b{PREFIX}\w+", text):
            assert metric.removeprefix(PREFIX) in METRICS, f"{name}: {metric}"


def test_guide_lists_every_metric() -> None:
    for name in METRICS:
        assert f"`{PREFIX}{name}`" in GUIDE, name


def test_every_example_is_named_in_the_guide() -> None:
    for path in NIGHT.iterdir():
        assert f"examples/night/{path.name}" in GUIDE, path.name


# cron


def test_cron_lines_have_five_fields_and_a_command_cron_passes_on_whole() -> None:
    for line in cron_lines():
        assert len(line) == 6
        assert all(fits_cron(field, *bounds) for field, bounds in zip(line[:5], CRON_RANGES, strict=True))
        assert "%" not in line[5]  # cron takes it for the end of a line


@pytest.mark.parametrize("field", ["60", "*/0", "1-", "a", "", "5-61", "1,,2"])
def test_a_field_that_is_none_is_found(field: str) -> None:
    assert not fits_cron(field, 0, 59)


@pytest.mark.parametrize("code", [0, 14])
def test_cron_lines_print_only_when_the_copy_or_the_night_failed(tmp_path: Path, code: int) -> None:
    program = tmp_path / ".venv" / "bin" / "seealso"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    program.chmod(0o755)
    (tmp_path / "var").mkdir()
    for line in cron_lines():
        command = line[5].replace("/srv/newsroom", str(tmp_path))
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert (done.stdout == "") == (code == 0)
        assert code == 0 or f"exit code {code}" in done.stdout
    assert (tmp_path / "var/night.log").read_text() == "index --project seealso.toml --index var/index\n"
    assert (tmp_path / "var/backup.log").read_text() == "store backup var/editorial-backup.db --index var/index\n"


# systemd


def test_units_hold_what_the_guide_promises() -> None:
    service, timer = unit("seealso-night.service"), unit("seealso-night.timer")
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["Persistent"] == "true"
    assert re.fullmatch(r"\d+min", timer["Timer"]["RandomizedDelaySec"])
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d UTC", timer["Timer"]["OnCalendar"])
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert (NIGHT / service["Unit"]["OnFailure"]).exists()
    assert service["Service"]["ExecStartPre"].endswith(cron_lines()[0][5].partition("bin/")[2].partition(" >>")[0])
    assert "169.254.169.254" in service["Service"]["IPAddressDeny"]
    for name in ("seealso-night.service", "seealso-night-failed.service", "seealso.service"):
        assert unit(name)["Service"]["ExecStart"].startswith("/")
        assert unit(name)["Service"]["NoNewPrivileges"] == "yes"
        assert unit(name)["Service"]["ProtectSystem"] == "strict"


def test_service_is_the_nights_user_and_waits_for_what_it_has_begun() -> None:
    service, night = unit("seealso.service")["Service"], unit("seealso-night.service")["Service"]
    for name in ("User", "Group", "WorkingDirectory", "ReadWritePaths", "UMask"):
        assert service[name] == night[name], name
    assert int(service["TimeoutStopSec"]) > STOP_SECONDS_MAX
    assert int(service["LimitNOFILE"]) >= ServiceSettings.model_fields["connections_max"].default + 256


@pytest.mark.parametrize("name", ["seealso-night.service", "seealso.service"])
def test_service_may_write_where_the_index_folder_is(name: str) -> None:
    service = unit(name)["Service"]
    words = shlex.split(service["ExecStart"])
    index = Path(service["WorkingDirectory"]) / words[words.index("--index") + 1]
    assert index.is_relative_to(service["ReadWritePaths"])


needs_systemd = needs("systemd-analyze", "systemd")


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies of the units that call a program which is here."""
    copies = []
    for path in UNITS:
        copies.append(tmp_path / path.name)
        copies[-1].write_text(
            re.sub(r"^(ExecStart(?:Pre=-|=))\S+", rf"\g<1>{sys.executable}", path.read_text(), flags=re.MULTILINE)
        )
    return copies


@needs_systemd
def test_systemd_takes_the_units(units: list[Path]) -> None:
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "seealso" in line]
    assert (done.returncode, said) == (0, [])


@needs_systemd
def test_a_unit_with_a_misspelt_line_is_found(units: list[Path]) -> None:
    (service,) = [path for path in units if path.name == "seealso-night.service"]
    service.write_text(service.read_text().replace("ReadWritePaths=", "ReadWritePath="))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "ReadWritePath" in done.stderr


@needs_systemd
def test_systemd_finds_the_next_night() -> None:
    calendar = unit("seealso-night.timer")["Timer"]["OnCalendar"]
    done = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=True)
    assert re.search(r"Next elapse: .* 02:30:00 UTC", done.stdout)


@needs_systemd
@pytest.mark.parametrize("name", ["seealso-night.service", "seealso.service"])
def test_systemd_counts_the_service_among_the_closed_ones(units: list[Path], name: str) -> None:
    (service,) = [path for path in units if path.name == name]
    # From 0, closed, to 10; a bound in tenths. What is above it makes the command fail.
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(service)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:]


# Kubernetes: the fields of batch/v1 that the example uses, and what the API server would refuse.

FIELDS = {
    "": "apiVersion kind metadata spec",
    "metadata": "name labels",
    "spec": "schedule timeZone concurrencyPolicy startingDeadlineSeconds suspend successfulJobsHistoryLimit "
    "failedJobsHistoryLimit jobTemplate",
    "spec.jobTemplate": "metadata spec",
    "spec.jobTemplate.spec": "backoffLimit activeDeadlineSeconds podFailurePolicy ttlSecondsAfterFinished template "
    "completions parallelism",
    "spec.jobTemplate.spec.podFailurePolicy": "rules",
    "spec.jobTemplate.spec.podFailurePolicy.rules": "action onExitCodes onPodConditions",
    "spec.jobTemplate.spec.podFailurePolicy.rules.onPodConditions": "type status",
    "spec.jobTemplate.spec.template": "metadata spec",
    "spec.jobTemplate.spec.template.metadata": "labels annotations",
    "spec.jobTemplate.spec.template.spec": "restartPolicy hostname automountServiceAccountToken enableServiceLinks "
    "terminationGracePeriodSeconds securityContext affinity containers volumes nodeSelector tolerations",
    "spec.jobTemplate.spec.template.spec.securityContext": "runAsNonRoot runAsUser runAsGroup fsGroup "
    "fsGroupChangePolicy seccompProfile",
    "spec.jobTemplate.spec.template.spec.containers": "name image args command env envFrom resources securityContext "
    "volumeMounts imagePullPolicy",
    "spec.jobTemplate.spec.template.spec.containers.env": "name value valueFrom",
    "spec.jobTemplate.spec.template.spec.containers.env.valueFrom": "secretKeyRef configMapKeyRef",
    "spec.jobTemplate.spec.template.spec.containers.env.valueFrom.secretKeyRef": "name key optional",
    "spec.jobTemplate.spec.template.spec.containers.resources": "requests limits",
    "spec.jobTemplate.spec.template.spec.containers.securityContext": "allowPrivilegeEscalation "
    "readOnlyRootFilesystem capabilities",
    "spec.jobTemplate.spec.template.spec.containers.volumeMounts": "name mountPath readOnly subPath",
    "spec.jobTemplate.spec.template.spec.volumes": "name persistentVolumeClaim configMap secret emptyDir",
    "spec.jobTemplate.spec.template.spec.volumes.persistentVolumeClaim": "claimName readOnly",
    "spec.jobTemplate.spec.template.spec.volumes.configMap": "name items optional defaultMode",
    "spec.jobTemplate.spec.template.spec.volumes.emptyDir": "sizeLimit medium",
}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")


def unknown_fields(node: Any, path: str = "") -> list[str]:
    """Return the fields below a node that its kind does not have; where the kind is not known here, all pass."""
    if isinstance(node, list):
        return [unknown for each in node for unknown in unknown_fields(each, path)]
    if not isinstance(node, dict) or path not in FIELDS:
        return []
    unknown = [f"{path}.{key}" for key in node if key not in FIELDS[path].split()]
    return unknown + [
        each for key, value in node.items() for each in unknown_fields(value, f"{path}.{key}".removeprefix("."))
    ]


def test_cron_job_uses_fields_that_batch_v1_has() -> None:
    assert (CRON_JOB["apiVersion"], CRON_JOB["kind"]) == ("batch/v1", "CronJob")
    assert unknown_fields(CRON_JOB) == []
    assert unknown_fields(CRON_JOB | {"spec": {"concurencyPolicy": "Forbid"}}) == ["spec.concurencyPolicy"]


def test_cron_job_starts_one_night_at_a_time_and_repeats_none() -> None:
    spec = CRON_JOB["spec"]
    fields = spec["schedule"].split()
    assert all(fits_cron(field, *bounds) for field, bounds in zip(fields, CRON_RANGES, strict=True))
    assert ZoneInfo(spec["timeZone"])
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] >= 10  # below, a controller that looks every 10 s may miss the start
    job = spec["jobTemplate"]["spec"]
    assert job["backoffLimit"] == 0
    # A failure policy is taken only with this restart policy; a rule is by exit codes or by conditions, not by both.
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    for rule in job["podFailurePolicy"]["rules"]:
        assert rule["action"] in {"Ignore", "FailJob", "Count", "FailIndex"}
        assert ("onExitCodes" in rule) != ("onPodConditions" in rule)


def test_cron_job_names_what_it_mounts_and_bounds_what_it_takes() -> None:
    pod = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert all(len(volume) == 2 for volume in volumes.values())
    names = [CRON_JOB["metadata"]["name"], pod["hostname"], container["name"], *volumes]
    assert all(NAME.fullmatch(name) for name in names)
    assert len(CRON_JOB["metadata"]["name"]) <= 52  # the job's name adds eleven characters, to at most 63
    for amounts in container["resources"].values():
        assert all(isinstance(amount, str) and QUANTITY.fullmatch(amount) for amount in amounts.values())
    assert "memory" in container["resources"]["limits"]
    paths = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert paths == {"/index", "/tmp"}
    index = container["args"][container["args"].index("--index") + 1]
    assert index in paths
    # As the image has it.
    assert f"--uid {pod['securityContext']['runAsUser']} " in (ROOT / "Dockerfile").read_text()


def test_cron_job_is_closed() -> None:
    pod = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


# Compose


def test_scheduler_hears_a_stop_and_passes_on_what_the_night_needs() -> None:
    scheduler = COMPOSE["services"]["scheduler"]
    assert scheduler["init"] is True
    assert NAME.fullmatch(scheduler["hostname"])
    for name, value in scheduler["environment"].items():
        # Where the service keeps what was put by the API, no variable of the host says otherwise.
        assert name == "SEEALSO_EDITORIAL" or value.startswith(f"${{{name}:-")


# Prometheus


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def test_alerts_say_how_long_how_bad_and_what() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[mh]", rule["for"])
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert PREFIX in rule["expr"]
        assert f"`{rule['alert']}`" in GUIDE


needs_promtool = needs("promtool", "prometheus")


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", NIGHT / "alerts.yml"], check=True, capture_output=True)


LABELS = '{instance="news",job="node"}'
# A night every hour, told every five minutes.
ENDED = {"finished_timestamp_seconds": "0+300x800"}
# metrics from the hour 0 on, an hour, and the alerts that are up then
NIGHTS: list[tuple[dict[str, str], int, set[str]]] = [
    ({"finished_timestamp_seconds": "0x800", "success": "1x800"}, 25, set()),
    ({"finished_timestamp_seconds": "0x800", "success": "1x800"}, 28, {"SeealsoNightMissing"}),
    ({"success": "1x800"}, 25, set()),
    ({"success": "1x800"}, 28, {"SeealsoNightUnknown"}),
    (ENDED | {"success": "1x20 0x780"}, 4, {"SeealsoNightFailed"}),
    (ENDED | {"gate_passed": "0x800", "exit_code": "14x800"}, 4, {"SeealsoNightGateFailed"}),
    (ENDED | {"gate_passed": "0x800", "exit_code": "0x800"}, 4, set()),
    (ENDED | {"gate_passed": "1x800", "exit_code": "14x800"}, 4, set()),
    (ENDED | {"exit_code": "15x800"}, 4, {"SeealsoNightSourceShrunk"}),
    (ENDED | {"forced_gates": "1x800"}, 4, {"SeealsoNightForced"}),
    (ENDED | {"quarantined": "5x287 11x500"}, 30, {"SeealsoNightQuarantineGrowing"}),
    (ENDED | {"quarantined": "9x287 11x500"}, 30, set()),
    (ENDED | {"quarantined": "1x287 9x500"}, 30, set()),
    (ENDED | {"snapshot_created_timestamp_seconds": "0x800"}, 49, set()),
    (ENDED | {"snapshot_created_timestamp_seconds": "0x800"}, 52, {"SeealsoNightSnapshotOld"}),
]


@needs_promtool
@pytest.mark.parametrize(("series", "hour", "up"), NIGHTS)
def test_alerts_rise_when_they_should(tmp_path: Path, series: dict[str, str], hour: int, up: set[str]) -> None:
    (tmp_path / "alerts.yml").write_text(TEXTS["alerts.yml"])
    test = {
        "rule_files": ["alerts.yml"],
        "evaluation_interval": "10m",
        "tests": [
            {
                "interval": "5m",
                "input_series": [
                    {"series": f"{PREFIX}{name}{LABELS}", "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{hour}h",
                        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(up)],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
