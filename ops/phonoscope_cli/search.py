"""``phonoscope search``: finds recordings, or moments in them, by words, by a file or by a track."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect


def search(
    text: Annotated[str | None, typer.Argument(help="What is to be heard, such as `glass breaking`.")] = None,
    like: Annotated[Path | None, typer.Option(help="A file that it sounds like; it is not kept.")] = None,
    track: Annotated[str | None, typer.Option(help="The id of a track that it sounds like.")] = None,
    from_s: Annotated[float | None, typer.Option("--from", help="Where the stretch of the track starts, s.")] = None,
    to_s: Annotated[float | None, typer.Option("--to", help="Where it ends, s.")] = None,
    tracks: Annotated[bool, typer.Option("--tracks", help="Find whole recordings instead of moments.")] = False,
    label: Annotated[list[str] | None, typer.Option(help="Only where this label is probable; can be repeated.")] = None,
    words: Annotated[str | None, typer.Option(help="Only files with this text in their name or tags.")] = None,
    collection: Annotated[str | None, typer.Option(help="Only in this collection, by its name or id.")] = None,
    diversify: Annotated[float, typer.Option(min=0.0, max=1.0, help="How much items should differ, 0 to 1.")] = 0.0,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many items.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Finds moments in your recordings by words, by a sound in a file, or by a stretch of a track."""
    from rich.console import Console

    from phonoscope_cli.collections import id_of
    from phonoscope_cli.found import print_found

    if sum(each is not None for each in (text, like, track)) != 1:
        raise typer.BadParameter("search by one of: words, --like FILE, --track ID")
    filters: dict[str, Any] = {"labels": [{"label": name} for name in label or []]}
    if words is not None:
        filters["words"] = words
    fields: dict[str, Any] = {"unit": "track" if tracks else "moment", "limit": limit, "diversify": diversify}
    with connect(url, api_key, data_dir) as client:
        if collection is not None:
            filters["collection"] = id_of(client, collection)
        try:
            answer = client.search(
                text, like=like, track_id=track, filters=filters, start_s=from_s, end_s=to_s, **fields
            )
        except OSError as error:
            raise typer.BadParameter(f"cannot be read: {error.strerror or error}", param_hint="--like") from error
    if as_json:
        typer.echo(json.dumps(answer.model_dump(mode="json")))
    else:
        print_found(Console(), answer)
