"""``phonoscope uploads``: uploads that come in pieces and are not finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from phonoscope.contract import PendingUpload

uploads = typer.Typer(help="See and cancel unfinished uploads.", no_args_is_help=True)


@uploads.command("list")
def list_(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Lists your unfinished uploads, the newest first: how much has come, of how much, and when they are erased."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope_cli.tables import minute

    with connect(url, api_key, data_dir) as client:
        rows = client.open_uploads()
    table = Table("id", "recording", "sent", "bytes", "began", "expires")
    for row in rows:
        times = minute(row.created_at), minute(row.expires_at)
        table.add_row(row.id, Text(row.filename), _sent(row), f"{row.size_bytes:,}", *times)
    Console().print(table)


@uploads.command()
def cancel(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="The uploads' ids: upl_…")],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Gives uploads up and erases what has come; of one that is finished by now the recording stays."""
    with connect(url, api_key, data_dir) as client:
        for each in ids:
            client.delete_upload(each)
            typer.echo(f"{each} is cancelled")


def _sent(row: PendingUpload) -> str:
    """How much the service has; of what goes straight to the store it knows at the end alone."""
    return "to the store" if row.part_bytes is not None else f"{row.offset_bytes / row.size_bytes:.0%}"
