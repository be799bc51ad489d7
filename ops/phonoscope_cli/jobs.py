"""Submits a recording, shows its job's progress and prints its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from phonoscope.client import ApiError, Client, Unreachable
from phonoscope.contract import Job
from phonoscope.filenames import filename_of, shown_path
from phonoscope.states import Status
from phonoscope.tasks.embed import EmbedResult
from phonoscope_cli.render import print_analysis

_POLL_S = 0.5
"""Seconds between queries while the job waits, when its place changes without an event, and where events fail."""


def run_each(paths: Sequence[Path], console: Console, run: Callable[[Path], Job]) -> bool:
    """Runs a job for each file; of a file that fails it prints why, and goes on. Returns whether all succeeded."""
    succeeded = [_succeeds(path, console, run) for path in paths]
    return all(succeeded)


def run_job(
    client: Client, path: Path, tasks: list[str], console: Console, options: dict[str, Any] | None = None
) -> Job:
    """Submits a recording and shows a progress bar until its job has ended; returns the job."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        name = filename_of(path)
        bar = progress.add_task(f"{name}: uploading", total=1.0)

        def sent(done_bytes: int, all_bytes: int) -> None:
            progress.update(bar, completed=done_bytes / all_bytes)

        job = client.analyze(path, [name.strip() for name in tasks], options, on_progress=sent)

        def advance(now: Job) -> None:
            done = sum(task.progress for task in now.tasks) / len(now.tasks)
            progress.update(bar, completed=done, description=f"{name}: {_stage(now)}")

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
        near
        for embedding in embeddings
        if not embedding.silent
        for near in client.similar(job.recording, limit=3, model=embedding.model.name)
    ]
    print_analysis(console, client.track(job.recording), job, neighbours)


def _succeeds(path: Path, console: Console, run: Callable[[Path], Job]) -> bool:
    try:
        return run(path).status is Status.SUCCEEDED
    except (ApiError, Unreachable) as error:
        reason = f"{error.title}: {error.detail}"
    except OSError as error:
        reason = f"cannot be read or saved: {error.strerror or error}"
    console.print(Text(f"{shown_path(path)}: {reason}", style="red"), highlight=False, soft_wrap=True)
    return False


def _stage(job: Job) -> str:
    task = next((task for task in job.tasks if not task.status.ended), job.tasks[-1])
    if task.waiting is None:
        return task.stage
    if task.waiting.after is not None:
        return f"waiting for {task.waiting.after}"
    if task.waiting.reason == "no_worker":
        return f"waiting: no {task.pool} worker is running"
    return f"waiting for a {task.pool} worker, {task.waiting.ahead} ahead"
