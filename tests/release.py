"""A release of the last commit: `make release`. It ends in dist/, or at the first step that is not as it must be.

The source archive, and out of it the wheel, are built twice, in two folders, and must be the same to the byte. The
wheel holds every file of the three packages and no other. It is installed in a new virtual environment with nothing of
this machine's environment, and there does what a newsroom does first: index, serve, ask, take down, ask again, start
again, ask again.
"""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.image_check import run
from tests.servers import Answer, free_port, request, wait_until

DIST = ROOT / "dist"
PACKAGES = ("seealso", "indexer", "service")
# What a source archive is made of; the tests are in the repository.
SOURCE = ("pyproject.toml", "MANIFEST.in", "constraints.txt", "README.md", "LICENSE", *PACKAGES)
# Two of one subject, and one of another.
ARTICLES = [
    {
        "id": "tides",
        "url": "https://news.example/tides",
        "title": "Spring tides flood the harbour",
        "body": "The moon and the sun pull the sea together.",
    },
    {
        "id": "moon",
        "url": "https://news.example/moon",
        "title": "How the moon makes the tides",
        "body": "The sea of a harbour follows the moon's pull.",
    },
    {
        "id": "bread",
        "url": "https://news.example/bread",
        "title": "Sourdough for beginners",
        "body": "Flour, water, salt, and a night in a cool kitchen.",
    },
]


def main() -> None:
    """Make the release."""
    tools = Path(sys.argv[1]).resolve()
    commit = git("rev-parse", "--short=12", "HEAD")
    if git("status", "--porcelain"):
        say(f"what is not committed is not in it: this is the release of {commit}")
    moment = git("log", "-1", "--format=%ct")
    with tempfile.TemporaryDirectory(prefix="seealso-release-") as name:
        folder = Path(name)
        first, second = (built(tools, folder / each, moment) for each in ("first", "second-in-another-place"))
        assert first == second, f"two builds differ: {sorted(first)} and {sorted(second)}"
        say(f"twice the same: {', '.join(f'{file} ({digest[:12]})' for file, digest in first.items())}")
        dist = folder / "first" / "dist"
        [wheel], [source] = dist.glob("*.whl"), dist.glob("*.tar.gz")
        check_content(wheel, source)
        environment = folder / "environment"
        say("installing the wheel in a clean environment")
        run(f"{sys.executable} -m venv {environment}", folder)
        python = environment / "bin/python"
        run(f"{python} -m pip install --quiet --disable-pip-version-check -c {ROOT}/constraints.txt {wheel}", folder)
        run(f"{python} -m pip --disable-pip-version-check check", folder)
        journey(environment / "bin/seealso", folder / "newsroom")
        bill = dist / f"{wheel.name.split('-py3')[0]}.cdx.json"
        run(f"{tools}/bin/cyclonedx-py environment --output-reproducible -o {bill} {python}", folder)
        leave_out_places(bill)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(dist, DIST)
    sums = "".join(f"{digest_of(path)}  {path.name}\n" for path in sorted(DIST.iterdir()))
    (DIST / "SHA256SUMS").write_text(sums)
    sys.stdout.write(sums)


def built(tools: Path, folder: Path, moment: str) -> dict[str, str]:
    """Build the last commit in a new folder; return what was built, with its SHA-256."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD", *SOURCE], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder / "source", filter="data")
    command = [f"{tools}/bin/python", "-m", "build", "--no-isolation", "--outdir", f"{folder}/dist", f"{folder}/source"]
    environment = nothing_of_ours(folder) | {"SOURCE_DATE_EPOCH": moment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (folder / "dist").glob("*.tar.gz"):
        pack_anew(path, int(moment))
    return {path.name: digest_of(path) for path in sorted((folder / "dist").iterdir())}


def pack_anew(path: Path, moment: int) -> None:
    """Pack a source archive so that it says nothing of when and by whom it was made: setuptools writes both."""
    plain = io.BytesIO()
    with tarfile.open(path) as made, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for member in sorted(made.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = moment, 0, 0, "", ""
            member.mode, member.pax_headers = 0o755 if member.isdir() else 0o644, {}
            packed.addfile(member, made.extractfile(member) if member.isfile() else None)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, moment) as zipped:
        zipped.write(plain.getvalue())


def check_content(wheel: Path, source: Path) -> None:
    """Look whether a wheel holds the files of the packages, all of them and no others; and a source archive what it is
    installed with.
    """
    with tarfile.open(source) as packed:
        top = {name.partition("/")[2] for name in packed.getnames()}
    assert set(SOURCE) <= top, f"not in {source.name}: {set(SOURCE) - top}"
    committed = set(git("ls-tree", "-r", "--name-only", "HEAD", *PACKAGES).splitlines())
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert held == committed, f"not in the wheel: {committed - held}; in it, and not committed: {held - committed}"


def leave_out_places(bill: Path) -> None:
    """Leave out of a bill of materials where on this machine the wheel was."""
    told = json.loads(bill.read_text())
    for component in told["components"]:
        references = component.get("externalReferences", [])
        references[:] = [each for each in references if not each["url"].startswith("file:")]
    bill.write_text(json.dumps(told, indent=2) + "\n")
    assert "file:" not in bill.read_text()


def journey(seealso: Path, folder: Path) -> None:
    """Index, serve, ask, take down, ask again; and once more after a new start."""
    folder.mkdir()
    (folder / "articles.jsonl").write_text("".join(json.dumps(article) + "\n" for article in ARTICLES))
    index = folder / "index"
    say("indexing three articles, and asking for their blocks")
    run(f"{seealso} index {folder}/articles.jsonl --index {index}", folder)
    run(f"{seealso} verify --index {index}", folder)
    command = [str(seealso), "key", "create", "--scope", "editor", "--name", "release", "--index", str(index)]
    made = subprocess.run(command, env=nothing_of_ours(folder), capture_output=True, text=True, check=True)
    key = made.stdout.split()[-1]
    with serving_of(seealso, index, folder / "serve.log") as service:
        assert shown(service, "tides") == ["moon"], "the two on tides are not related"
        assert b"How the moon makes the tides" in ask(service, "/v1/articles/tides/related.html").body
        taken = urllib.request.Request(
            f"{service}/v1/articles/moon/takedown",
            json.dumps({"reason": "a release is tried"}).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        assert request(taken, 60).status == 200, "the takedown is refused"
        check_taken_down(service)
    with serving_of(seealso, index, folder / "serve-again.log") as service:
        check_taken_down(service)
    say("indexed, served, taken down, started again: every answer is as it must be")


def check_taken_down(service: str) -> None:
    """Look whether an article that was taken down is shown nowhere."""
    assert shown(service, "tides") == [], "what was taken down is shown"
    assert b"How the moon" not in ask(service, "/v1/articles/tides/related.html").body
    assert ask(service, "/v1/articles/moon/related").status == 410
    assert ask(service, "/v1/articles/moon").status == 410


def shown(service: str, article_id: str) -> list[str]:
    """Return what the block of an article shows, whatever the probability."""
    answer = ask(service, f"/v1/articles/{article_id}/related?limit=1&min_probability=0")
    assert answer.status == 200, answer.body
    return [card["id"] for card in answer.json()["related"] if card["id"] != "bread"]


def ask(service: str, path: str) -> Answer:
    """Return the answer to a plain request."""
    return request(urllib.request.Request(service + path), 60)


@contextmanager
def serving_of(seealso: Path, index: Path, log: Path) -> Iterator[str]:
    """Serve an index with a program, not this machine's own; give the address."""
    port = free_port()
    command = [str(seealso), "serve", "--index", str(index), "--port", str(port), "--workers", "1"]
    with log.open("w") as output, subprocess.Popen(
        command, stdout=output, stderr=output, text=True, env=nothing_of_ours(log.parent), cwd=log.parent
    ) as process:  # fmt: skip
        try:
            wait_until(f"http://127.0.0.1:{port}/readyz", process, time.monotonic(), log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert process.returncode == 0, log.read_text()


def nothing_of_ours(folder: Path) -> dict[str, str]:
    """Return an environment with nothing of this shell's."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git(*words: str) -> str:
    """Return what git says."""
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True).stdout.strip()


def say(line: str) -> None:
    """Tell what is being done."""
    sys.stderr.write(f"release: {line}\n")


if __name__ == "__main__":
    main()
