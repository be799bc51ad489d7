"""``phonoscope labels``: confirms and rejects labels, undoes that, and carries them in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.contract.labels import LabelFormat, LabelState
from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from phonoscope.client import Client
    from phonoscope.contract.labels import LabelChange, LabelSet, PlacedLabel

labels = typer.Typer(help="Confirm and reject labels.", no_args_is_help=True)
TrackArgument = Annotated[str, typer.Argument(metavar="TRACK", help="The recording's id: trk_…")]
LabelArgument = Annotated[str, typer.Argument(metavar="LABEL", help="A model's label, or any of your own.")]
StartOption = Annotated[float | None, typer.Option(help="Where it starts, in seconds; by default all is meant.")]
EndOption = Annotated[float | None, typer.Option(help="Where it ends; by default it is a point.")]
FormatOption = Annotated[
    LabelFormat, typer.Option("--format", help="Of one recording, all; of all recordings, csv or jsonl.")
]
TrackOption = Annotated[
    str | None, typer.Option("--track", metavar="TRACK", help="Only this recording; by default all.")
]
StateOption = Annotated[LabelState, typer.Option("--state", help="Of formats without states.")]
_PAGE = 100
_PAGE_OF_CHANGES = 10


@labels.command("list")
def list_(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Lists all labels with the number of recordings of which they are confirmed, rejected and predicted."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("label", "confirmed", "rejected", "spans", "predicted")
    with connect(url, api_key, data_dir) as client:
        page = client.all_labels(limit=_PAGE)
        while True:
            for row in page.items:
                counts = (row.confirmed, row.rejected, row.spans, row.predicted)
                table.add_row(Text(row.label), *(f"{count:,}" for count in counts))
            if page.next_cursor is None:
                break
            page = client.all_labels(limit=_PAGE, cursor=page.next_cursor)
    Console().print(table)


@labels.command()
def show(
    track: TrackArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Shows what you confirmed and rejected of a recording."""
    with connect(url, api_key, data_dir) as client:
        _print(client.labels(track))


@labels.command()
def confirm(
    track: TrackArgument,
    label: LabelArgument,
    start: StartOption = None,
    end: EndOption = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Confirms a label of a recording, of a span or of a point."""
    with connect(url, api_key, data_dir) as client:
        _print(client.say_label(track, label, LabelState.CONFIRMED, start, end))


@labels.command()
def reject(
    track: TrackArgument,
    label: LabelArgument,
    start: StartOption = None,
    end: EndOption = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Rejects a label of a recording, of a span or of a point."""
    with connect(url, api_key, data_dir) as client:
        _print(client.say_label(track, label, LabelState.REJECTED, start, end))


@labels.command()
def undo(
    track: TrackArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Undoes the last change of a recording's labels; a second time, redoes it."""
    with connect(url, api_key, data_dir) as client:
        _print(client.undo_labels(track))


@labels.command()
def history(
    track: TrackArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Lists the changes of a recording's labels, newest first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with connect(url, api_key, data_dir) as client:
        rows = _changes(client, track)
    table = Table("revision", "time", "key", "action", "added", "removed")
    for row in rows:
        moment = f"{row.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        texts = (Text("\n".join(map(_sentence, each))) for each in (row.added, row.removed))
        table.add_row(str(row.revision), moment, row.key_id or "operator", row.action, *texts)
    Console().print(table)


@labels.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write; by default the standard output.")] = None,
    kind: FormatOption = LabelFormat.CSV,
    track: TrackOption = None,
    state: StateOption = LabelState.CONFIRMED,
    predicted: Annotated[
        bool, typer.Option("--predicted", help="Of one recording: what models predict too, without what you rejected.")
    ] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Writes your labels into a file: for a spreadsheet, as JSON lines, for Audacity or for Raven."""
    _check(kind, track)
    if predicted and track is None:
        raise typer.BadParameter("what models predict is exported of one recording: name it with --track")
    with connect(url, api_key, data_dir) as client:
        text = client.export_labels(kind, track, state, predicted=predicted)
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8", newline="")


@labels.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file with labels.", exists=True, dir_okay=False)],
    kind: FormatOption = LabelFormat.CSV,
    track: TrackOption = None,
    state: StateOption = LabelState.CONFIRMED,
    dry_run: Annotated[bool, typer.Option(help="Only report what would change.")] = False,
    replace: Annotated[bool, typer.Option(help="Remove labels that are not in the file, of its recordings.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Imports labels from a file, all of it or nothing; what is wrong is named by its line."""
    _check(kind, track)
    with connect(url, api_key, data_dir) as client:
        report = client.import_labels(file.read_bytes(), kind, track, state, dry_run=dry_run, replace=replace)
    would = "would be " if report.dry_run else ""
    counts = f"{report.added:,} {would}added, {report.changed:,} changed, {report.removed:,} removed"
    typer.echo(f"{report.labels:,} labels of {report.tracks:,} recordings: {counts}, {report.unchanged:,} known before")


def _check(kind: LabelFormat, track: str | None) -> None:
    if kind.is_of_one_track and track is None:
        raise typer.BadParameter(f"a file for {kind.value} is of one recording: name it with --track")


def _changes(client: Client, track: str) -> list[LabelChange]:
    """All changes of a track's labels that are kept, newest first."""
    page = client.label_history(track, limit=_PAGE_OF_CHANGES)
    found = page.items
    while page.next_cursor is not None:
        page = client.label_history(track, limit=_PAGE_OF_CHANGES, cursor=page.next_cursor)
        found += page.items
    return found


def _print(found: LabelSet) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("label", "state", "where", "", title=f"{found.track_id}, revision {found.revision}")
    for each in found.labels:
        table.add_row(Text(each.label), each.state, _where(each), "" if each.predicted else "new")
    Console().print(table)


def _where(each: PlacedLabel) -> str:
    if each.start_s is None:
        return "the whole recording"
    return f"{each.start_s:g} s" if each.end_s is None else f"{each.start_s:g} to {each.end_s:g} s"


def _sentence(each: PlacedLabel) -> str:
    return f"{each.label}: {each.state}" + ("" if each.start_s is None else f", {_where(each)}")
