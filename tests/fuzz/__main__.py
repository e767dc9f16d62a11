"""Make up bytes for the targets, by what of the code they reach: `python -m tests.fuzz SECONDS [NAME...]`.

Needs atheris (`make fuzz` installs it). What breaks a law, or takes longer than ten seconds, ends a target with the
bytes in build/fuzz/NAME/; mend it, and put the bytes into `test_targets.py`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

FOLLOWED = [
    *("seealso", "indexer", "service", "tests.fuzz.targets"),
    *("feedparser", "protego", "csv", "flask", "httpx2", "mammoth", "zipfile"),
]
INPUT_SECONDS_MAX = 10
MEMORY_MB_MAX = 4_000
OUT = Path("build/fuzz")


def main() -> None:
    """Run one target here, or several one after the other; the exit code is not 0 if a law of any was broken."""
    seconds, *wanted = sys.argv[1:] or ["60"]
    if len(wanted) == 1:
        run(wanted[0], int(seconds))
        return
    # libFuzzer ends the process that it runs in.
    command = [sys.executable, "-m", "tests.fuzz", seconds]
    broken = [name for name in wanted or names() if subprocess.run([*command, name]).returncode]
    if broken:
        raise SystemExit(f"fuzz: laws were broken of {', '.join(broken)}: see {OUT}")


def names() -> list[str]:
    """Return the names of all targets."""
    from tests.fuzz.targets import targets

    return list(targets())


def run(name: str, seconds: int) -> None:
    """Run one target; it ends this process."""
    folder = OUT / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)  # libFuzzer leaves what a process would clear
    with atheris.instrument_imports(include=FOLLOWED):
        from tests.fuzz.targets import targets
    target = targets()[name]
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
        target.check(seed)  # what a library takes for its first time is no input's fault
    sys.stderr.write(f"\nfuzz: {name}, {seconds} s\n")
    arguments = [
        f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-max_len={target.most}", f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1", str(corpus),
    ]  # fmt: skip
    atheris.Setup(["fuzz", *arguments], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
