"""``phonoscope demo``: the whole product, from nothing to results and back to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from phonoscope.cli.analyze import run_job, show
from phonoscope.cli.connection import DataDirOption, connect
from phonoscope.client import Client
from phonoscope.contract import DEFAULT_TASKS, Job, ModelCard
from phonoscope.errors import StackError
from phonoscope.paths import bundled
from phonoscope.states import Status, TaskName

_SHOWN_IN_FULL = ("day", "song")


def demo(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings of yours.", exists=True, dir_okay=False)
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Starts the local stack, analyses synthesised recordings (or yours), prints what it finds, stops everything."""
    from phonoscope.local.files import open_folder, resolved
    from phonoscope.local.state import default_data_dir

    console = Console()
    folder = resolved(data_dir or default_data_dir().with_name("phonoscope-demo"))
    open_folder(folder)
    with _recordings(folder / "recordings") as made, _stack(folder, console), connect(None, None, folder) as client:
        library = made()
        jobs = [client.analyze(path) for path in library]
        console.print(_overview(client, [client.wait(job) for job in jobs]))
        for card in client.models():
            _print_card(console, card)
        for path in files or [path for path in library if path.stem in _SHOWN_IN_FULL]:
            show(client, console, run_job(client, path, [name.value for name in DEFAULT_TASKS], console))
    console.print(f"\nKeep it running with [bold]phonoscope up[/]; everything it knows stays in {escape(str(folder))}.")


@contextmanager
def _stack(folder: Path, console: Console) -> Iterator[None]:
    """The stack of a folder while inside; one that ran before is left running."""
    from phonoscope.local.control import start_detached, stop

    started_at = perf_counter()
    with console.status("Starting PostgreSQL, Valkey, the object store, the gateway and two workers …"):
        started = start_detached(folder)
    console.print(f"The stack runs at {started.url} (ready in {perf_counter() - started_at:.1f} s).", highlight=False)
    try:
        yield
    finally:
        if not started.already:
            stop(folder, lambda _: None)
            console.print("The stack has stopped.")


@contextmanager
def _recordings(folder: Path) -> Iterator[Callable[[], list[Path]]]:
    """Synthesises the recordings while the stack starts, unless they are there; the value waits for and names them."""
    examples, done = bundled("examples"), folder.with_suffix(".made")
    script = examples / "make_recordings.py"
    newest = max(path.stat().st_mtime for path in examples.rglob("*.py"))
    if done.exists() and done.stat().st_mtime > newest:
        yield lambda: _files(folder)
        return
    maker = subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.DEVNULL)

    def made() -> list[Path]:
        if maker.wait() != 0:
            raise StackError(f"{script} ended with status {maker.returncode}")
        done.touch()
        return _files(folder)

    try:
        yield made
    finally:
        maker.terminate()
        maker.wait()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _print_card(console: Console, card: ModelCard) -> None:
    accuracy = card.metrics.get("cross_validation", {}).get("accuracy_mean")
    figure = f" ({accuracy:.0%} right, out of fold)" if accuracy is not None else ""
    console.print(f"\n{card.name}{figure} knows nothing but: {', '.join(card.labels)}.", style="dim", highlight=False)


def _overview(client: Client, jobs: list[Job]) -> Table:
    table = Table("recording", "what it hears", "", "first neighbour", "", box=None, pad_edge=False, padding=(0, 2))
    for job in jobs:
        track = client.track(job.track_id)
        if job.status is not Status.SUCCEEDED:
            table.add_row(escape(track.filename), f"[red]{job.status}[/]")
            continue
        result = job.task(TaskName.CLASSIFY).result or {}
        best = result["top"][0]
        label = escape(best["label"])
        heard = f"[dim]unknown ({label}?)[/]" if result["unknown"] else label
        nearest = client.similar(job.track_id, limit=1)
        twin = (escape(nearest[0].track.filename), f"{nearest[0].similarity:.3f}") if nearest else ("", "")
        table.add_row(escape(track.filename), heard, f"{best['probability']:.0%}", *twin)
    return table
