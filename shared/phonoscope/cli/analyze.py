"""``phonoscope analyze``: uploads recordings, waits, prints what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from phonoscope.cli.connection import DataDirOption, KeyOption, UrlOption, connect
from phonoscope.cli.render import print_analysis
from phonoscope.client import ApiError, Client
from phonoscope.contract import DEFAULT_TASKS, Job
from phonoscope.states import Status, TaskName

_POLL_S = 0.5


def analyze(
    files: Annotated[list[Path], typer.Argument(help="Recordings in any common format.", exists=True, dir_okay=False)],
    tasks: Annotated[str, typer.Option(help="Names parted by commas.")] = ",".join(DEFAULT_TASKS),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of tables.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Uploads recordings, waits for the results and prints them. Ends with status 1 when any failed."""
    console, errors = Console(), Console(stderr=True)
    all_well = True
    with connect(url, api_key, data_dir) as client:
        for path in files:
            try:
                job = run_job(client, path, tasks.split(","), errors)
            except ApiError as error:
                said = Text(f"{path}: {error.title}: {error.detail}", style="red")
                errors.print(said, highlight=False, soft_wrap=True)
                all_well = False
                continue
            all_well = all_well and job.status is Status.SUCCEEDED
            if as_json:
                typer.echo(json.dumps({"file": str(path), "job": job.model_dump(mode="json")}))
            else:
                show(client, console, job)
    raise typer.Exit(0 if all_well else 1)


def run_job(client: Client, path: Path, tasks: list[str], console: Console) -> Job:
    """Submits a recording and shows a progress bar until its job has ended."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"{path.name}: uploading", total=1.0)
        job = client.analyze(path, [name.strip() for name in tasks])

        def advance(now: Job) -> None:
            done = sum(task.progress for task in now.tasks) / len(now.tasks)
            progress.update(bar, completed=done, description=f"{path.name}: {_stage(now)}")

        advance(job)
        return client.wait(job, advance, _POLL_S)


def show(client: Client, console: Console, job: Job) -> None:
    """Prints a job's results, with the nearest tracks where there is an embedding."""
    embedded = any(task.name is TaskName.EMBED and task.result for task in job.tasks)
    neighbours = client.similar(job.track_id, limit=3) if embedded else []
    print_analysis(console, client.track(job.track_id), job, neighbours)


def _stage(job: Job) -> str:
    task = next((task for task in job.tasks if not task.status.ended), job.tasks[-1])
    if task.waiting is None:
        return task.stage
    if task.waiting.reason == "no_worker":
        return f"waiting: no {task.pool} worker is running"
    return f"waiting for a {task.pool} worker, {task.waiting.ahead} ahead"
