"""``phonoscope sessions``: who is signed in, of all owners, in the database itself."""

from __future__ import annotations

from typing import Annotated

import typer

from phonoscope_cli.connection import DataDirOption, admin_database

sessions = typer.Typer(help="See and end sessions of those who signed in.", no_args_is_help=True)
OwnerOption = Annotated[
    str | None, typer.Option(help="Only sessions in this owner's library, by its name; by default all.")
]


@sessions.command("list")
def list_(owner: OwnerOption = None, data_dir: DataDirOption = None) -> None:
    """Lists the open sessions, the newest first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope.db.service.keys import find_owner
    from phonoscope.db.service.sessions import list_sessions
    from phonoscope_cli.tables import minute

    with admin_database(data_dir) as database, database.transaction() as session:
        rows = list_sessions(session, find_owner(session, owner) if owner is not None else None)
    table = Table("id", "user", "name", "address", "owner", "scopes", "began", "last used", "ends")
    for row, user, of in rows:
        times = (minute(moment) for moment in (row.created_at, row.last_used_at, row.expires_at))
        who = (Text(user.name), Text(user.email or ""), Text(of.name))
        table.add_row(row.id, user.id, *who, " ".join(user.scopes), *times)
    Console().print(table)


@sessions.command()
def end(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID…", help="Sessions (ses_…), or users (usr_…) to end all sessions of.")
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Ends sessions at once and for good: all that are named, or where one is not there, none."""
    from phonoscope.db.service.audit import Actor
    from phonoscope.db.service.sessions import USER_KIND, end_session, end_sessions, get_session, get_user

    ended = 0
    with admin_database(data_dir) as database, database.transaction() as session:
        for each in sorted(set(ids)):
            if each.startswith(f"{USER_KIND}_"):
                user = get_user(session, each)
                ended += end_sessions(session, Actor(user.owner_id), user.id)
            else:
                _, user = get_session(session, each)
                end_session(session, Actor(user.owner_id), each)
                ended += 1
    typer.echo(f"{ended} {'session is' if ended == 1 else 'sessions are'} ended")
