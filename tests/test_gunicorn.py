"""The lines for gunicorn in docs/serving.md, run as they stand there but for the places."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.makers import articles, index_of
from tests.servers import Running, free_port, wait_until

pytestmark = pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="gunicorn is not installed")


def documented() -> str:
    """Return the lines of the block that runs gunicorn."""
    blocks = (ROOT / "docs/serving.md").read_text().split("\n\n")
    (block,) = [block for block in blocks if "gunicorn --worker-class" in block]
    return textwrap.dedent(block)


def test_line_in_the_documentation_serves(tmp_path: Path, redis_url: str) -> None:
    index, log, port = tmp_path / "index", tmp_path / "log", free_port()
    index_of(index, articles(6))
    script = documented()
    for there, here in {
        "var/index": str(index),
        "redis://127.0.0.1:6379/0": redis_url,
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "$(mktemp -d)": str(tmp_path),
        "\ngunicorn ": f"\nexec {sys.executable} -m gunicorn ",
    }.items():
        assert script.count(there) == 1, there
        script = script.replace(there, here)
    with log.open("w") as output:
        process = subprocess.Popen(["sh", "-c", script], stdout=output, stderr=output, text=True, env=os.environ)
    service = Running(process, f"http://127.0.0.1:{port}", 0.0, log)
    try:
        wait_until(service.url + "/readyz", process, time.monotonic(), log)
        assert len(service.get("/v1/articles/a001/related?min_probability=0&stories=all").json()["related"]) == 5
        assert service.post("/v1/similar", {}).status == 400
        assert "seealso_" in service.get("/metrics").body.decode()
        assert len(service.workers()) == 2
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()
