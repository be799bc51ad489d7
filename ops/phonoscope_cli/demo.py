"""``phonoscope demo``: starts the whole product, analyses recordings, prints the results, stops it again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.errors import StackError
from phonoscope.paths import bundled
from phonoscope_cli.connection import DataDirOption, connect

if TYPE_CHECKING:
    from rich.console import Console

    from phonoscope.client import Client
    from phonoscope.contract import Job

_SONG = "song"
_SHOWN_IN_FULL = ("day", _SONG)
_WORDS, _MOST_FOUND = "dogs barking", 3
_CLOCK_S = 24.0, 28.0
_TAUGHT = {
    "clock": ("clock_tall", "clock_wall"),
    "dog": ("dog_large", "dog_small"),
    "helicopter": ("helicopter_far", "helicopter_near"),
    "rain": ("rain_garden", "rain_roof"),
    "sea": ("sea_calm", "sea_storm"),
}


def demo(
    files: Annotated[list[Path] | None, typer.Argument(help="Your own recordings.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Starts the local stack, analyses synthesised recordings (or yours), prints the results, stops everything."""
    from phonoscope_local.files import open_folder, resolved
    from phonoscope_local.programs import find_programs
    from phonoscope_local.state import default_data_dir

    find_programs()
    folder = resolved(data_dir or default_data_dir().with_name("phonoscope-demo"))
    open_folder(folder)
    with _recordings(folder / "recordings") as made, _stack(folder):
        all_well = _analyze(folder, made(), files or [])
    typer.echo(f"\n`phonoscope up` keeps it running; all data stay in {folder}.")
    raise typer.Exit(0 if all_well else 1)


def _analyze(folder: Path, library: list[Path], files: list[Path]) -> bool:
    """Analyses all of them over HTTP and prints the results. Returns whether all files succeeded."""
    from rich.console import Console

    from phonoscope_cli.artifacts import save_artifacts
    from phonoscope_cli.jobs import run_each, run_job, show
    from phonoscope_cli.overview import classifying_models, overview, print_card

    console = Console()
    with connect(None, None, folder) as client:
        # Recordings that are shown in full go first, so that their times include no waiting.
        ordered = sorted(library, key=lambda path: path.stem not in _SHOWN_IN_FULL)
        sent = {path: client.analyze(path, _tasks(in_full=path.stem in _SHOWN_IN_FULL)) for path in ordered}
        apart = {path: client.create_job(sent[path].recording, ["separate"]) for path in ordered if path.stem == _SONG}
        jobs = {path: client.wait(sent[path]) for path in library}
        console.print(overview(client, [*jobs.values()]))
        for name in classifying_models([*jobs.values()]):
            print_card(console, client.model(name))

        tracks = {path.stem: job.recording for path, job in jobs.items()}
        _search(console, client, tracks)
        _teach(console, client, tracks)

        def run(path: Path) -> Job:
            job = run_job(client, path, _tasks(in_full=True), console)
            show(client, console, job)
            save_artifacts(client, job, folder / "evidence" / path.name)
            return job

        all_well = run_each(files, console, run)
        for path, job in jobs.items():
            if not files and path.stem in _SHOWN_IN_FULL:
                show(client, console, job)
                save_artifacts(client, job, folder / "evidence" / path.name)
        for path, job in apart.items():
            _compare(console, client, client.wait(job), path)
        console.print(f"\nSee and hear the evidence: {folder / 'evidence'}", soft_wrap=True, highlight=False)
    return all_well


def _search(console: Console, client: Client, tracks: dict[str, str]) -> None:
    """Searches for moments by words, and by a sound within the longest recording."""
    from phonoscope_cli.found import print_found

    console.print()
    answer = client.search(_WORDS, unit="moment", limit=_MOST_FOUND)
    print_found(console, answer, f'moments found by the words "{_WORDS}"')
    start_s, end_s = _CLOCK_S
    answer = client.search(track_id=tracks["day"], start_s=start_s, end_s=end_s, unit="moment", limit=_MOST_FOUND)
    print_found(console, answer, f"moments that sound like day.opus from {start_s:g} s to {end_s:g} s")


def _teach(console: Console, client: Client, tracks: dict[str, str]) -> None:
    """Teaches a classifier from two recordings of each of five sounds, and labels the library by it."""
    from phonoscope_cli.classifiers import print_card, run_application
    from phonoscope_cli.teach import request_of, taught

    examples = {label: [tracks[name] for name in names] for label, names in _TAUGHT.items()}
    started_at = perf_counter()
    card = taught(client, console, "demo-sounds", request_of(examples))
    told = f"A classifier of your own, taught from {sum(map(len, examples.values()))} recordings"
    console.print(f"\n{told} in {perf_counter() - started_at:.1f} s", style="bold", highlight=False)
    print_card(console, card)
    run_application(client, console, card.name)


def _compare(console: Console, client: Client, job: Job, song: Path) -> None:
    from phonoscope.tasks import Separate
    from phonoscope_cli.overview import print_card
    from phonoscope_cli.stems import print_scores

    task = job.task(Separate.name)
    if task.result is not None:
        result = job.result(Separate)
        print_scores(console, client, result, song, song.parent / "stems")
        print_card(console, client.model(result.model.name))
    elif task.error is not None:
        console.print(f"\n{song.name} was not separated: {task.error['detail']}", highlight=False, markup=False)


def _tasks(*, in_full: bool) -> list[str]:
    from phonoscope.contract import DEFAULT_TASKS
    from phonoscope.states import TaskName

    return [*DEFAULT_TASKS, *([TaskName.EXPLAIN] if in_full else [])]


@contextmanager
def _stack(folder: Path) -> Iterator[None]:
    """Runs the stack of a folder while inside; one that ran before stays running."""
    from phonoscope_local.control import start_detached, stop

    started_at = perf_counter()
    typer.echo("Starting PostgreSQL, Valkey, the object store, the gateway and the workers …")
    started = start_detached(folder, meanwhile=_load_the_rest, say=typer.echo)
    typer.echo(f"The stack runs at {started.url} (ready in {perf_counter() - started_at:.1f} s).")
    try:
        yield
    finally:
        if not started.already:
            stop(folder, lambda _: None)
            typer.echo("The stack has stopped.")


def _load_the_rest() -> None:
    import phonoscope_cli.jobs
    import phonoscope_cli.overview  # noqa: F401 - loaded by the time it is needed


@contextmanager
def _recordings(folder: Path) -> Iterator[Callable[[], list[Path]]]:
    """Synthesises the recordings while the stack starts, unless they exist; the value waits for and lists them."""
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
