import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seealso import errors
from seealso.cli import COMMANDS, EXIT_CODES, exit_code_of

SEEALSO = Path(sys.executable).with_name("seealso")


def run(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SEEALSO, *arguments], capture_output=True, text=True, env=options or None, timeout=120)


def test_every_command_loads_and_says_what_the_list_says() -> None:
    for name, entry in COMMANDS.items():
        command = getattr(importlib.import_module(entry.module), entry.name)
        assert isinstance(command, click.Command)
        assert command.name == name
        assert (command.help or "").split("\n", 1)[0] == entry.does


def test_every_commands_help_begins_with_an_example() -> None:
    for name, entry in COMMANDS.items():
        command = getattr(importlib.import_module(entry.module), entry.name)
        assert f"seealso {name}" in (command.help or "").split("\n\n")[1]


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.OperatorError)
    ]
    within = {errors.SnapshotStoreOfAnotherSite: errors.SnapshotStoreUnavailable}  # kinds that have another's code
    own = {kind for kind in kinds if kind is not errors.OperatorError} - set(within)
    assert own <= set(EXIT_CODES)
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    for kind, whole in within.items():
        assert exit_code_of(kind.__new__(kind)) == EXIT_CODES[whole]
    assert not {0, 1, 2} & set(EXIT_CODES.values())


def test_a_kind_of_oserror_has_its_code() -> None:
    assert exit_code_of(PermissionError()) == EXIT_CODES[OSError]
    assert exit_code_of(ZeroDivisionError()) == 1


def test_help_imports_neither_torch_nor_numpy() -> None:
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom seealso.cli import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'numpy', 'faiss', 'flask'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_command_is_a_usage_error_and_shows_the_list() -> None:
    shown = run("--help").stdout
    assert all(name in shown for name in COMMANDS)
    assert run("no-such-command").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (("snapshots", "--index", "{tmp}"), errors.SnapshotMissing, "seealso index"),
        (("verify", "--index", "{tmp}"), errors.SnapshotMissing, "seealso index"),
        (("related", "a", "--index", "{tmp}"), errors.SnapshotMissing, "seealso index"),
        (("verify", "../../etc", "--index", "{tmp}"), errors.SnapshotMissing, "seealso snapshots"),
        (("index", "{tmp}/none.jsonl", "--index", "{tmp}"), errors.SourceUnreadable, "no such file"),
        (("index", "{tmp}", "--index", "{tmp}/i"), errors.SourceUnreadable, ".jsonl"),
        (("index", "{tmp}", "--keep", "0"), errors.SettingsInvalid, "--keep"),
    ],
)
def test_failures_are_one_line_and_their_own_code(
    arguments: tuple[str, ...], kind: type[Exception], said: str, tmp_path: Path
) -> None:
    done = run(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert done.returncode == EXIT_CODES[kind], done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("seealso: ")
    assert said in last
    assert "Traceback" not in done.stderr


def test_misspelt_variable_stops_every_command(tmp_path: Path) -> None:
    done = run("snapshots", "--index", str(tmp_path), SEEALSO_INDX="x")
    assert done.returncode == EXIT_CODES[errors.SettingsInvalid]
    assert "SEEALSO_INDEX" in done.stderr
