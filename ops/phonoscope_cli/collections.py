"""``phonoscope collections``: gathers recordings under names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from phonoscope.client import Client
    from phonoscope.contract import Collection

collections = typer.Typer(help="Gather recordings in collections.", no_args_is_help=True)
CollectionArgument = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection's name or id.")]
TracksArgument = Annotated[list[str], typer.Argument(metavar="TRACK…", help="The recordings' ids: trk_…")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="One line of at most 100 characters.")]


@collections.command("list")
def list_(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Lists the collections and how many recordings are in each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "recordings", "id")
    with connect(url, api_key, data_dir) as client:
        for each in client.collections():
            table.add_row(Text(each.name), f"{each.tracks:,}", each.id)
    Console().print(table)


@collections.command()
def create(
    name: NameArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Makes an empty collection."""
    with connect(url, api_key, data_dir) as client:
        _print(client.create_collection(name))


@collections.command()
def add(
    collection: CollectionArgument,
    tracks: TracksArgument,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Puts recordings in a collection, all of them or none."""
    with connect(url, api_key, data_dir) as client:
        _print(client.add_to_collection(id_of(client, collection), tracks))


@collections.command()
def remove(
    collection: CollectionArgument,
    tracks: TracksArgument,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Takes recordings out of a collection."""
    with connect(url, api_key, data_dir) as client:
        _print(client.remove_from_collection(id_of(client, collection), tracks))


@collections.command()
def rename(
    collection: CollectionArgument,
    name: NameArgument,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Gives a collection another name."""
    with connect(url, api_key, data_dir) as client:
        _print(client.rename_collection(id_of(client, collection), name))


@collections.command()
def delete(
    collection: CollectionArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Deletes a collection; its recordings stay."""
    with connect(url, api_key, data_dir) as client:
        client.delete_collection(id_of(client, collection))
    typer.echo(f"{collection} is deleted; its recordings stay")


def id_of(client: Client, named: str) -> str:
    """The id of a collection, by its name or itself; the service refuses what is neither."""
    return next((each.id for each in client.collections() if each.name == named), named)


def _print(collection: Collection) -> None:
    count = "1 recording" if collection.tracks == 1 else f"{collection.tracks:,} recordings"
    typer.echo(f"{collection.id}  {collection.name}: {count}")
