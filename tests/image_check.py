"""The Dockerfile's steps without Docker: `python -m tests.image_check`, or `make image-check`.

Reads the Dockerfile, copies what it copies, runs its pip step in a new virtual environment with an empty environment,
and then does what a container does: as a user that owns nothing but the index (where this machine's Python can be read
by other users), it indexes two articles, serves them, and runs the health check. Steps of Debian and users (apt-get,
useradd) are not run.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.servers import free_port

OPT = "/opt/seealso"
UID = 10001


def main() -> None:
    """Run the steps; the first that fails ends it."""
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    with tempfile.TemporaryDirectory(prefix="seealso-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        source, opt, index = folder / "src", folder / "opt", folder / "index"
        source.mkdir()
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
            *names, _ = line.split()
            for each in names:
                copy(ROOT / each, source / each)
        for line in re.findall(r"^RUN (python -m venv.*|/opt/seealso/.*)$", dockerfile, re.MULTILINE):
            step = line.replace(OPT, str(opt)).replace("${PIP_OPTIONS}", "")
            say(step)
            run(step.replace("python -m venv", f"{sys.executable} -m venv"), source)
        index.mkdir()
        os.chown(index, UID, UID)
        articles = folder / "articles.jsonl"
        articles.write_text(
            "\n".join(json.dumps({"id": i, "title": f"About {i}", "body": "A text."}) for i in ("a", "b"))
        )
        as_container(opt, index, articles, dockerfile)
    say("the image's steps work")


def as_container(opt: Path, index: Path, articles: Path, dockerfile: str) -> None:
    """Index and serve as the image would: its user, its variables, its entry point, its health check."""
    port = free_port()
    variables = dict(re.findall(r"(SEEALSO_\w+)=(\S+)", dockerfile)) | {
        "SEEALSO_INDEX": str(index), "SEEALSO_HOST": "127.0.0.1", "SEEALSO_PORT": str(port),
        "PATH": f"{opt}/bin:/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    user = other_user()
    (entry,) = json.loads(re.findall(r"^ENTRYPOINT (.+)$", dockerfile, re.MULTILINE)[0])
    (command,) = json.loads(re.findall(r"^CMD (.+)$", dockerfile, re.MULTILINE)[0])
    who = f"as user {UID}" if user else "as this user"
    say(f"{entry} index, {who}")
    subprocess.run([*user, entry, "index", articles], env=variables, check=True, cwd="/")
    say(f"{entry} {command}, {who}")
    with subprocess.Popen([*user, entry, command], env=variables, cwd="/") as process:
        try:
            check = json.loads(re.findall(r"HEALTHCHECK .*?CMD (\[.+\])", dockerfile)[0])
            check = [part.replace("8080", str(port)) for part in check]
            deadline = time.monotonic() + 20  # the start period
            while subprocess.run([*user, *check], env=variables, capture_output=True, cwd="/").returncode != 0:
                assert time.monotonic() < deadline, "the health check does not pass"
                assert process.poll() is None, "the service ended"
            say("healthy")
        finally:
            process.terminate()


def other_user() -> list[str]:
    """Return the words that run a command as the image's user; none where it could not run our Python."""
    prefix = Path(sys.base_prefix)
    readable = all(folder.stat().st_mode & 0o005 == 0o005 for folder in (prefix, *prefix.parents))
    if os.geteuid() != 0 or not readable:
        return []
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]


def run(step: str, folder: Path) -> None:
    """Run a step with nothing of this machine's environment but where pip finds packages."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_", "HTTP"))}
    subprocess.run(shlex.split(step), cwd=folder, env=kept | {"PATH": "/usr/bin:/bin", "HOME": str(folder)}, check=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what .dockerignore leaves out."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def say(line: str) -> None:
    """Tell what is being done."""
    sys.stderr.write(f"image-check: {line}\n")


if __name__ == "__main__":
    main()
