"""The command `seealso store`: what editors decided, copied and put back."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from seealso.editorial.backup import back_up, put_back
from seealso.editorial.store import Store, is_there, needs_folder, url_of
from seealso.errors import StoreUnavailable
from seealso.settings import ServiceSettings, describe, load_settings

index_option = click.option("--index", type=click.Path(path_type=Path), help=describe(ServiceSettings, "index"))


def open_store(index: Path | None) -> Store:
    """Return the store that the settings name, in an index folder that a command may name; one is made if need be."""
    settings = load_settings(ServiceSettings, index=index)
    if not needs_folder(settings.index, settings.editorial):
        return Store(settings.index, settings.editorial)
    # The service hears of it as it does of another machine's changes.
    own = click.get_current_context().with_resource(TemporaryDirectory(prefix="seealso-command-"))
    return Store(settings.index, settings.editorial, Path(own))


def open_kept_store(index: Path | None) -> Store:
    """Return the same store, for what makes none. Raises StoreUnavailable where there is none yet."""
    settings = load_settings(ServiceSettings, index=index)
    if not is_there(settings.index, settings.editorial):
        name = url_of(settings.index, settings.editorial).database or ""
        raise StoreUnavailable(
            name, "it is not there. Give this command the index folder (--index) and SEEALSO_EDITORIAL of the service"
        )
    return open_store(index)


@click.group()
def store() -> None:
    """Copy what editors decided, and put a copy back.

    \b
    seealso store backup editorial-2026-11-28.db --index var/index
    seealso store restore editorial-2026-11-28.db --index var/index

    Both while the service runs. A store in PostgreSQL has pg_dump and pg_restore for this.
    """


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@index_option
def backup(file: Path, index: Path | None) -> None:
    """Write a copy of the store to FILE."""
    changes = back_up(open_kept_store(index), file)
    click.echo(f"{file} has the store with its {changes:,} changes")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@index_option
@click.confirmation_option(prompt="What was decided since the copy was made will be gone. Put it back?")
def restore(file: Path, index: Path | None) -> None:
    """Have the store be what FILE is. What was decided since is gone."""
    changes = put_back(open_store(index), file)
    click.echo(f"the store is that of {file}, with {changes:,} changes")
