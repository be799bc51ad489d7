"""``phonoscope keys``: API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from phonoscope_cli.connection import DataDirOption, admin_settings

keys = typer.Typer(help="Manage API keys.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    owner: Annotated[
        str | None, typer.Option(help="Owner whose data the key gives access to; NAME by default.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a key and prints it, once only."""
    from phonoscope.db.access.engine import Database
    from phonoscope.db.service.keys import create_key

    database = Database(admin_settings(data_dir).database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        key = create_key(session, name, owner)
    typer.echo(key)


@keys.command("list")
def list_(data_dir: DataDirOption = None) -> None:
    """Lists the keys, without their secrets."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope.db.access.engine import Database
    from phonoscope.db.service.keys import list_keys

    database = Database(admin_settings(data_dir).database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        rows = list_keys(session)
    table = Table("id", "name", "owner", "created", "state")
    for key, owner in rows:
        state = "revoked" if key.revoked_at else "valid"
        table.add_row(key.id, Text(key.name), Text(owner.name), f"{key.created_at:%Y-%m-%d %H:%M}", state)
    Console().print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id: the part between psk_ and the next underscore.")],
    data_dir: DataDirOption = None,
) -> None:
    """Makes a key invalid at once."""
    from phonoscope.db.access.engine import Database
    from phonoscope.db.service.keys import revoke_key

    database = Database(admin_settings(data_dir).database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        revoke_key(session, key_id)
    typer.echo(f"{key_id} is revoked")
