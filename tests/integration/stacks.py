"""What runs of a stack, and whether it answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from phonoscope_local import read_credentials
from phonoscope_local.state import Run


def key_of(folder: Path) -> str:
    """The API key that the stack wrote for its user."""
    found = read_credentials(folder)
    assert found is not None
    return found.api_key


def tree(folder: Path) -> list[psutil.Process]:
    """The supervisor and everything below it."""
    run = Run.read(folder)
    assert run is not None
    supervisor = psutil.Process(run.supervisor.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    return alive([process for process in processes if process.is_running()])


def listening(folder: Path) -> set[tuple[str, int]]:
    """The addresses and ports that a stack's processes listen on."""
    found = set()
    for process in tree(folder):
        with contextlib.suppress(psutil.NoSuchProcess):  # those that probe come and go
            open_ = process.net_connections("tcp")
            found |= {(each.laddr.ip, each.laddr.port) for each in open_ if each.status == psutil.CONN_LISTEN}
    return found


def eventually(true: Callable[[], bool], limit_s: float = 200.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def status(url: str, key: str | None = None) -> int | None:
    """The status with which an address answers; ``None`` when it does not."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.get(url, headers=headers, timeout=10.0).status_code
    except httpx.HTTPError:
        return None
