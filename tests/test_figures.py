"""Figures of full forms: told by tests that run in a session of their own, and written into a page."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.figures import AS_STATED, commit_of
from tests.figures_page import BEGIN, END, Line, merged, read_lines, write

PAGE = f"""# A page

| row | what |
|---|---|
| N1 | one |
| N2 | two |
| F1 | three |

{BEGIN}

| row | what it came to | held | command | date | commit | machine |
|---|---|---|---|---|---|---|
| N2 | 2 of 2 | passed | `pytest two` | yesterday | abc | this |

{END}

What comes after it.
"""
CONFTEST = """
from pathlib import Path
from hypothesis import settings
from tests.figures import Record, Unhurried

settings.register_profile("torture", max_examples=30, deadline=None)

def pytest_configure(config):
    config.pluginmanager.register(Unhurried())
    config.pluginmanager.register(Record(Path("page.md").resolve()))
"""
TESTS = """
import pytest
from hypothesis import given, strategies
from tests.figures import figure

@pytest.mark.torture
@pytest.mark.row("N1")
def test_whole():
    figure("a: {x} | b\\nand {more}")
    figure("12 ms")

def test_short():
    figure("short")

@pytest.mark.torture
@pytest.mark.row("F1")
def test_limit(tmp_path):
    figure("900 ms")
    ms = 900
    assert ms <= 2 * 100, f"it went on\\n{tmp_path}/log says {ms}"

@pytest.mark.torture
@pytest.mark.row("F1")
@pytest.mark.parametrize("fault", ["hung", "full"])
def test_broken(fault):
    if fault == "full":
        raise OSError("no | room")

@pytest.mark.torture
@pytest.mark.row("N2", together=True)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_cases(number):
    figure("{nights:,} nights", nights=number * 1_000)
    assert number != 2

@pytest.mark.torture
@pytest.mark.row("N2")
def test_elsewhere():
    pytest.skip("not on this machine")

@pytest.mark.torture
@pytest.mark.row("N1", together=True)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_ended_by_hand(number):
    figure("half")
    if number == 2:
        raise KeyboardInterrupt

@pytest.mark.torture
@pytest.mark.row("N1")
def test_never_begun():
    pass

@pytest.mark.row("N1")
@given(strategies.integers())
def test_law(number):
    pass
"""


def line(row: str, command: str, figure: str = "a figure") -> Line:
    return Line(row, figure, "passed", command, "today", "def", "that")


def session(folder: Path, *options: str, tests: str = TESTS, page: str = PAGE) -> subprocess.CompletedProcess[str]:
    """Run tests that write into a page."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(tests)
    (folder / "page.md").write_text(page)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    torture\n    row\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", *options]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def lines_of(folder: Path) -> dict[str, Line]:
    """Return the lines of a page by what runs their tests."""
    found = read_lines((folder / "page.md").read_text())
    return {each.command.strip("`").removeprefix("pytest "): each for each in found}


# the page


def test_line_takes_the_place_of_that_of_its_row_and_command_and_others_stay() -> None:
    page = merged(PAGE, [line("N2", "`pytest two`"), line("N2", "`pytest three`"), line("F1", "`pytest two`")])
    told = [(each.row, each.command, each.figure) for each in read_lines(page)]
    assert told == [
        ("N2", "`pytest two`", "a figure"),
        ("N2", "`pytest three`", "a figure"),
        ("F1", "`pytest two`", "a figure"),
    ]
    assert merged(page, []) == page
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    assert (before, after) == (PAGE.split(BEGIN)[0], PAGE.split(END)[1])


def test_lines_stand_in_the_order_of_the_rows() -> None:
    page = merged(PAGE, [line("F1", "`b`"), line("N1", "`z`"), line("F1", "`a`")])
    assert [(each.row, each.command) for each in read_lines(page)] == [
        ("N1", "`z`"),
        ("N2", "`pytest two`"),
        ("F1", "`b`"),
        ("F1", "`a`"),
    ]


def test_whatever_a_figure_holds_is_read_again() -> None:
    told = line("N1", "`pytest 'x[a|b]'`", "1 | 2 || 3")
    assert told in read_lines(merged(PAGE, [told]))
    assert line("N1", "`c`", "1 2") in read_lines(merged(PAGE, [line("N1", "`c`", " 1\n  2")]))


@pytest.mark.parametrize("marker", [BEGIN, END])
def test_page_without_a_place_for_figures_is_named_as_that_and_stays(tmp_path: Path, marker: str) -> None:
    (tmp_path / "page.md").write_text(PAGE.replace(marker, ""))
    with pytest.raises(pytest.UsageError, match=re.escape(f"it needs the lines '{BEGIN}' and '{END}'")):
        write(tmp_path / "page.md", [line("N1", "`a`")])
    assert (tmp_path / "page.md").read_text() == PAGE.replace(marker, "")
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_row_that_the_page_has_not_is_named() -> None:
    with pytest.raises(pytest.UsageError, match="has a row N3"):
        merged(PAGE, [line("N3", "`a`")])


def test_line_that_was_broken_by_hand_is_shown() -> None:
    with pytest.raises(pytest.UsageError, match=r"has 6 cells, not 7: .* two"):
        read_lines(PAGE.replace("| passed ", ""))


# a session


def test_full_forms_that_ran_to_their_end_have_a_line_though_the_session_was_interrupted(tmp_path: Path) -> None:
    done = session(tmp_path, "-m", "torture")
    assert "KeyboardInterrupt" in done.stdout
    assert "5 lines of figures are in page.md" in done.stdout
    lines = lines_of(tmp_path)
    told = {
        command.rpartition("::")[2].rstrip("'"): (each.row, each.figure, each.held) for command, each in lines.items()
    }
    assert told == {
        "two": ("N2", "2 of 2", "passed"),
        "test_whole": ("N1", "a: {x} | b and {more}; 12 ms", "passed"),
        "test_limit": ("F1", "900 ms", "**missed**: `... says 900`"),
        "test_broken[hung]": ("F1", "broken, hung", "passed"),
        "test_broken[full]": ("F1", "broken, full", "**failed, OSError**: `no | room`"),
        "test_cases": ("N2", "3 cases: 6,000 nights", "**missed**: `assert 2 != 2` (1 of 3 cases)"),
    }
    assert "-m torture test_it.py::test_whole" in lines
    assert [each.row for each in lines.values()] == ["N1", "N2", "N2", "F1", "F1", "F1"]
    whole = lines["-m torture test_it.py::test_whole"]
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]+ 20\d\d", whole.date)
    assert whole.commit == "not noted"
    assert re.fullmatch(r"\d+ CPUs, .+, \d+ GB", whole.machine)


def test_command_of_a_line_runs_its_test_again_and_no_other(tmp_path: Path) -> None:
    session(tmp_path, "-m", "torture", "-k", "broken")
    commands = [*lines_of(tmp_path)]
    for name in ("hung", "full"):
        (command,) = [each for each in commands if name in each]
        done = session(tmp_path, *shlex.split(command), "-v")
        assert re.findall(r"::(\S+) (?:PASSED|FAILED)", done.stdout) == [f"test_broken[{name}]"]


def test_full_forms_take_longer_than_what_ends_other_tests(tmp_path: Path) -> None:
    lasting = (
        TESTS
        + """
import time

@pytest.mark.torture
@pytest.mark.row("F1")
def test_long():
    time.sleep(3)
"""
    )
    command = "-m", "torture", "-k", "long", "-o", "faulthandler_timeout=1", "-o", "faulthandler_exit_on_timeout=true"
    assert "1 passed" in session(tmp_path, *command, tests=lasting).stdout


def test_rows_of_which_all_is_in_the_short_form_have_a_line_if_they_are_asked_for(tmp_path: Path) -> None:
    stated = (
        TESTS
        + """
@pytest.mark.row("F3")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_as_stated(number):
    pass

@pytest.mark.row("N1")
def test_short_form_of_what_has_a_full_one():
    assert False
"""
    )
    page = PAGE.replace("| F1 | three |", "| F1 | three |\n| F3 | four |")
    session(tmp_path, "-m", "row and not torture", "test_it.py", tests=stated, page=page)
    assert [*lines_of(tmp_path)] == ["two"]
    session(tmp_path, "-m", "row and not torture", tests=stated, page=page)
    lines = lines_of(tmp_path)
    assert [(each.row, each.figure, each.held) for each in lines.values()][1:] == [
        ("F3", "3 cases: as stated", "passed")
    ]
    assert [*lines][1:] == ["-m 'row and not torture'"]


def test_short_forms_write_nothing(tmp_path: Path) -> None:
    done = session(tmp_path, "-m", "not torture", "-s")
    assert done.returncode == 0, done.stdout
    assert "\nshort\n" in done.stdout
    assert (tmp_path / "page.md").read_text() == PAGE


def test_laws_that_are_tried_on_many_random_cases_are_full_forms(tmp_path: Path) -> None:
    session(tmp_path, "-m", "not torture", "--hypothesis-profile", "torture")
    assert [*lines_of(tmp_path)] == ["--hypothesis-profile torture test_it.py::test_law", "two"]


def test_commit_is_noted_with_whether_more_than_the_page_differs(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        own = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words]
        return subprocess.run(own, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    page, other = tmp_path / "docs" / "page.md", tmp_path / "other"
    page.parent.mkdir()
    page.write_text(PAGE)
    other.touch()
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "all")
    commit = git("rev-parse", "--short", "HEAD")
    page.write_text("changed")
    assert commit_of(page) == commit
    other.write_text("changed")
    assert commit_of(page) == f"{commit}+"


def test_what_could_not_be_written_is_found_out_before_anything_is_run(tmp_path: Path) -> None:
    for page, says in ((PAGE.replace(END, ""), END), (PAGE.replace("| F1 |", "| F2 |"), "has a row F1")):
        done = session(tmp_path, "-m", "torture", page=page)
        assert says in done.stderr
        assert "test_it.py" not in done.stdout
        assert (tmp_path / "page.md").read_text() == page


def test_full_form_that_names_no_row_is_refused(tmp_path: Path) -> None:
    tests = "import pytest\n\n@pytest.mark.torture\ndef test_it():\n    pass\n"
    assert "test_it.py::test_it does not say of which row it is" in session(tmp_path, tests=tests).stderr


# this project's page


def test_each_line_names_a_test_that_there_is() -> None:
    for each in read_lines((ROOT / "docs" / "reliability.md").read_text()):
        if each.command == f"`pytest -m '{AS_STATED}'`":
            continue
        found = re.fullmatch(r"`pytest (?:-m|--hypothesis-profile) torture '?(\S+)::(\w+)(?:\[\S+\]')?`", each.command)
        assert found, each
        assert f"def {found[2]}(" in (ROOT / found[1]).read_text(), each


def test_each_row_that_tests_name_is_one_of_the_page() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    sources = [path.read_text() for path in ROOT.glob("tests/**/test_*.py") if path != Path(__file__)]
    named = {row for text in sources for row in re.findall(r'mark\.row\("(\w+)"', text)}
    assert {"N1", "S7", "M1"} <= named
    # S9 is a command, `make audit`: what it finds changes from day to day, without a change of ours.
    assert named | {"S9"} == set(re.findall(r"^\| ([A-Z]\d+) \|", page, re.M))
    assert all("mark.row(" in text for text in sources if "mark.torture" in text)
