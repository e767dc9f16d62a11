"""Settings, seealso.toml, commands, exit codes, metrics, the snapshot: what the code says of each -> a page."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from apiflask import APIFlask
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, TypeAdapter

from indexer import night_metrics
from seealso import project
from seealso.cli import COMMANDS, EXIT_CODES, INTERRUPTED, cli
from seealso.recipe import Recipe
from seealso.settings import PREFIX, SECRET, IndexerSettings, ServiceSettings, Settings
from seealso.snapshot import files, following, layout, manifest
from service import clicks, engine, metrics
from service.exposition import metrics_of
from tests.reference.tables import code, fields_of, page, prose, settings_table, table

COLUMNS = 100
# What an exit code means that is no error's of ours.
OTHER_CODES = {
    0: "All went well.",
    1: "A fault of the program, with its trace.",
    2: "The command line is wrong; the message says how.",
    INTERRUPTED: "Interrupted. `serve` that is told to stop ends with 0.",
}
MACHINE = "The machine refused: disk full, no permission. The message says what and where."
LABEL_VALUES = {
    "route": metrics.ROUTES,
    "outcome": metrics.OUTCOMES,
    "cache": metrics.LEVELS,
    "fate": clicks.FATES,
    "by": get_args(engine.By),
}


def settings_page() -> str:
    """Return the page on the settings of both programs."""
    common = Settings.model_fields
    own = {
        kind: [name for name in kind.model_fields if name not in common] for kind in (IndexerSettings, ServiceSettings)
    }

    def variable(name: str) -> str:
        return PREFIX + name.upper()

    secret = ", ".join(code(variable(name)) for name in sorted(SECRET))
    return page(
        "Settings",
        "From the environment. The command line's options stand over them, and `[limits]` in a "
        "[seealso.toml](project.md) below those of the indexer. A misspelt variable is an error that names the right "
        "one.",
        f"Never printed, for they may hold a password or a token: {secret}.",
        "## Of both programs",
        settings_table(Settings, common, variable),
        "## Of the indexer",
        settings_table(IndexerSettings, own[IndexerSettings], variable),
        "## Of the service",
        settings_table(ServiceSettings, own[ServiceSettings], variable),
    )


def project_page() -> str:
    """Return the page on seealso.toml."""
    sources = []
    for entry in get_args(get_args(project.SourceEntry)[0]):
        kind = entry.model_json_schema()["properties"]["kind"]["const"]
        sources += [f"### {kind}", prose(entry.__doc__), _toml(entry, {"kind", *project._Entry.model_fields})]
    return page(
        "seealso.toml",
        "A newsroom's own file; an example is in [sources.md](../sources.md). Other keys than these are errors.",
        _toml(project.Project, {"folder", "source", "crawl", "placements", "block", "trial", "limits"}),
        "## [[source]]",
        "`kind` says which of those below it is. All but `pages`, `sitemap` and the exports may also say:",
        _toml(project._Entry),
        prose(project._Entry.__doc__).partition("\n\n")[2],
        *sources,
        "## [crawl]",
        prose(project.Crawl.__doc__),
        _toml(project.Crawl),
        "## [placements.NAME]",
        prose(project.Placement.__doc__),
        _toml(project.Placement),
        "## [block]",
        prose(project.BlockEntry.__doc__),
        _toml(project.BlockEntry),
        "## [trial]",
        prose(project.Trial.__doc__),
        _toml(project.Trial),
        "The numbers of a recipe, and what each does: [tuning.md](../tuning.md#by-hand).",
        _toml(Recipe, {"fitted_to"}),
        "## [limits]",
        "[Settings of the indexer](settings.md#of-the-indexer), by their names in lower case without the prefix.",
    )


def commands_page() -> str:
    """Return the page on the commands: the help of each."""
    settings: dict[str, Any] = {**cli.context_settings, "terminal_width": COLUMNS, "max_content_width": COLUMNS}
    top = click.Context(cli, info_name="seealso", **settings)
    parts = ["## seealso", _help(top)]
    for name, entry in COMMANDS.items():
        command = cli.get_command(top, name)
        assert command is not None
        here = _below(top, command, name)
        parts += [f"## seealso {name}", entry.does, _help(here)]
        for below, each in sorted(getattr(command, "commands", {}).items()):
            parts += [f"### seealso {name} {below}", _help(_below(here, each, below))]
    return page("Commands", "What `--help` says. Exit codes: [exit-codes.md](exit-codes.md).", *parts)


def exit_codes_page() -> str:
    """Return the page on the exit codes."""
    rows = [(code(number), "", meaning) for number, meaning in OTHER_CODES.items()]
    for kind, number in EXIT_CODES.items():
        meaning = MACHINE if kind is OSError else " ".join((kind.__doc__ or "").split())
        rows.append((code(number), code(kind.__name__), meaning))
    return page(
        "Exit codes",
        "Each kind of failure has its own, of every command. What to do when it is a night's: "
        "[night.md](../night.md#exit-codes).",
        table(("code", "name", "when"), sorted(rows, key=lambda row: int(row[0].strip("`")))),
    )


def metrics_page(app: APIFlask, index: Path) -> str:
    """Return the page on the metrics of the service and of nights; `app`: one that serves `index`."""
    here = app.extensions["seealso"]
    served = metrics_of(here.metrics, here.current, here.editorial, index, shared=True).decode()
    known = dict(_labels_of(here.metrics._families))
    rows = []
    for family in sorted(text_string_to_metric_families(served), key=lambda each: each.name):
        labels = known.get(family.name) or sorted({label for sample in family.samples for label in sample.labels})
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((code(name), family.type, ", ".join(map(code, (each for each in labels if each != "le"))),
                     family.documentation))  # fmt: skip
    nights = [
        (code(night_metrics.PREFIX + name), code(label) if label else "", meaning)
        for name, (label, meaning) in night_metrics.METRICS.items()
    ]
    values = [(code(name), ", ".join(map(code, each))) for name, each in LABEL_VALUES.items()]
    values.append((code("kind"), f"of the search engine: {', '.join(map(code, engine.FAILURES))}; of the snapshot "
                   f"store: {', '.join(map(code, following.KINDS))}; of Redis: the error's name"))  # fmt: skip
    return page(
        "Metrics",
        "What to look at and what to do: [watching.md](../watching.md), and of nights [night.md](../night.md#metrics). "
        "With `SEEALSO_SITE`, or several sites, each has the label `site`, too.",
        "## Of the service",
        "`GET /metrics`, over all workers.",
        table(("metric", "kind", "labels", "meaning"), rows),
        table(("label", "values"), values),
        "## Of nights",
        "Gauges, in the file `SEEALSO_METRICS_FILE` or pushed to `SEEALSO_METRICS_PUSH`.",
        table(("metric", "labels", "meaning"), nights),
    )


def snapshot_page() -> str:
    """Return the page on the index folder and the format of snapshots."""
    told, listing = prose(layout.__doc__).split("\n\n", 1)
    first, about_files = prose(files.__doc__).split("\n\n", 1)
    models = (
        manifest.Model,
        manifest.Counts,
        manifest.FileEntry,
        manifest.GateResult,
        manifest.TakenIn,
        manifest.Searched,
        manifest.Filtered,
    )
    known = ", ".join(map(str, manifest.FORMATS))
    return page(
        "The snapshot",
        f"The format is {manifest.FORMAT}; {known} are read. A reader refuses what it does not know, by name and "
        "reason, and checks every file against the manifest before it opens it.",
        "## The index folder",
        told,
        "```text\n" + listing.strip() + "\n```",
        "## Files",
        first,
        _joined(about_files),
        "`ids.npy` has for each row: "
        + _dtype(files.ID_ROW)
        + ". The hash is BLAKE2b of 8 bytes of the id in UTF-8, read "
        "as a little-endian number. `facts.npy` has for each row: " + _dtype(files.FACT_ROW) + ".",
        "A card has " + ", ".join(map(code, files.CARD_FIELDS)) + ".",
        "## manifest.json",
        prose(manifest.__doc__),
        prose(manifest.Manifest.__doc__),
        _model(manifest.Manifest),
        "Beside these, `checksum`: the SHA-256 of the manifest's one form in bytes without it.",
        *(part for each in models for part in (f"### {each.__name__}", prose(each.__doc__), _model(each))),
        "## What earlier formats lack",
        _comment_over(manifest, "FORMATS"),
    )


def _model(kind: type[BaseModel], without: Any = frozenset(), null: str = "null") -> str:
    schema = TypeAdapter(kind).json_schema()
    left = {name: field for name, field in schema["properties"].items() if name not in without}
    return fields_of(schema | {"properties": left}, lambda path: code(path.rpartition("/")[2]), null)


def _toml(kind: type[BaseModel], without: Any = frozenset()) -> str:
    return _model(kind, without, null="unset")


def _help(context: click.Context) -> str:
    return f"```text\n{context.command.get_help(context)}\n```"


def _below(above: click.Context, command: click.Command, name: str) -> click.Context:
    return click.Context(command, above, name, terminal_width=COLUMNS, max_content_width=COLUMNS)


def _labels_of(families: metrics.Families) -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in vars(families).values():
        if hasattr(each, "_labelnames"):
            yield each._name, each._labelnames


def _dtype(kind: Any) -> str:
    return ", ".join(f"`{name}` ({kind[name].name})" for name in kind.names)


def _joined(text: str) -> str:
    """Return a table in which a row that begins with nothing goes on with the one before."""
    return re.sub(r" *\|\n\| +\| ", " ", text)


def _comment_over(module: Any, name: str) -> str:
    """Return the comment that stands over a name of a module."""
    above = inspect.getsource(module).split(f"\n{name} = ")[0].splitlines()
    lines: list[str] = []
    while above and above[-1].startswith("# "):
        lines.insert(0, above.pop()[2:])
    return " ".join(lines)
