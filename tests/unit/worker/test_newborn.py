"""When a child that has not beaten yet hangs: real processes that sleep, compute, or may wait."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from phonoscope_worker.newborn import NewbornWatch
from phonoscope_worker.set_up import ChildSetUp, Phase

Start = Callable[[str], int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that runs some Python; returns its id."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(script: str) -> int:
        process = subprocess.Popen([sys.executable, "-c", f"print(1, flush=True)\n{script}"], stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        return process.pid

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def watched(watch: NewbornWatch, pid: int, seconds: float) -> str | None:
    """What the watch says of the process within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if reason := watch.why_hung(pid):
            return reason
        time.sleep(0.05)
    return None


def test_a_child_that_does_nothing_hangs(start: Start) -> None:
    """Such as one that waits for a lock which nobody holds any more; the next child starts afresh."""
    watch = NewbornWatch(ChildSetUp(), still_s=1.0)
    assert watched(watch, start("import time; time.sleep(60)"), 20.0) == "it has done nothing for 1 s"
    assert watch.why_hung(start("import time; time.sleep(60)")) is None


def test_a_child_that_computes_does_not_hang(start: Start) -> None:
    """Loading models may take longer than a hang is waited for."""
    assert watched(NewbornWatch(ChildSetUp(), still_s=1.0), start("while True: pass"), 3.0) is None


def test_a_child_that_loads_without_end_hangs(start: Start) -> None:
    """Also one that computes has a limit."""
    watch = NewbornWatch(ChildSetUp(), still_s=60.0, limit_s=1.0)
    assert watched(watch, start("while True: pass"), 20.0) == "it takes more than 1 s"


@pytest.mark.parametrize("phase", [Phase.PAUSING, Phase.ANNOUNCING])
def test_a_child_may_wait_for_what_it_must_wait_for(start: Start, phase: Phase) -> None:
    """A pause after a failure, or a database that is away; what it does after that counts from then on."""
    set_up = ChildSetUp()
    watch, pid = NewbornWatch(set_up, still_s=0.5), start("import time; time.sleep(60)")
    set_up._write(1, phase)
    assert watched(watch, pid, 1.5) is None
    set_up._write(1, Phase.LOADING)
    assert watch.why_hung(pid) is None
    assert watched(watch, pid, 20.0) == "it has done nothing for 0 s"
