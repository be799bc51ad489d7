"""``phonoscope up`` and ``phonoscope down``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the stack; by default the platform's folder for user data.")
]
Port = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="The gateway's port; by default a free one.")
]
Detach = Annotated[
    bool, typer.Option("--detach", "-d", help="Run in the background; return once everything is healthy.")
]


def up(detach: Detach = False, data_dir: DataDir = None, port: Port = None) -> None:
    """Starts the whole product on this machine, on loopback addresses only."""
    from phonoscope_local.control import await_other, start_detached
    from phonoscope_local.files import resolved
    from phonoscope_local.stack import run_stack
    from phonoscope_local.state import default_data_dir

    folder = resolved(data_dir or default_data_dir())
    if detach:
        started = start_detached(folder, port, say=_say)
        _show(started.url, folder, already=started.already)
        return

    def ready(url: str) -> None:
        _show(url, folder)
        _say("Ctrl-C stops everything.")

    mine = False
    while not mine:
        if url := await_other(folder):
            _show(url, folder, already=True)
            return
        mine = run_stack(folder, port, _say, ready)


def down(data_dir: DataDir = None) -> None:
    """Stops everything that `up` started."""
    from phonoscope_local.control import stop
    from phonoscope_local.files import resolved
    from phonoscope_local.state import default_data_dir

    folder = resolved(data_dir or default_data_dir())
    answers = {
        "stopped": "Phonoscope has stopped.",
        "leftovers": "Phonoscope did not run; processes that a killed one had left are ended.",
        "nothing": f"Nothing runs in {folder}.",
    }
    _say(answers[stop(folder, _say)])


def _show(url: str, folder: Path, *, already: bool = False) -> None:
    from phonoscope_local.control import credentials_of

    _say(f"Phonoscope {'already runs' if already else 'runs'} at {url}")
    if credentials := credentials_of(folder):
        _say(f"Look and listen: {url}/#key={credentials.api_key}")
    _say(f"The API key is in {folder / 'credentials.json'}")


def _say(message: str) -> None:
    typer.echo(message)
