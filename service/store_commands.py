"""The command `seealso store`: what editors decided, copied and put back."""

from pathlib import Path

import click

from seealso.editorial.backup import back_up, put_back
from seealso.editorial.store import Store, find_store, url_of
from seealso.errors import StoreUnavailable
from seealso.settings import ServiceSettings, describe, load_settings

index_option = click.option("--index", type=click.Path(path_type=Path), help=describe(ServiceSettings, "index"))


def open_store(index: Path | None) -> Store:
    """Return the store that the settings name, in an index folder that a command may name; one is made if need be."""
    settings = load_settings(ServiceSettings, index=index)
    return Store(settings.index, settings.editorial)


def open_kept_store(index: Path | None) -> Store:
    """Return the same store, for what makes none. Raises StoreUnavailable where there is none yet."""
    settings = load_settings(ServiceSettings, index=index)
    found = find_store(settings.index, settings.editorial)
    if found is None:
        name = url_of(settings.index, settings.editorial).database or ""
        raise StoreUnavailable(
            name, "it is not there. Give this command the index folder (--index) and SEEALSO_EDITORIAL of the service"
        )
    return found


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
