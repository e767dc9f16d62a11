"""How much of what publishes, takes down, rules and reads is run by its tests: lines and branches (`make coverage`).

    python -m bench.coverage [SUBJECT ...]

The subjects, and which tests are whose, are those of bench/mutants.py: what other tests run of a file does not count.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from bench.mutants import ROOT, SUBJECTS, Subject


def measured(subject: Subject) -> dict[str, Any]:
    """Return what coverage says of a subject: `files`, and `totals`. Raises CalledProcessError if its tests fail."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "coverage"]
        environment = os.environ | {"COVERAGE_FILE": f"{folder}/data", "PYTHONPATH": str(ROOT)}
        tests = [f"tests/{name}" for name in subject.tests]
        run = ["run", "--branch", f"--include={','.join(subject.files)}", "-m", "pytest", "-q", *tests]
        subprocess.run([*command, *run], cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
        told = Path(folder) / "told.json"
        subprocess.run([*command, "json", "-q", "-o", told], cwd=ROOT, env=environment, check=True)
        found: dict[str, Any] = json.loads(told.read_text())
        assert found["files"].keys() == set(subject.files)
        return found


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(list(SUBJECTS)))
def main(subjects: tuple[str, ...]) -> None:
    """Print of each file how many of its lines and branches its tests run, and which lines they do not."""
    for name in subjects or SUBJECTS:
        found = measured(SUBJECTS[name])
        for file, told in found["files"].items():
            print(row(file, told["summary"], told["missing_lines"]))
        print(row(name, found["totals"], []), flush=True)


def row(name: str, numbers: dict[str, int], missed: list[int]) -> str:
    """Return a line of the answer; lines that follow each other are told as the first and the last."""
    lines = share(numbers["covered_lines"], numbers["num_statements"])
    branches = share(numbers["covered_branches"], numbers["num_branches"])
    runs = [[line for _, line in run] for _, run in groupby(enumerate(missed), lambda each: each[1] - each[0])]
    told = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"{name:<36} lines {lines:<18} branches {branches:<18} {f'not run: {told}' if told else ''}".rstrip()


def share(part: int, whole: int) -> str:
    """Return a part of a whole, rounded down, so that 100 % is all of it; 'none' where there is nothing to run."""
    return f"{part} of {whole}, {100 * part // whole} %" if whole else "none"


if __name__ == "__main__":
    main()
