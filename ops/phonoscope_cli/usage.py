"""``phonoscope usage`` and ``phonoscope audit``: what owners have used, and what was done."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, admin_database, connect

_PAGE = 100


def usage(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Shows how much of each quota is used."""
    from rich.console import Console
    from rich.table import Table

    from phonoscope_cli.tables import minute

    with connect(url, api_key, data_dir) as client:
        rows = client.usage().quotas
    table = Table("quota", "used", "limit", "free again")
    for row in rows:
        limit = "none" if row.limit is None else f"{row.limit:,.0f}"
        again = minute(row.resets_at) if row.used else ""
        table.add_row(row.name.value, f"{row.used:,.0f}", limit, again)
    Console().print(table)


def audit(
    owner: Annotated[str | None, typer.Option(help="Only what was done with this owner's; by default all.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action (key.created), or kind (key).")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this id.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only from this local time on.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many entries at most, the newest first.")] = _PAGE,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each entry.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Shows the audit log, from the database itself."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope.contract import AuditEntry
    from phonoscope.db.service.audit import list_audit
    from phonoscope.db.service.keys import find_owner

    with admin_database(data_dir) as database, database.transaction() as session:
        owner_id = find_owner(session, owner) if owner is not None else None
        rows, _ = list_audit(
            session, owner_id, cursor=None, limit=limit, action=action, subject=subject,
            since=since.astimezone() if since else None,
        )  # fmt: skip
        entries = [(row.owner_id, AuditEntry.model_validate(row)) for row in rows]
    if as_json:
        for whose, entry in entries:
            typer.echo(json.dumps({"owner_id": whose, **entry.model_dump(mode="json")}))
        return
    table = Table("time", "owner", "key", "action", "subject", "details")
    for whose, entry in entries:
        moment = f"{entry.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        details = json.dumps(entry.details.get("changed", entry.details))
        table.add_row(moment, whose or "", entry.key_id or "operator", entry.action, entry.subject, Text(details))
    Console().print(table)
