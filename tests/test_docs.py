"""The documentation holds together: links and anchors, the site's navigation, the reference against the code."""

import re
import subprocess
import sys
import tomllib
from email.message import Message
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seealso.project import Project, SourceEntry
from seealso.settings import PREFIX, IndexerSettings, ServiceSettings
from tests.conftest import ROOT
from tests.reference.licences import NONE, licence_of
from tests.reference.make import FOLDER, LICENCES
from tests.written import code_blocks

PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")})
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def prose_of(page: Path) -> str:
    """Return a page's text without its code."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "`code`", text)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them; of several alike only the first."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.M)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings]
    return {re.sub(r"\s", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_their_anchors_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{link}: there is no such file"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert target.suffix == ".md", f"{link}: a file without headings"
            assert anchor in anchors_of(target), f"{link}: no heading has this anchor"


def test_every_page_has_its_place_in_the_site() -> None:
    def listed(part: Any) -> set[str]:
        if isinstance(part, str):
            return {part}
        return set().union(*(listed(each) for each in (part.values() if isinstance(part, dict) else part)))

    placed = listed(SITE["nav"])
    pages = {str(page.relative_to(ROOT)).removeprefix("docs/") for page in PAGES}
    assert placed == pages - {"README.md"} | {"index.md"}


def test_site_asks_nobody_for_anything() -> None:
    assert SITE["theme"]["font"] is False
    assert not re.search(r"https?://", (ROOT / "mkdocs.yml").read_text())


def test_reference_is_what_the_code_says(tmp_path: Path) -> None:
    # In a process of its own: click keeps with a command how its help was first asked for.
    subprocess.run([sys.executable, "-m", "tests.reference", tmp_path], cwd=ROOT, check=True, capture_output=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    written = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert written.keys() == made.keys(), "run: make reference"
    for name, text in made.items():
        if name == LICENCES:  # another Python or system may do with fewer packages
            assert set(text.splitlines()) <= set(written[name].splitlines()), f"{name}: run `make reference`"
        else:
            assert written[name] == text, f"{name}: run `make reference`"


def test_every_package_that_is_always_needed_stands_among_the_licences() -> None:
    page = (FOLDER / LICENCES).read_text()
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        assert f"| `{canonicalize_name(Requirement(line).name)}` |" in page, line


def test_package_without_a_licence_is_told_so() -> None:
    told = Message()
    assert licence_of(told) == NONE
    told["License"] = "Copyright (c) somebody\nAll of it"
    assert licence_of(told) == NONE
    told["Classifier"] = "License :: OSI Approved :: BSD License"
    assert licence_of(told) == "BSD License"
    told["License-Expression"] = "BSD-3-Clause"
    assert licence_of(told) == "BSD-3-Clause"


def test_settings_that_pages_name_are_settings() -> None:
    known = {PREFIX + name.upper() for each in (IndexerSettings, ServiceSettings) for name in each.model_fields}
    others = {"SEEALSO_SERVICE", "SEEALSO_PORTS"}  # of examples, and of docker-compose.yml
    for page in PAGES:
        if page.name != "CHANGELOG.md":
            named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b", page.read_text()))
            assert named <= known | others, page


def projects_of(page: Path) -> list[dict[str, Any]]:
    return [tomllib.loads(text) for language, text in code_blocks(page.read_text()) if language == "toml"]


@pytest.mark.parametrize("name", ["connecting", "tuning", "sources", "block", "tutorial"])
def test_files_that_are_shown_are_projects(name: str) -> None:
    shown = projects_of(ROOT / f"docs/{name}.md")
    assert shown
    for each in shown:
        Project.model_validate(each)


def test_each_kind_of_source_has_a_recipe() -> None:
    shown = {source["kind"] for each in projects_of(ROOT / "docs/connecting.md") for source in each.get("source", ())}
    kinds = {entry.model_fields["kind"].annotation for entry in get_args(get_args(SourceEntry)[0])}
    assert shown == {get_args(kind)[0] for kind in kinds}


def test_least_versions_are_those_that_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = map(Requirement, [*project["dependencies"], *(each for extra in extras.values() for each in extra)])
    declared = {each.name: str(each.specifier).removeprefix(">=") for each in requirements}
    told = (ROOT / "docs" / "security.md").read_text().partition("## The least versions")[2]
    rows = re.findall(r"^\| ([\w, -]+) \| ([\d.]+) \|", told, re.M)
    assert ("Python", project["requires-python"].removeprefix(">=")) in rows
    for names, floor in rows:
        assert all(declared[name] == floor for name in names.split(", ") if name != "Python"), names
