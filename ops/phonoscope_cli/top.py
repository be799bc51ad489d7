"""``phonoscope top``: queues, workers and running tasks, again and again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, admin_database, connect

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from phonoscope.client import Client
    from phonoscope.contract import Queues, Task
    from phonoscope.db.access.engine import Database

_MOST_TASKS = 20
_MOST_OF_ALL = 1_000
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
    """Shows queues, workers, how much they do, and your running tasks, those that take longest first.

    With --data-dir it reads, as the operator of that folder's stack, those of all owners.
    """
    from rich.console import Console

    # What is seen is of one service, whatever the environment names.
    address = (url, api_key) if data_dir is None else (None, None)
    with connect(*address, data_dir) as client, _operators(data_dir) as database:
        see = partial(look, client, database)
        if as_json:
            _print_lines(see, every_s, once=once)
        elif once or not sys.stdout.isatty():
            Console().print(picture(see()))
        else:
            watch(see, every_s, Console())


class Running(NamedTuple):
    """A task that runs: whose it is, where the operator asks; the id of its job."""

    owner: str | None
    job_id: str
    task: Task


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: the queues, and tasks that run, the key's own or those of all owners."""

    at: datetime
    queues: Queues
    tasks: list[Running]
    of_all: bool = False

    @property
    def running(self) -> list[tuple[float, Running]]:
        """The running tasks with the seconds since each began, the longest first."""
        found = [
            (max(0.0, (self.at - each.task.started_at).total_seconds()), each)
            for each in self.tasks
            if each.task.started_at is not None and each.task.finished_at is None
        ]
        return sorted(found, key=lambda one: -one[0])

    def as_json(self) -> dict[str, Any]:
        tasks = [
            {
                **({} if each.owner is None else {"owner": each.owner}),
                "job_id": each.job_id,
                "running_s": round(ran_s, 1),
                **each.task.model_dump(mode="json", exclude={"result"}),
            }
            for ran_s, each in self.running
        ]
        return {"at": self.at.isoformat(), **self.queues.model_dump(mode="json"), "tasks": tasks}


def look(client: Client, database: Database | None = None) -> Look:
    """Asks the service, and the database for the tasks of all owners where there is one.

    Raises ``ApiError``, ``Unreachable`` or ``DatabaseUnavailable``.
    """
    queues = client.queues()
    tasks = _own_tasks(client) if database is None else _all_tasks(database)
    return Look(datetime.now(UTC), queues, list(tasks), of_all=database is not None)


def _own_tasks(client: Client) -> Iterator[Running]:
    """Those of all running jobs: pages have the newest first, and what has run longest is on the last one."""
    cursor: dict[str, str] = {}
    while True:
        page = client.jobs(status="running", limit=_PAGE, **cursor)
        yield from (Running(None, job.id, task) for job in page.items for task in job.tasks)
        if page.next_cursor is None:
            return
        cursor = {"cursor": page.next_cursor}


def _all_tasks(database: Database) -> Iterator[Running]:
    from phonoscope.db.tasks.running import as_task, longest_running

    with database.autocommit() as session:
        for row, owner in longest_running(session, _MOST_OF_ALL):
            yield Running(owner, row.job_id, as_task(row))


def _operators(data_dir: Path | None) -> AbstractContextManager[Database | None]:
    return nullcontext() if data_dir is None else admin_database(data_dir)


def picture(seen: Look) -> RenderableType:
    """A look as tables."""
    from rich.console import Group
    from rich.text import Text

    head = Text(f"Phonoscope at {seen.at.astimezone():%H:%M:%S}", style="bold")
    return Group(head, Text(), _queues(seen.queues), Text(), _workers(seen), Text(), _tasks(seen))


def watch(see: Callable[[], Look], every_s: float, console: Console) -> None:
    """Draws over the last picture until Ctrl-C; an outage is said, and waited for."""
    from rich.live import Live
    from rich.text import Text

    from phonoscope.client import ApiError, Unreachable
    from phonoscope.errors import Unavailable

    with Live(picture(see()), console=console, screen=True, auto_refresh=False) as screen:
        try:
            while True:
                time.sleep(every_s)
                try:
                    screen.update(picture(see()), refresh=True)
                except (ApiError, Unreachable, Unavailable) as error:
                    screen.update(Text(f"{error.title}: {error.detail}", style="red"), refresh=True)
        except KeyboardInterrupt:
            return


def _print_lines(see: Callable[[], Look], every_s: float, *, once: bool) -> None:
    while True:
        typer.echo(json.dumps(see().as_json()))
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

    who = ("task", "owner") if seen.of_all else ("your task",)
    table = _table(*who, "job", "stage", "done", "runs for", "left", numbers=("done", "runs for", "left"))
    for ran_s, (owner, job_id, task) in seen.running[:_MOST_TASKS]:
        left = clock(task.left_s) if task.left_s is not None else ""
        whose = (_shown(owner or ""),) if seen.of_all else ()
        table.add_row(task.name, *whose, job_id, _shown(task.stage), f"{task.progress:.0%}", clock(ran_s), left)
    if not seen.running:
        table.add_row("none runs")
    return table


def _shown(word: str) -> str:
    """A word of the service as it may be printed."""
    from rich.markup import escape

    from phonoscope.filenames import shown_path

    return escape(shown_path(Path(word)))
