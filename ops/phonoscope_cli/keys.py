"""``phonoscope keys``: API keys, of all owners, in the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonoscope.contract import USUAL_SCOPES, CancelledJobs, Scope
from phonoscope_cli.connection import DataDirOption, admin_database

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from phonoscope.db.schema.tables import KeyRow
    from phonoscope.db.service.audit import Actor

keys = typer.Typer(help="Manage API keys.", no_args_is_help=True)
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The key's id: the part between psk_ and the next underscore.")
]
ScopeOption = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="What the key may do, can be repeated; by default read and write."),
]
ExpiresOption = Annotated[
    datetime | None, typer.Option("--expires", help="Local time from which on the key is not valid.")
]
LinksEndOption = Annotated[
    bool | None, typer.Option("--links-end/--links-stay", help="Whether signed links end with the key.")
]
_DAY_H = 24.0


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    owner: Annotated[
        str | None, typer.Option(help="Owner whose data the key gives access to; NAME by default.")
    ] = None,
    scopes: ScopeOption = None,
    expires: ExpiresOption = None,
    links_end: LinksEndOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a key and prints it, once only."""
    from phonoscope.db.service.keys import create_key

    with admin_database(data_dir) as database, database.transaction() as session:
        key = create_key(
            session,
            name,
            owner,
            scopes=set(scopes or USUAL_SCOPES),
            expires_at=_in_future(expires),
            links_end=bool(links_end),
        )
    typer.echo(key)


@keys.command("list")
def list_(data_dir: DataDirOption = None) -> None:
    """Lists the keys, without their secrets."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope.db.service.keys import list_keys
    from phonoscope_cli.tables import minute

    with admin_database(data_dir) as database, database.transaction() as session:
        rows = list_keys(session)
    table = Table("id", "name", "owner", "scopes", "created", "last used", "expires", "state")
    for key, owner in rows:
        times = (minute(moment) for moment in (key.created_at, key.last_used_at, key.expires_at))
        table.add_row(key.id, Text(key.name), Text(owner.name), " ".join(key.scopes), *times, _state(key))
    Console().print(table)


@keys.command()
def change(
    key_id: IdArgument,
    name: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    scopes: ScopeOption = None,
    expires: ExpiresOption = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="Removes the expiry.")] = False,
    links_end: LinksEndOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Changes a key's name, scopes or expiry; what is not named stays."""
    from phonoscope.db.service.keys import change_key

    given: dict[str, Any] = {
        "name": name,
        "scopes": [scope.value for scope in scopes] if scopes else None,
        "expires_at": _in_future(expires),
        "links_end": links_end,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if never_expires:
        changes["expires_at"] = None
    if not changes:
        raise typer.BadParameter("name something to change; see --help")
    with _found(data_dir, key_id) as (session, actor, row):
        change_key(session, actor, row, changes)
    typer.echo(f"{key_id} is changed")


@keys.command()
def rotate(
    key_id: IdArgument,
    grace_h: Annotated[
        float, typer.Option(min=0.0, max=7 * _DAY_H, help="Hours for which the old secret stays valid.")
    ] = _DAY_H,
    data_dir: DataDirOption = None,
) -> None:
    """Gives a key a new secret and prints the whole key, once only."""
    from phonoscope.db.service.keys import rotate_key

    with _found(data_dir, key_id) as (session, actor, row):
        key = rotate_key(session, actor, row, timedelta(hours=grace_h))
    typer.echo(key)


@keys.command()
def revoke(
    key_id: IdArgument,
    cancel: Annotated[
        CancelledJobs, typer.Option(help="Jobs to cancel too: those of the key, or all of its owner.")
    ] = CancelledJobs.NONE,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a key invalid at once."""
    from phonoscope.db.service.keys import revoke_key
    from phonoscope.db.tasks.cancel import cancel_open_jobs

    with _found(data_dir, key_id) as (session, actor, row):
        revoke_key(session, actor, row)
    typer.echo(f"{key_id} is revoked")
    if cancel is not CancelledJobs.NONE:
        # The sweeper wakes workers for what can start now.
        with admin_database(data_dir) as database:
            count, _ = cancel_open_jobs(database, actor, key_id if cancel is CancelledJobs.KEY else None)
        typer.echo(f"{count} {'job is' if count == 1 else 'jobs are'} cancelled")


@contextmanager
def _found(data_dir: Path | None, key_id: str) -> Iterator[tuple[Session, Actor, KeyRow]]:
    """A transaction, the operator in the key's owner's name, and the key. Raises ``NotFound``."""
    from phonoscope.db.service import audit
    from phonoscope.db.service.keys import get_key

    with admin_database(data_dir) as database, database.transaction() as session:
        row = get_key(session, None, key_id, to_change=True)
        yield session, audit.Actor(row.owner_id), row


def _in_future(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.astimezone() <= datetime.now(UTC):
        raise typer.BadParameter("the expiry must be in the future")
    return moment.astimezone()


def _state(key: KeyRow) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "valid"
