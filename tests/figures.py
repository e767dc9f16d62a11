"""What full forms (`make torture`) come to -> the table of figures in docs/reliability.md.

A test says of which row of that page it is (`@pytest.mark.row("N4")`), and tells its figures by `figure`. Once a
session is over, or was ended by Ctrl-C, each full form that ran to its end has its line in the table; others stay.
Where all of a row is what `make test` runs of it, its tests share a line, if they are asked for by AS_STATED.
"""

import faulthandler
import os
import re
import shlex
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from platform import machine
from typing import NamedTuple

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.figures_page import HEAD, Line, merged, write

# `make torture`: as many random cases as nobody waits for twice a day.
PROFILE = "torture"
# Asks for the rows of which all is in the short form.
AS_STATED = "row and not torture"
PASSED, UNKNOWN = "passed", "not noted"
REASON_CHARACTERS_MAX = 160


class Told(NamedTuple):
    """A figure of one test; `counts` are what stands in its braces."""

    text: str
    counts: dict[str, int]


_told: dict[str, list[Told]] = defaultdict(list)


def figure(text: str, **counts: int) -> None:
    """Print a figure of the test that runs, and keep it for the table.

    `counts` go into the braces of the text; those of cases which share one line are added up.
    """
    print(f"\n{in_words([Told(text, counts)])}")  # noqa: T201
    _told[os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]].append(Told(text, counts))


def in_words(told: Iterable[Told]) -> str:
    """Return figures as one text, with the counts of equal texts added up."""
    added: dict[str, Counter[str]] = {}
    for text, counts in told:
        added.setdefault(text, Counter()).update(counts)
    return "; ".join(text.format(**counts) if counts else text for text, counts in added.items())


@dataclass(slots=True)
class Case:
    """A full form: one test, with its parameters."""

    node: str
    row: str
    command: str
    wrong: str = ""
    as_stated: bool = False
    skipped: bool = False
    over: bool = False

    @property
    def named(self) -> str:
        """Return what the test's name says."""
        if self.as_stated:
            return "as stated"
        name, _, parameters = self.node.rpartition("::")[2].removeprefix("test_").partition("[")
        return ", ".join(filter(None, [name.replace("_", " "), parameters.rstrip("]")]))


class Record:
    """A pytest plugin: notes how full forms end, and writes it into a page."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._cases: dict[str, Case] = {}
        self._commit = UNKNOWN

    @pytest.hookimpl(tryfirst=True)  # before any are left out
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            if item.get_closest_marker("torture") and not item.get_closest_marker("row"):
                raise pytest.UsageError(f"{item.nodeid} does not say of which row it is: @pytest.mark.row(...)")
        if asks_as_stated(config):
            whole = {row_of(item) for item in items if may_be_full(item)}
            of_rows = [item for item in items if item.get_closest_marker("row") and row_of(item) not in whole]
            config.hook.pytest_deselected(items=[item for item in items if item not in of_rows])
            items[:] = of_rows

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        full = [item for item in session.items if is_full(item)]
        self._cases = {item.nodeid: Case(item.nodeid, row_of(item), command_of(item)) for item in full}
        if asks_as_stated(session.config):
            command = f"`pytest -m '{AS_STATED}'`"
            for item in session.items:
                self._cases[item.nodeid] = Case(item.nodeid, row_of(item), command, as_stated=True)
        if self._cases:  # that they have a place is better known before hours have passed than after
            lines = [Line(case.row, *[""] * (len(HEAD) - 1)) for case in self._cases.values()]
            merged(self._page.read_text(), lines)
            self._commit = commit_of(self._page)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if case := self._cases.get(item.nodeid):
            if report.failed and call.excinfo and not case.wrong:
                case.wrong = reason(call)
            case.skipped |= report.skipped
            case.over |= report.when == "teardown"
        return report

    def pytest_sessionfinish(self) -> None:
        if lines := [*self.lines()]:
            write(self._page, lines)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if lines := [*self.lines()]:
            terminalreporter.write_line(f"{len(lines)} lines of figures are in {self._page.name}")

    def lines(self) -> Iterator[Line]:
        """Yield the lines of what ran to its end."""
        day, here = f"{date.today().day} {date.today():%B %Y}", machine_in_words()
        for cases in self._of_one_line():
            told = in_words(each for case in cases for each in _told[case.node]) or cases[0].named
            wrong = [case.wrong for case in cases if case.wrong]
            held = wrong[0] if wrong else PASSED
            if len(cases) > 1:
                told = f"{len(cases)} cases: {told}"
                held += f" ({len(wrong)} of {len(cases)} cases)" if wrong else ""
            yield Line(cases[0].row, told, held, cases[0].command, day, self._commit, here)

    def _of_one_line(self) -> Iterable[Sequence[Case]]:
        found: dict[tuple[str, str], list[Case]] = {}
        for case in self._cases.values():
            if not case.skipped:
                found.setdefault((case.row, case.command), []).append(case)
        return [cases for cases in found.values() if all(case.over for case in cases)]


class Unhurried:
    """A pytest plugin: full forms take as long as they do; what ends tests that hang is called off for them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if is_full(item):
            faulthandler.cancel_dump_traceback_later()


def asks_as_stated(config: pytest.Config) -> bool:
    """Return whether a session is for what is stated whole: of all tests, for a part of them tells of no row."""
    all_tests = [str(config.rootpath / path) for path in config.getini("testpaths") or [""]]
    asked_for = [str(config.invocation_params.dir / path) for path in config.args]
    return config.getoption("markexpr") == AS_STATED and asked_for == all_tests


def may_be_full(item: pytest.Item) -> bool:
    """Return whether a test is, or has, the full form of a row: it is marked so, or made of random cases."""
    many = item.get_closest_marker("torture") or is_hypothesis_test(getattr(item, "obj", None))
    return bool(item.get_closest_marker("row") and many)


def is_full(item: pytest.Item) -> bool:
    """Return whether a test runs in its full form: it is marked so or, made of random cases, has as many as that."""
    many = settings.get_current_profile_name() == PROFILE
    return may_be_full(item) and bool(item.get_closest_marker("torture") or many)


def row_of(item: pytest.Item) -> str:
    """Return the row that a test is of."""
    row = item.get_closest_marker("row")
    assert row
    return str(row.args[0])


def command_of(item: pytest.Item) -> str:
    """Return what runs a test again, in a line of the table."""
    row = item.get_closest_marker("row")
    together = row and row.kwargs.get("together")
    node = item.nodeid.partition("[")[0] if together else item.nodeid
    how = f"-m {PROFILE}" if item.get_closest_marker("torture") else f"--hypothesis-profile {PROFILE}"
    return f"`pytest {how} {shlex.quote(node)}`"


def reason(call: pytest.CallInfo[None]) -> str:
    """Return in short what was not as it must be; a limit is missed, anything else has failed."""
    assert call.excinfo
    error = call.excinfo.value
    missed = isinstance(error, AssertionError) and call.when == "call"
    # What a test says, at last, or else the assertion; where pytest does not explain that, its line of code.
    said = str(error).strip().partition("\nassert ")[0] or str(call.excinfo.traceback[-1].statement).strip()
    said = said.splitlines()[0 if said.startswith("assert ") else -1].strip()
    said = re.sub(rf"({re.escape(tempfile.gettempdir())}|{re.escape(str(Path.cwd()))})/\S*", "...", said)
    if len(said) > REASON_CHARACTERS_MAX:
        said = f"{said[:REASON_CHARACTERS_MAX]}..."
    what = "missed" if missed else f"failed, {type(error).__name__}"
    return f"**{what}**: `{said.replace('`', chr(39))}`"


def commit_of(page: Path) -> str:
    """Return the commit that is tried, with '+' if more than the page differs from it."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=page.parent, capture_output=True, text=True, check=False)

    try:
        commit = git("rev-parse", "--short", "HEAD")
    except FileNotFoundError:
        return UNKNOWN
    if commit.returncode != 0:
        return UNKNOWN
    changed = git("diff", "--quiet", "HEAD", "--", ":/", f":(exclude){page.name}").returncode
    return f"{commit.stdout.strip()}{'+' if changed else ''}"


def machine_in_words() -> str:
    """Return processors and memory of this machine."""
    models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{len(os.sched_getaffinity(0))} CPUs, {models[0] if models else machine()}, {memory:.0f} GB"
