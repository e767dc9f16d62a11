"""The commands in README.md run as they are written, on a few articles; those in all documentation can be run."""

import gzip
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

from seealso.cli import cli
from seealso.editorial.store import Store
from seealso.editorial.takedowns import read_takedowns
from tests.conftest import ROOT
from tests.deciding import take_down
from tests.makers import articles, index_of
from tests.servers import free_port
from tests.written import code_blocks, install, running, with_ports

pytestmark = pytest.mark.row("P4")

README = (ROOT / "README.md").read_text()
BLOCKS = code_blocks(README)
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
# What the README's commands ask for, a text too long to be embedded in a moment left out.
PIECES = {
    *("tides-explained", "tidal-power-turbines", "walking-the-ellen-estuary", "storm-surge-floods-harbour"),
    *("heat-pumps-in-old-houses", "octopus-minds"),
}
SOURCE = '[[source]]\nkind = "jsonl"\npath = "articles.jsonl.gz"\n'
# How the blocks begin that are run, one after the other, with what is put into the place of what a reader fills in.
RUN = ("make setup", "$ curl '127", "curl 127.0.0.1:8080/v1/page", "KEY=$(seealso key create", "seealso index --index")
# And those that are not: the demo (tests/test_demo.py), tests and benchmarks, what needs Docker, what is no command.
NOT_RUN = (
    "make demo",
    "location /related/",
    "docker compose --profile",
    "docker compose build",
    "source ->",
    "make test",
)


def block(begins: str) -> str:
    """Return the block that begins so; of a session, its commands."""
    (found,) = [text for _, text in BLOCKS if text.startswith(begins)]
    if begins.startswith("$ "):
        found = "\n".join(line[2:] for line in found.splitlines() if line.startswith("$ ")) + "\n"
    return found


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the README's commands print, with a line before each block."""
    folder = tmp_path_factory.mktemp("readme")
    install(folder)
    lines = [line for path in ROOT.glob("examples/newsroom/*.jsonl") for line in path.read_text().splitlines()]
    with gzip.open(folder / "articles.jsonl.gz", "wt") as file:
        file.writelines(f"{line}\n" for line in lines if json.loads(line)["id"] in PIECES)
    (folder / "seealso.toml").write_text(SOURCE)
    script = 'export PATH="$PWD/.venv/bin:$PATH"\n'
    for number, begins in enumerate(RUN):
        script += f"echo; echo '--- {number}'\n{block(begins)}"
    # The service is left running, as in a terminal of its own.
    ready = "curl --silent --fail --retry 60 --retry-delay 1 --retry-connrefused 127.0.0.1:8080/readyz"
    script = re.sub(r"(seealso serve [^#\n]*)(#.*)?\n", rf"\1 > serve.log 2>\&1 &\n{ready}\n", script)
    script = script.replace("ARTICLE_ID", "tides-explained")
    script = with_ports({8080: free_port()}, script)
    # The first text loads the model, and there are machines that do much else.
    with running(folder, script, "kill $(jobs -p)", SEEALSO_TEXT_DEADLINE_S="300") as paused:
        yield paused.said
        assert paused.go_on() == 0


def printed(said: str, begins: str) -> str:
    """Return what a block printed."""
    number = RUN.index(begins)
    return said.split(f"--- {number}\n")[1].split(f"--- {number + 1}\n")[0]


def test_each_block_is_run_or_said_why_not() -> None:
    for _, text in BLOCKS:
        assert sum(text.startswith(begins) for begins in RUN + NOT_RUN) == 1, text


def test_articles_are_indexed_served_and_related(said: str) -> None:
    assert "tidal-power-turbines" in printed(said, "make setup")


def test_block_is_answered(said: str) -> None:
    answer = json.loads(printed(said, "$ curl '127").strip().splitlines()[-1])
    shown = json.loads(BLOCKS[1][1].split("\n", 1)[1])
    assert answer.keys() == shown.keys()
    assert answer["related"][0].keys() == shown["related"][0].keys()
    assert len(answer["related"]) == 2


def test_page_is_answered(said: str) -> None:
    answer = json.loads(printed(said, "curl 127.0.0.1:8080/v1/page").strip().splitlines()[-1])
    assert [each["name"] for each in answer["blocks"]] == ["below", "technology"]


def test_article_is_put(said: str) -> None:
    answer = json.loads(printed(said, "KEY=$(seealso key create").strip().splitlines()[-1])
    assert "storm-surge-floods-harbour" in answer.get("shown_under", ()), answer


def test_night_runs_and_is_rolled_back(said: str) -> None:
    night = printed(said, "seealso index --index")
    assert "known from earlier nights" in night
    assert re.search(r"^\S+ is served now; it was \S+\.", night, re.M)


def test_backup_is_made_and_restored_as_written(tmp_path: Path) -> None:
    install(tmp_path)
    index = tmp_path / "var/index"
    index_of(index, articles(3))
    store = Store(index)
    take_down(store, ["a001"], "ann", "court order", None)
    store.close()
    commands = "".join(
        text for language, text in code_blocks((ROOT / "docs/backup.md").read_text()) if language == "sh"
    )
    with running(tmp_path, f'export PATH="$PWD/.venv/bin:$PATH"\n{commands}', "") as paused:
        assert "is whole: 3 articles" in paused.said
    restored = Store(tmp_path / "restored/index")
    with restored.reading() as connection:
        assert [each.article for each in read_takedowns(connection)] == ["a001"]
    restored.close()


# What is not run


def written_commands() -> Iterator[tuple[Path, str]]:
    """Yield every command line in code of a page; lines that go on are joined, comments left out."""
    for page in PAGES:
        for language, text in code_blocks(page.read_text()):
            if language in ("", "sh", "console", "bash"):
                for line in text.replace("\\\n", " ").splitlines():
                    yield page, re.sub(r"\s#\s.*$|^\$ ", "", line.strip())


def test_every_seealso_command_has_these_options() -> None:
    tried = 0
    for page, line in written_commands():
        for part in re.split(r"\||&&|;", line):
            found = re.match(r"\s*(?:[A-Z_]+=\S+ )*(?:\S*/|docker compose run --rm )?(seealso|indexer)( .*|$)", part)
            if found and "->" not in part:
                tried += 1
                parse(page, line, shlex.split(re.sub(r"\$\([^)]*\)|[<>]\S*|&$", "", found[2])))
    assert tried > 30


def test_every_block_for_a_shell_is_one() -> None:
    for page in PAGES:
        commands = "".join(text for language, text in code_blocks(page.read_text()) if language == "sh")
        read = subprocess.run(["bash", "-n", "-c", commands], capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, ""), page


def parse(page: Path, line: str, words: list[str]) -> None:
    """Have the command line parsed as far as options and names of commands go."""
    command: click.Command = cli
    context = click.Context(cli, info_name="seealso")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        below = command.get_command(context, name)
        assert below is not None, f"{page.name}: {line}: there is no command {name!r}"
        command, context = below, click.Context(below, context, name)
    try:
        command.make_parser(context).parse_args(words)
    except click.UsageError as error:
        raise AssertionError(f"{page.name}: {line}: {error.message}") from None


def test_every_make_target_and_module_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page, line in written_commands():
        for target in re.findall(r"(?:^|&& )make ([a-z][a-z0-9-]*)\b", line):
            assert f"\n{target}:" in makefile, f"{page.name}: {line}"
        for module, rest in re.findall(r"python3? -m ((?:bench|tests|service|indexer|seealso)[\w.]*)(.*)", line):
            path = ROOT / module.replace(".", "/")
            path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
            assert path.exists(), f"{page.name}: {line}"
            for option in re.findall(r"(--[a-z][a-z-]*)", rest):
                assert f'"{option}"' in path.read_text(), f"{page.name}: {line}"


def test_every_docker_compose_command_names_what_is_there() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    profiles = {each for service in composed.values() for each in service.get("profiles", ())}
    for page, line in written_commands():
        if "docker compose" in line:
            words = shlex.split(line)
            for option, value in pairwise(words):
                assert option != "--profile" or value in profiles, f"{page.name}: {line}"
                assert option != "--scale" or value.split("=")[0] in composed, f"{page.name}: {line}"
            if "run" in words:
                rest = iter(words[words.index("run") + 1 :])
                for word in rest:
                    if word in ("--entrypoint", "-v"):
                        next(rest)
                    elif not word.startswith("-"):
                        assert word in composed, f"{page.name}: {line}"
                        break
                else:
                    pytest.fail(f"{page.name}: {line} names no service")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_location_for_nginx_is_understood_by_it(tmp_path: Path) -> None:
    around = "events {{}}\nhttp {{ server {{ listen 127.0.0.1:1; {} }} }}\n"
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\n" + around.format(block("location /re"))
    )
    tried = subprocess.run(
        ["nginx", "-t", "-q", "-p", str(tmp_path), "-c", "nginx.conf"], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0 or "permission denied" in tried.stderr.lower(), tried.stderr
