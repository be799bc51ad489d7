"""Starts and stops a stack from another process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from phonoscope.errors import StackError
from phonoscope_local.files import LOCK, open_folder
from phonoscope_local.lock import is_free, stack_lock
from phonoscope_local.logs import opened
from phonoscope_local.parts import nothing
from phonoscope_local.processes import ProcessId, send_signal, wait_until
from phonoscope_local.stack import end_leftovers
from phonoscope_local.state import Credentials, Run
from phonoscope_local.supervisor import Say

_POLL_S = 0.05
_WAIT_FOR_OTHER_S = 180.0
_STOP_LIMIT_S = 60.0
_MENDED_WITHIN_S = 15.0


@dataclass(frozen=True)
class Started:
    """The gateway's address, and whether the stack ran already."""

    url: str
    already: bool


def running(folder: Path) -> Run | None:
    """The processes that run the stack of a folder; ``None`` when none do."""
    if is_free(folder):
        return None
    run = _present_run(folder)
    return run if run and run.supervisor.find() else None


def start_detached(
    folder: Path,
    port: int | None = None,
    *,
    servers_only: bool = False,
    meanwhile: Callable[[], None] = nothing,
    say: Say = lambda _: None,
) -> Started:
    """Starts the stack in the background, unless it runs; returns once it is healthy.

    With ``servers_only`` there is no gateway and no worker: PostgreSQL, Valkey and the object store alone.
    ``meanwhile`` is called while the stack starts, ``say`` with what was damaged and is mended.

    Raises ``StackError`` with the supervisor's own reason when it cannot run.
    """
    open_folder(folder)
    while True:
        if url := await_other(folder):
            return Started(url, already=True)
        report = _launch(folder, _options(port, servers_only=servers_only), meanwhile, say)
        match report:
            case {"url": str(url)}:
                return Started(url, already=False)
            case {"error": str(detail)}:
                raise StackError(detail)
            case _:
                time.sleep(_POLL_S)


def await_other(folder: Path) -> str | None:
    """The address of the stack that already runs, once it is healthy; ``None`` as soon as none runs.

    Raises ``StackError`` when it takes too long.
    """
    deadline = time.monotonic() + _WAIT_FOR_OTHER_S
    while not is_free(folder):
        run = _present_run(folder)
        if run and run.phase == "running" and run.supervisor.find():
            return run.url
        if time.monotonic() > deadline:
            raise StackError(f"another process holds {folder} and does not become healthy; see {folder / 'logs'}")
        time.sleep(_POLL_S)
    return None


def credentials_of(folder: Path) -> Credentials | None:
    """The key of a running stack; waits for its supervisor to mend a damaged file, which it takes away first.

    ``None`` where there still is none then. Raises ``StackError`` where it is still damaged.
    """
    deadline = time.monotonic() + _MENDED_WITHIN_S
    while True:
        late = time.monotonic() > deadline
        try:
            if (found := Credentials.read(folder)) or late:
                return found
        except StackError:
            if late:
                raise
        time.sleep(_POLL_S)


def stop(folder: Path, say: Say) -> Literal["stopped", "leftovers", "nothing"]:
    """Stops the stack of a folder, or ends processes that a killed one left.

    Raises ``StackError`` when a process cannot be ended.
    """
    if not (folder / LOCK).exists():
        return "nothing"
    ran = not is_free(folder)
    if ran and not wait_until(partial(_asked_and_gone, folder, set()), _STOP_LIMIT_S):
        run = _present_run(folder)
        send_signal(run.supervisor.find() if run else None, signal.SIGKILL)
    with stack_lock(folder) as mine:
        if not mine:
            raise StackError(f"another process holds {folder}")
        left = end_leftovers(folder, say)
    return "stopped" if ran else "leftovers" if left else "nothing"


def _asked_and_gone(folder: Path, asked: set[ProcessId]) -> bool:
    run = _present_run(folder)
    if run and run.supervisor not in asked:
        asked.add(run.supervisor)
        send_signal(run.supervisor.find(), signal.SIGTERM)
    return is_free(folder)


def _present_run(folder: Path) -> Run | None:
    # A supervisor writes it again within about a second of its damage.
    with contextlib.suppress(StackError):
        return Run.read(folder)
    return None


def _options(port: int | None, *, servers_only: bool) -> list[str]:
    return [*(["--port", str(port)] if port is not None else []), *(["--servers-only"] if servers_only else [])]


def _launch(folder: Path, options: list[str], meanwhile: Callable[[], None], say: Say) -> dict[str, str]:
    """Starts a supervisor and returns its one report: ``url``, ``error`` or ``busy``."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-P", "-m", "phonoscope_local", "--data-dir", str(folder), "--report", str(theirs)]
    log = opened(folder / "logs" / "supervisor.log")
    with os.fdopen(ours) as report:
        try:
            with log.open("ab") as output:
                # The shell ends at once, so that this process neither waits for the supervisor nor keeps its zombie.
                subprocess.run(
                    ["/bin/sh", "-c", '"$@" &', "sh", *command, *options],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(theirs,),
                    check=True,
                )
        finally:
            os.close(theirs)
        said = _await_report(folder, report, meanwhile, say)
    if not said:
        raise StackError(f"the supervisor ended without a report; its log is {log}")
    return said


def _await_report(folder: Path, report: IO[str], meanwhile: Callable[[], None], say: Say) -> dict[str, str]:
    try:
        meanwhile()
        for line in report:
            match json.loads(line):
                case {"notice": str(text)}:
                    say(text)
                case dict(last):
                    return last
    except KeyboardInterrupt:
        stop(folder, lambda _: None)
        raise
    return {}
