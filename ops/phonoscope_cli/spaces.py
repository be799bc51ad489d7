"""``phonoscope spaces``: the spaces of all owners, in the database itself; and ``phonoscope vectors``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, admin_settings, connect

if TYPE_CHECKING:
    from phonoscope.catalogue import Catalogue
    from phonoscope.db.access.engine import Database
    from phonoscope.db.service.audit import Actor
    from phonoscope.db.spaces.listing import Held

spaces = typer.Typer(help="Show, fill and drop the spaces that vectors lie in.")
OwnerOption = Annotated[str | None, typer.Option(help="Only this owner's vectors; by default all owners'.")]
SpaceArgument = Annotated[int, typer.Argument(metavar="SPACE", help="The space's id, as the list shows it.")]


@spaces.callback(invoke_without_command=True)
def usual(context: typer.Context) -> None:
    """Show, fill and drop the spaces that vectors lie in; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_()


@spaces.command("list")
def list_(owner: OwnerOption = None, data_dir: DataDirOption = None) -> None:
    """Lists the spaces with what they hold, how far they are filled, and the recall of their searches."""
    from rich.console import Console
    from rich.table import Table

    from phonoscope.db.spaces.listing import list_spaces

    with _opened(data_dir) as (database, catalogue), database.transaction() as session:
        actor = _actor(database, owner)
        found = list_spaces(session, catalogue.served_spaces, None if actor is None else actor.owner_id)
        table = Table("id", "model", "digest", "tracks", "windows", "state", "read", "recall")
        for held in found:
            row = held.row
            figures = (f"{held.tracks:,}", f"{held.windows:,}", _state(held), "yes" if held.read else "no")
            recall = "" if row.recall is None else f"{row.recall:.3f} of {row.recall_sample:,}"
            table.add_row(str(row.id), row.model, row.digest.removeprefix("sha256:")[:12], *figures, recall)
    Console().print(table)


@spaces.command()
def reembed(
    model: Annotated[str | None, typer.Argument(help="In this model's or body's space alone.")] = None,
    owner: OwnerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Has what the served models' spaces lack embedded in the background, after all other work."""
    from phonoscope.db.spaces.listing import count_to_do
    from phonoscope.db.spaces.reembedding import ask

    with _opened(data_dir) as (database, catalogue):
        wanted = None if model is None else catalogue.spaces(model)[0].model
        actor = _actor(database, owner)
        with database.transaction() as session:
            rows = ask(session, catalogue.embedders, actor, wanted)
            owner_id = None if actor is None else actor.owner_id
            found = [(row.id, row.model, count_to_do(session, row, owner_id)) for row in rows]
    for space_id, name, count in found:
        typer.echo(f"{count:,} tracks will be embedded in space {space_id}, of {name}")
    typer.echo("`phonoscope spaces list` shows how many are left" if found else "nothing is missing")


@spaces.command()
def cancel(space: SpaceArgument, owner: OwnerOption = None, data_dir: DataDirOption = None) -> None:
    """Cancels the filling of a space; what was embedded stays."""
    from phonoscope.db.spaces.reembedding import cancel

    # The sweeper wakes workers for what can start now.
    with _opened(data_dir) as (database, _):
        cancel(database, space, _actor(database, owner))
    typer.echo(f"the filling of space {space} is cancelled")


@spaces.command()
def drop(space: SpaceArgument, owner: OwnerOption = None, data_dir: DataDirOption = None) -> None:
    """Erases the vectors in a space that is neither served nor read."""
    from phonoscope.db.spaces.dropping import drop_space

    with _opened(data_dir) as (database, catalogue):
        dropped = drop_space(database, space, catalogue.served_spaces, _actor(database, owner))
    typer.echo(f"space {space} is dropped: {dropped:,} rows")


def vectors(
    track: Annotated[str, typer.Argument(help="The track's id.")],
    to: Annotated[Path, typer.Option(help="The file to write: .json, or .npy with the spans beside it.")],
    space: Annotated[int | None, typer.Option(help="The space's id; by default the one that searches read.")] = None,
    model: Annotated[str | None, typer.Option(help="The model whose space it is.")] = None,
    stem: Annotated[str | None, typer.Option(help="The windows of this stem.")] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Writes the vectors of a track's windows to a file."""
    if to.suffix not in {".json", ".npy"}:
        raise typer.BadParameter("the file's name must end with .json or .npy", param_hint="--to")
    with connect(url, api_key, data_dir) as client:
        if to.suffix == ".json":
            found = client.vectors(track, space=space, model=model, stem=stem)
            to.write_text(found.model_dump_json(), encoding="utf-8")
            typer.echo(f"{to}: {len(found.windows):,} windows")
            return
        spans = to.with_suffix(".spans.npy")
        to.write_bytes(client.vectors_npy(track, space=space, model=model, stem=stem))
        spans.write_bytes(client.vectors_npy(track, "spans", space=space, model=model, stem=stem))
    typer.echo(f"{to}: the vectors; {spans}: their starts and ends in seconds")


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[tuple[Database, Catalogue]]:
    from phonoscope.catalogue import Catalogue
    from phonoscope.db.access.engine import Database

    settings = admin_settings(data_dir)
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    try:
        yield database, Catalogue(settings.more_models_dir, settings.models_dir)
    finally:
        database.close()


def _actor(database: Database, owner: str | None) -> Actor | None:
    """The operator in an owner's name; ``None`` for all owners. Raises ``NotFound``."""
    from phonoscope.db.service.audit import Actor
    from phonoscope.db.service.keys import find_owner

    if owner is None:
        return None
    with database.transaction() as session:
        return Actor(find_owner(session, owner))


def _state(held: Held) -> str:
    from phonoscope.contract import SpaceState

    if held.state is not SpaceState.FILLING:
        return held.state.value
    under_way = held.reembedding is not None and held.reembedding.finished_at is None
    return f"{'filling' if under_way else 'incomplete'}: {held.tracks:,} of {held.tracks + held.missing:,}"
