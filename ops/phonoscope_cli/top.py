"""``phonoscope top``: queues, workers and the key's own running tasks, again and again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from phonoscope.client import Client
    from phonoscope.contract import Job, Queues, Task

_MOST_TASKS = 20
_PAGE = 100


def top(
    every_s: Annotated[float, typer.Option("--every", min=0.5, help="Seconds between two looks.")] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look once; so it does where it does not print to a terminal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each look.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Shows queues, workers, how much they do, and your running tasks, those that take longest first."""
    from rich.console import Console

    with connect(url, api_key, data_dir) as client:
        if as_json:
            _print_lines(client, every_s, once=once)
        elif once or not sys.stdout.isatty():
            Console().print(picture(look(client)))
        else:
            _watch(client, every_s)


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: the queues, and the key's own jobs that run."""

    at: datetime
    queues: Queues
    jobs: list[Job]

    @property
    def running(self) -> list[tuple[float, str, Task]]:
        """The running tasks with the seconds since each began and the id of its job, the longest first."""
        tasks = (
            ((self.at - task.started_at).total_seconds(), job.id, task)
            for job in self.jobs
            for task in job.tasks
            if task.started_at is not None and task.finished_at is None
        )
        return sorted(((max(0.0, ran_s), job_id, task) for ran_s, job_id, task in tasks), key=lambda one: -one[0])

    def as_json(self) -> dict[str, Any]:
        tasks = [
            {"job_id": job_id, "running_s": round(ran_s, 1), **task.model_dump(mode="json", exclude={"result"})}
            for ran_s, job_id, task in self.running
        ]
        return {"at": self.at.isoformat(), **self.queues.model_dump(mode="json"), "tasks": tasks}


def look(client: Client) -> Look:
    """Asks the service. Raises ``ApiError`` or ``Unreachable``."""
    queues = client.queues()
    jobs = client.jobs(status="running", limit=_PAGE).items
    return Look(datetime.now(UTC), queues, jobs)


def picture(seen: Look) -> RenderableType:
    """A look as tables."""
    from rich.console import Group
    from rich.text import Text

    head = Text(f"Phonoscope at {seen.at.astimezone():%H:%M:%S}", style="bold")
    return Group(head, Text(), _queues(seen.queues), Text(), _workers(seen), Text(), _tasks(seen))


def _watch(client: Client, every_s: float) -> None:
    """Draws over the last picture until Ctrl-C; an outage is said, and waited for."""
    from rich.live import Live
    from rich.text import Text

    from phonoscope.client import ApiError, Unreachable

    shown = picture(look(client))
    with Live(shown, screen=True, auto_refresh=False) as screen:
        try:
            while True:
                time.sleep(every_s)
                try:
                    screen.update(picture(look(client)), refresh=True)
                except (ApiError, Unreachable) as error:
                    screen.update(Text(f"{error.title}: {error.detail}", style="red"), refresh=True)
        except KeyboardInterrupt:
            return


def _print_lines(client: Client, every_s: float, *, once: bool) -> None:
    while True:
        typer.echo(json.dumps(look(client).as_json()))
        if once:
            return
        time.sleep(every_s)


def _table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def _queues(found: Queues) -> Table:
    from phonoscope_cli.tables import clock

    numbers = ("waiting", "oldest", "running", "workers", "ended in an hour", "pace")
    table = _table("queue", *numbers, numbers=numbers)
    for each in found.queues:
        style = "red" if each.queued and not each.workers else "yellow" if each.queued else ""
        oldest = clock(each.oldest_s) if each.queued else ""
        counts = (each.queued, oldest, each.running, each.workers, each.ended_last_hour, f"{each.pace:.2f}")
        table.add_row(f"{each.pool}.{each.lane}", *map(str, counts), style=style)
    return table


def _workers(seen: Look) -> Table:
    from phonoscope_cli.tables import clock

    table = _table("worker", "lanes", "device", "since", "last heartbeat", numbers=("last heartbeat",))
    for each in seen.queues.workers:
        silent_s = max(0.0, (seen.at - each.heartbeat_at).total_seconds())
        since = f"{each.started_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(_shown(each.id), ", ".join(each.lanes), each.device, since, clock(silent_s))
    if not seen.queues.workers:
        table.add_row("none is alive", style="red")
    return table


def _tasks(seen: Look) -> Table:
    from phonoscope_cli.tables import clock

    table = _table("your task", "job", "stage", "done", "runs for", "left", numbers=("done", "runs for", "left"))
    for ran_s, job_id, task in seen.running[:_MOST_TASKS]:
        left = clock(task.left_s) if task.left_s is not None else ""
        table.add_row(task.name, job_id, _shown(task.stage), f"{task.progress:.0%}", clock(ran_s), left)
    if not seen.running:
        table.add_row("none runs")
    return table


def _shown(word: str) -> str:
    """A word of the service as it may be printed."""
    from rich.markup import escape

    from phonoscope.filenames import shown_path

    return escape(shown_path(Path(word)))
