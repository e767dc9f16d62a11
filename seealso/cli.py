"""The command `seealso`: which commands there are, which module runs each, and what a failure exits with.

Commands are loaded when they run, by name, so that `seealso --help` answers at once and this file imports neither the
indexer nor the service.
"""

import importlib
import sys
from dataclasses import dataclass

import click

from seealso import errors


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command stands, and what it does in one line."""

    module: str
    name: str
    does: str


COMMANDS = {
    "index": Entry("indexer.commands", "index", "Read articles, embed what is new, and publish a snapshot."),
    "serve": Entry("service.commands", "serve", "Answer with related articles over HTTP."),
    "related": Entry("service.commands", "related", "Print the articles related to one, or to each."),
    "key": Entry("service.key_commands", "key", "Make, list and revoke the keys of editors and programs."),
    "store": Entry("service.store_commands", "store", "Copy what editors decided, and put a copy back."),
    "clicks": Entry("service.click_commands", "clicks", "Write what readers were shown and clicked to a table."),
    "check": Entry("indexer.commands", "check", "Read the sources, and show five articles as they are understood."),
    "snapshots": Entry("indexer.snapshot_commands", "snapshots", "List the snapshots of an index folder."),
    "rollback": Entry("indexer.snapshot_commands", "rollback", "Serve an earlier snapshot again."),
    "distribute": Entry("indexer.snapshot_commands", "distribute", "Put a snapshot into the search engine."),
    "verify": Entry("indexer.snapshot_commands", "verify", "Check every byte of a snapshot."),
    "fetch": Entry("service.fetch_commands", "fetch", "Fetch what all machines serve from the snapshot store."),
    "evaluate": Entry("indexer.quality_commands", "evaluate", "Measure how good a snapshot's lists are."),
    "tune": Entry("indexer.quality_commands", "tune", "Fit weights and probabilities to a newsroom's own picks."),
}

# The nearest entry of an error's class and its ancestors holds. 2 is click's, for a wrong command line.
EXIT_CODES: dict[type[BaseException], int] = {
    errors.SettingsInvalid: 3,
    errors.SourceUnreadable: 4,
    errors.NothingToIndex: 5,
    errors.SnapshotMissing: 6,
    errors.SnapshotRefused: 7,
    errors.ModelUnavailable: 8,
    errors.ModelMismatch: 9,
    errors.IndexLocked: 10,
    errors.UnknownArticle: 11,
    errors.ServerUnavailable: 12,
    OSError: 13,
    errors.GateFailed: 14,
    errors.SourceShrunk: 15,
    errors.StoreUnavailable: 16,
    errors.SnapshotStoreUnavailable: 17,
    errors.EngineUnavailable: 18,
    errors.ClusterUnavailable: 19,
}
INTERRUPTED = 130


class LazyCommands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.does) for name, entry in COMMANDS.items()])


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="seealso")
def cli() -> None:
    """Related articles for publishers.

    \b
    seealso index articles.jsonl.gz --index var/index     embed and publish
    seealso serve --index var/index                       answer on 127.0.0.1:8080
    """


def exit_code_of(error: BaseException) -> int:
    """Return what the program exits with for an error; 1 for one that has no code of its own."""
    for kind in type(error).__mro__:
        if kind in EXIT_CODES:
            return EXIT_CODES[kind]
    return 1


def main() -> None:
    """Run a command; an error with a name becomes one line on standard error and its own exit code."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("seealso: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except (errors.SeealsoError, OSError) as error:
        click.echo(f"seealso: {message_of(error)}", err=True)
        sys.exit(exit_code_of(error))


def message_of(error: BaseException) -> str:
    """Return what a person is told of an error, in one line."""
    if isinstance(error, OSError) and not isinstance(error, errors.SeealsoError):
        return f"the machine refused: {error.strerror or error} ({error.filename or 'no file named'})"
    return str(error)
