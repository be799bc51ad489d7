"""``phonoscope tracks``: names recordings, notes something of them, and shares them by links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.contract.shares import LONGEST_SHARE_S, USUAL_SHARE_S
from phonoscope.contract.tracks import TrackChange
from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phonoscope.contract.shares import TrackShare

tracks = typer.Typer(help="Name, note and share recordings.", no_args_is_help=True)
TrackArgument = Annotated[str, typer.Argument(metavar="TRACK", help="The recording's id: trk_…")]
_DAY_S = 86_400


@tracks.command()
def rename(
    track: TrackArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help='Its name; "" for the file\'s own again.')],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Names a recording. The file's own name is kept, and found too."""
    from pydantic import ValidationError

    try:
        change = TrackChange(name=name or None)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from error
    with connect(url, api_key, data_dir) as client:
        changed = client.change_track(track, change)
    typer.echo(changed.name or changed.filename)


@tracks.command()
def note(
    track: TrackArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='What to note; "" for nothing.')],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Notes something of a recording, in place of what was noted before."""
    from pydantic import ValidationError

    try:
        change = TrackChange(notes=text)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from error
    with connect(url, api_key, data_dir) as client:
        typer.echo(client.change_track(track, change).notes)


@tracks.command()
def share(
    track: TrackArgument,
    days: Annotated[
        float, typer.Option(min=0.001, max=LONGEST_SHARE_S / _DAY_S, help="After so many days the link ends.")
    ] = USUAL_SHARE_S / _DAY_S,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a link with which anyone can read this recording, and nothing else. It is shown only once."""
    with connect(url, api_key, data_dir) as client:
        made = client.share_track(track, round(days * _DAY_S))
        typer.echo(client.address(made.url))
    typer.echo(f"{made.id} ends {made.expires_at.astimezone():%Y-%m-%d %H:%M}", err=True)


@tracks.command()
def shares(
    track: TrackArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Lists the links to a recording that are good."""
    with connect(url, api_key, data_dir) as client:
        _print(client.shares(track).items)


@tracks.command()
def unshare(
    track: TrackArgument,
    share_id: Annotated[str, typer.Argument(metavar="SHARE", help="The link's id: shr_…")],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Ends a link at once and for good."""
    with connect(url, api_key, data_dir) as client:
        client.revoke_share(track, share_id)


def _print(found: Sequence[TrackShare]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("link", "made", "ends", "key")
    for each in found:
        moments = (f"{moment.astimezone():%Y-%m-%d %H:%M}" for moment in (each.created_at, each.expires_at))
        table.add_row(each.id, *moments, each.key_id or "operator")
    Console().print(table)
