"""The command `seealso key`: who may do what over HTTP."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import get_args

import click
import orjson
from rich.console import Console
from rich.table import Table

from seealso.editorial.decisions import now
from seealso.editorial.keys import NAME_CHARACTERS_MAX, Key, Scope, create_key, read_keys, revoke_key
from seealso.editorial.store import by_command
from service.store_commands import index_option, open_kept_store, open_store


@click.group()
def key() -> None:
    """Make, list and revoke the keys of editors and programs.

    \b
    seealso key create --scope editor --name "Night desk" --index var/index
    seealso key list --index var/index
    seealso key revoke 1f0c22d9a7b4 --index var/index
    """


@key.command()
@click.option("--scope", type=click.Choice(get_args(Scope)), required=True, help="What the key opens.")
@click.option("--name", help="Whose it is, as the log of changes will say; as a rule a person or a program.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="It opens nothing after so many days.")
@index_option
def create(scope: Scope, name: str | None, days: float | None, index: Path | None) -> None:
    """Make a key. It is the last word that is printed, and is shown only now."""
    named = " ".join((name or scope).split())[:NAME_CHARACTERS_MAX]
    try:
        expires = now() + timedelta(days=days) if days else None
    except (ValueError, OverflowError) as error:
        reason = f"no key can last {days:g} days; leave it out for no end"
        raise click.BadParameter(reason, param_hint="--days") from error
    store = open_store(index)
    is_new = store.database is not None and not store.database.exists()
    made, text = create_key(store, named, scope, by_command(), expires)
    if is_new:
        click.echo(f"There was no editorial store; made {store.database}", err=True)
    until = f", until {expires:%Y-%m-%d %H:%M} UTC" if expires else ""
    click.echo(f"{made.name} ({made.id}) may {_MAY[scope]}{until}. Nobody can show it again:\n{text}")


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@index_option
def list_keys(as_json: bool, index: Path | None) -> None:
    """List the keys, never their texts."""
    with open_kept_store(index).reading() as connection:
        found = read_keys(connection)
    if as_json:
        for each in found:
            click.echo(orjson.dumps(each.as_json()))
        return
    if not found:
        click.echo("there is no key; make one with `seealso key create --scope editor`")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("id", "name", "scope", "state", "made", "last used"):
        table.add_column(column)
    for each in found:
        used = f"{each.last_used:%Y-%m-%d %H:%M}" if each.last_used else "never"
        table.add_row(each.id, each.name, each.scope, _state_of(each), f"{each.created:%Y-%m-%d}", used)
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200).print(table)


@key.command()
@click.argument("key_id")
@index_option
def revoke(key_id: str, index: Path | None) -> None:
    """Have a key open nothing any more, from the next request on."""
    found = revoke_key(open_kept_store(index), key_id, by_command())
    if found is None:
        raise click.BadParameter(f"there is no key {key_id!r}; `seealso key list` names them", param_hint="KEY_ID")
    click.echo(f"{found.name} ({found.id}) opens nothing any more")


_MAY: dict[Scope, str] = {
    "read": "read blocks",
    "editor": "read, and decide what is shown",
    "index": "read, and send and remove articles",
    "admin": "do everything",
}


def _state_of(found: Key) -> str:
    if found.revoked:
        return f"revoked {found.revoked:%Y-%m-%d}"
    return "valid" if found.valid_at(now()) else "expired"
