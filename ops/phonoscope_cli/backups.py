"""``phonoscope backup``, ``phonoscope restore`` and the key that a backup is encrypted to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, admin_settings

if TYPE_CHECKING:
    from phonoscope.settings import Settings

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The backup's folder, outside of the service's.")
]


def backup(
    folder: FolderArgument,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Encrypt to this public key of age (age1…); may be given several times."),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read the copies that the folder has, and copy again what was changed there."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Also where the folder's backup is of another service, or this one has no recordings any more.",
        ),
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Backs up the database and all recordings, beside running work; again into the same folder copies what is new."""
    from phonoscope_cli.backup.making import make_backup

    with _servers(data_dir) as (settings, _):
        source = folder.expanduser().resolve()
        made = make_backup(settings, source, to or [], typer.echo, verify=verify, replace=replace)
    what = f"{made.objects_count:,} objects of {made.objects_bytes:,} bytes"
    typer.echo(f"{folder}: {what}{', encrypted' if made.sealed_to else ''}, as of {made.made_at:%Y-%m-%d %H:%M:%S} UTC")
    typer.echo("The signing secret is not in it: keep PHONOSCOPE_SIGNING_SECRET, or stack.json, in another place.")


def restore(
    folder: FolderArgument,
    identity: Annotated[
        Path | None, typer.Option(help="The file with the secret key of age, for an encrypted backup.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only read the whole backup; change nothing.")] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Also where the bucket has recordings that the backup does not name: couriers erase them."
        ),
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Brings a backup back into a service that has no recordings and does not run."""
    from phonoscope_cli.backup.restoring import check_backup, restore_backup

    source = folder.expanduser().resolve()
    if check:
        found = check_backup(source, identity, typer.echo)
        typer.echo(f"{folder} is whole, as of {found.made_at:%Y-%m-%d %H:%M:%S} UTC")
        return
    with _servers(data_dir, idle=True) as (settings, own_key):
        found = restore_backup(settings, source, identity, typer.echo, own_key, replace=replace)
    rows = sum(table.rows for table in found.tables)
    typer.echo(f"restored: {rows:,} rows and {found.objects_count:,} objects. Start the service now.")


def backup_key(file: Annotated[Path, typer.Argument(help="The new file; keep it where the backups are not.")]) -> None:
    """Makes a key of age for encrypted backups: the secret goes to a private file, the public key is printed."""
    from phonoscope_cli.backup.sealing import new_identity

    typer.echo(new_identity(file.expanduser()))


@contextmanager
def _servers(data_dir: Path | None, *, idle: bool = False) -> Iterator[tuple[Settings, str]]:
    """The settings to reach the database and the store with, and the id of the key that a local stack has for itself.

    A local stack that does not run has its servers started.

    Raises ``RestoreRefused`` when a local stack runs that must be ``idle``.
    """
    if data_dir is None and "PHONOSCOPE_DATABASE_URL" in os.environ:
        yield admin_settings(None), ""
        return
    from phonoscope.errors import RestoreRefused
    from phonoscope_local.control import start_detached, stop
    from phonoscope_local.files import resolved
    from phonoscope_local.state import default_data_dir

    home = resolved(data_dir or default_data_dir())
    started = start_detached(home, servers_only=True)
    try:
        if idle and started.already:
            raise RestoreRefused(f"the stack in {home} runs: `phonoscope down` first")
        yield admin_settings(home), _own_key(home)
    finally:
        if not started.already:
            stop(home, typer.echo)


def _own_key(home: Path) -> str:
    from phonoscope_local.state import read_credentials

    credentials = read_credentials(home)
    return credentials.api_key.split("_")[1] if credentials else ""
