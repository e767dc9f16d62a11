"""The code is changed in one place at a time, as a mistake would: do its tests notice? (`make mutants`)

    python -m bench.mutants TOOLS [SUBJECT ...] [--sample 60] [--seed 1]

TOOLS: the environment with cosmic-ray, which makes the changes, each in a copy of the project. Of each subject so many
are drawn by chance. Left out are changes that every import tells or no test can: of `|`, which joins types here, and of
`==` to `is`.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from seealso.editorial.clicks import interval

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("BitOr", "Eq_Is")


@dataclass(frozen=True)
class Subject:
    """Some files, and those tests that are theirs."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


SUBJECTS = {
    "publish": Subject(
        (
            "seealso/snapshot/layout.py",
            "seealso/snapshot/retention.py",
            "seealso/snapshot/rollback.py",
        ),
        (
            "seealso/snapshot/test_layout.py",
            "seealso/snapshot/test_retention.py",
            "seealso/snapshot/test_rollback.py",
        ),
    ),
    "takedown": Subject(
        ("seealso/editorial/takedowns.py", "seealso/editorial/decisions.py", "seealso/editorial/turn.py"),
        (
            "seealso/editorial/test_takedowns.py",
            "seealso/editorial/test_decisions.py",
            "seealso/editorial/test_turn.py",
            "seealso/editorial/test_undo.py",
            "seealso/editorial/test_log.py",
            "service/test_editorial.py",
        ),
    ),
    "rules": Subject(
        ("seealso/editorial/rules.py", "service/admission.py", "service/rulings.py"),
        ("seealso/editorial/test_rules.py", "service/test_admission.py", "service/test_rulings.py"),
    ),
    "readers": Subject(
        (
            "seealso/snapshot/manifest.py",
            "seealso/snapshot/reader.py",
            "seealso/snapshot/snapshot.py",
            "seealso/snapshot/fit.py",
            "seealso/snapshot/files.py",
            "seealso/snapshot/names.py",
            "seealso/snapshot/bounds.py",
        ),
        (
            "seealso/snapshot/test_manifest.py",
            "seealso/snapshot/test_reader.py",
            "seealso/snapshot/test_snapshot.py",
            "seealso/snapshot/test_fit.py",
            "seealso/snapshot/test_whole.py",
            "seealso/snapshot/test_bounds.py",
            "seealso/snapshot/test_names.py",
            "night/test_formats.py",
            "seealso/snapshot/test_layout.py",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A change, as a diff, and whether a test failed with it."""

    diff: str
    killed: bool


def copied(folder: Path) -> None:
    """Copy the project as it stands, without what git ignores."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tried(subject: Subject, tool: Path, sample: int, chance: random.Random) -> Iterator[Mutant]:
    """Yield what came of some changes. Raises CalledProcessError if the tests fail without any."""
    with tempfile.TemporaryDirectory() as place:
        copy, config, session = Path(place) / "copy", Path(place) / "config.toml", Path(place) / "session.sqlite"
        copied(copy)
        tests = [f"tests/{name}" for name in subject.tests]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        environment = os.environ | {"PYTHONPATH": str(copy)}
        began = time.monotonic()
        subprocess.run(command, cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds_max = 30 + 3 * (time.monotonic() - began)
        config.write_text(
            f"[cosmic-ray]\nmodule-path = {json.dumps(subject.files)}\ntimeout = {seconds_max:.1f}\n"
            f"excluded-modules = []\ntest-command = {json.dumps(' '.join(command))}\n"
            '[cosmic-ray.distributor]\nname = "local"\n'
        )
        subprocess.run([tool, "init", config, session], cwd=copy, check=True)
        with closing(sqlite3.connect(session)) as database:
            places = "module_path, start_pos_row, start_pos_col, operator_name, occurrence"
            told = database.execute(f"SELECT job_id, operator_name FROM mutation_specs ORDER BY {places}")
            every = told.fetchall()
            jobs = [job for job, operator in every if not any(name in operator for name in LEFT_OUT)]
            others = {job for job, _ in every}.difference(chance.sample(jobs, min(sample, len(jobs))))
            for table in ("mutation_specs", "work_items"):
                database.executemany(f"DELETE FROM {table} WHERE job_id = ?", [(job,) for job in others])
            database.commit()
        subprocess.run([tool, "exec", config, session], cwd=copy, env=environment, check=True)
        with closing(sqlite3.connect(session)) as database:
            for diff, outcome in database.execute("SELECT diff, test_outcome FROM work_results"):
                yield Mutant(diff, outcome == "KILLED")  # a change that could not be tried is none that was noticed


@click.command()
@click.argument("tools", type=click.Path(exists=True, path_type=Path))
@click.argument("subjects", nargs=-1, type=click.Choice(list(SUBJECTS)))
@click.option("--sample", default=60, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(tools: Path, subjects: tuple[str, ...], sample: int, seed: int) -> None:
    """Print each subject's share of changes that its tests noticed, and the changes that they did not."""
    for name in subjects or SUBJECTS:
        tool = (tools / "bin/cosmic-ray").absolute()
        mutants = list(tried(SUBJECTS[name], tool, sample, random.Random(seed)))
        killed = sum(mutant.killed for mutant in mutants)
        least, most = interval(killed, len(mutants))
        for mutant in mutants:
            if not mutant.killed:
                print(mutant.diff)
        share = f"{killed / len(mutants):.0%} ({least:.0%} to {most:.0%})"
        print(f"{name}: {killed} of {len(mutants)} noticed, {share}", flush=True)


if __name__ == "__main__":
    main()
