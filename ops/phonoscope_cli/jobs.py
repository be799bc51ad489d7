"""Submits a recording, shows its job's progress and prints its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from phonoscope.client import Client
from phonoscope.contract import Job
from phonoscope.states import Status
from phonoscope.tasks.embed import EmbedResult
from phonoscope_cli.render import print_analysis

_POLL_S = 0.5
"""Seconds between queries while the job waits, when its place changes without an event, and where events fail."""


def run_job(
    client: Client, path: Path, tasks: list[str], console: Console, options: dict[str, Any] | None = None
) -> Job:
    """Submits a recording and shows a progress bar until its job has ended; returns the job."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"{path.name}: uploading", total=1.0)
        job = client.analyze(path, [name.strip() for name in tasks], options)

        def advance(now: Job) -> None:
            done = sum(task.progress for task in now.tasks) / len(now.tasks)
            progress.update(bar, completed=done, description=f"{path.name}: {_stage(now)}")

        advance(job)
        while job.status is Status.QUEUED:
            job = client.job(job.id, _POLL_S)
            advance(job)
        return client.wait(job, advance, _POLL_S)


def show(client: Client, console: Console, job: Job) -> None:
    """Prints a job's results, with the nearest tracks by the embedding, where there is one that is kept."""
    found = [task.result for task in job.tasks if isinstance(task.result, EmbedResult)]
    embeddings = found if job.audio_track is None else []
    neighbours = [
        near for embedding in embeddings for near in client.similar(job.recording, limit=3, model=embedding.model.name)
    ]
    print_analysis(console, client.track(job.recording), job, neighbours)


def _stage(job: Job) -> str:
    task = next((task for task in job.tasks if not task.status.ended), job.tasks[-1])
    if task.waiting is None:
        return task.stage
    if task.waiting.after is not None:
        return f"waiting for {task.waiting.after}"
    if task.waiting.reason == "no_worker":
        return f"waiting: no {task.pool} worker is running"
    return f"waiting for a {task.pool} worker, {task.waiting.ahead} ahead"
