"""Processes that are found again after their parent has died, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field

from phonoscope.errors import StackError

MARK = "PHONOSCOPE_STACK_PART"
_CREATED_WITHIN_S = 2.0
_POLL_S = 0.02
_KILL_LIMIT_S = 10.0


class ProcessId(BaseModel):
    """A process by its number and the time of its creation, in seconds since 1970: numbers are used again."""

    model_config = ConfigDict(frozen=True)

    pid: int = Field(gt=0, lt=1 << 31)
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this number now; ``None`` when there is none."""
        with contextlib.suppress(psutil.Error):
            return cls(pid=pid, created=psutil.Process(pid).create_time())
        return None

    def find(self, within_s: float = _CREATED_WITHIN_S) -> psutil.Process | None:
        """The process while it lives; its creation may differ by ``within_s`` seconds from the recorded time."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < within_s and is_alive(process):
                return process
        return None


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a stack: they have its mark in their environment and work in its folder.

    A copy of the folder has the same mark.

    Args:
        servers: the program and the working folder of each part that overwrites its environment, by the part's name.
    """

    folder: Path
    stack_id: str
    servers: Mapping[str, tuple[Path, Path]]

    def mark(self, part: str) -> dict[str, str]:
        return {MARK: f"{self.stack_id}/{part}"}

    def members(self, parts: Collection[str] | None = None) -> list[psutil.Process]:
        """Every living process of these parts, or of the whole stack, also where its parent has died."""
        return [
            process
            for process in psutil.process_iter()
            if process.pid != os.getpid() and self._has(process, parts) and is_alive(process)
        ]

    def _has(self, process: psutil.Process, parts: Collection[str] | None) -> bool:
        with contextlib.suppress(psutil.Error, OSError):
            stack_id, _, name = process.environ().get(MARK, "").partition("/")
            if stack_id == self.stack_id and works_in(process, self.folder) is not False:
                return parts is None or name in parts
        servers = [server for name, server in self.servers.items() if parts is None or name in parts]
        with contextlib.suppress(psutil.Error, OSError):
            return any(process.exe() == str(exe) and process.cwd() == str(cwd) for exe, cwd in servers)
        return False


def mark_of(folder: Path) -> str | None:
    """The mark of a stack's processes that still run in its folder, where nothing else says what it is."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            stack_id = process.environ().get(MARK, "").partition("/")[0]
            if stack_id and works_in(process, folder):
                return stack_id
    return None


def works_in(process: psutil.Process, folder: Path) -> bool | None:
    """Whether a process works in a folder or below it; one that is moved takes its processes along.

    ``None`` where that cannot be read.
    """
    with contextlib.suppress(psutil.Error, OSError):
        wanted, works = folder.stat(), Path(process.cwd())
        return any(os.path.samestat(wanted, each.stat()) for each in (works, *works.parents) if each.exists())
    return None


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send_signal(process: psutil.Process | None, number: signal.Signals) -> None:
    """Sends a signal to a process; one that has ended is ignored."""
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def wait_until(done: Callable[[], bool], limit_s: float) -> bool:
    """Polls a condition; false when it did not hold within so many seconds."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def kill_all(find: Callable[[], list[psutil.Process]]) -> int:
    """Kills what ``find`` returns until it returns nothing; returns how many processes there were.

    Raises ``StackError`` when some cannot be killed.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + _KILL_LIMIT_S
    while found := find():
        if time.monotonic() > deadline:
            raise StackError(f"these processes cannot be ended: {', '.join(str(process.pid) for process in found)}")
        for process in found:
            send_signal(process, signal.SIGKILL)
            killed.add(process.pid)
        wait_until(partial(_all_gone, found), 1.0)
    return len(killed)


def _all_gone(processes: list[psutil.Process]) -> bool:
    return not any(map(is_alive, processes))
