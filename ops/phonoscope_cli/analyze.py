"""``phonoscope analyze``: uploads recordings, waits for their jobs, prints the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonoscope.contract import DEFAULT_TASKS
from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from phonoscope.contract import Job


def analyze(
    files: Annotated[list[Path], typer.Argument(help="Recordings in any common format.")],
    tasks: Annotated[str, typer.Option(help="Comma-separated names of tasks.")] = ",".join(DEFAULT_TASKS),
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", help="What classifies: auto (by what is heard) or a model's name; repeated, each answers."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="A task's option, such as classify.top_k=5; can be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead of tables.")] = False,
    save: Annotated[
        Path | None,
        typer.Option(help="Folder in which to save the pictures, arrays and sound that tasks make.", file_okay=False),
    ] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Uploads recordings, waits for the results and prints them. A file that fails is named and stops no other; the
    exit status is 1 then.
    """
    from rich.console import Console

    from phonoscope_cli.artifacts import save_artifacts
    from phonoscope_cli.jobs import run_each, run_job, show

    options = with_models(read_options(option or []), model or [])
    console, errors = Console(), Console(stderr=True)
    with connect(url, api_key, data_dir) as client:

        def run(path: Path) -> Job:
            job = run_job(client, path, tasks.split(","), errors, options)
            if save is not None:
                save_artifacts(client, job, save / path.name)
            if as_json:
                typer.echo(json.dumps({"file": str(path), "job": job.model_dump(mode="json")}))
            else:
                show(client, console, job)
            return job

        all_well = run_each(files, errors, run)
    raise typer.Exit(0 if all_well else 1)


def with_models(options: dict[str, Any], models: Sequence[str]) -> dict[str, Any]:
    """The options of a request that names models by ``--model``, of which the first one counts.

    >>> with_models({}, ["genre-10", "music-100"])
    {'classify': {'model': ['genre-10', 'music-100']}}

    Raises ``typer.BadParameter`` when ``classify.model`` is among the options too.
    """
    if not models:
        return options
    classify = options.get("classify", {})
    if not isinstance(classify, dict) or "model" in classify:
        raise typer.BadParameter("name models here or by -o classify.model, not both", param_hint="--model")
    return options | {"classify": classify | {"model": models[0] if len(models) == 1 else list(models)}}


def read_options(words: Sequence[str]) -> dict[str, Any]:
    """The options of a request from words such as ``classify.top_k=3``; a value is JSON, else a string.

    >>> read_options(["classify.model=genre-10", "classify.top_k=3"])
    {'classify': {'model': 'genre-10', 'top_k': 3}}

    Raises ``typer.BadParameter`` for a word that is not ``TASK.NAME=VALUE``.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        *path, last = name.split(".")
        inside: Any = options
        for part in path:
            inside = inside.setdefault(part, {}) if isinstance(inside, dict) else None
        if not equals or not isinstance(inside, dict):
            raise typer.BadParameter(f"{word!r} is not like classify.model=genre-10", param_hint="--option")
        try:
            inside[last] = json.loads(value)
        except ValueError:
            inside[last] = value
    return options
