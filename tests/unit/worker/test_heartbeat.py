"""How a task that must end is interrupted: in the main thread, wherever it is, and only while it computes."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from phonoscope.states import Lane, Pool
from phonoscope_worker import heartbeat as module
from phonoscope_worker.heartbeat import Heartbeat, TaskInterrupted, WorkerIdentity


class Quiet(Heartbeat):
    """A heartbeat without a database: the test says when the lease is lost."""

    lost = False

    def __init__(self) -> None:
        identity = WorkerIdentity(Pool.CPU, [Lane.SHORT], "host", "cpu", os.getpid())
        super().__init__(None, identity, lambda: None)  # type: ignore[arg-type]

    def _beat(self) -> None:
        if self._lease is not None and self.lost:
            self._lease.lost = True

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5.0)


@pytest.fixture
def heartbeat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Quiet]:
    """It beats every 50 ms."""
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    before = signal.getsignal(module._INTERRUPT)
    heartbeat = Quiet()
    heartbeat.start()
    yield heartbeat
    heartbeat.stop()
    signal.signal(module._INTERRUPT, before)


def work(seconds: float) -> None:
    """Python that never asks whether it should go on, and handles every error."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            sum(range(10_000))
        except Exception:  # noqa: BLE001 - as a handler might
            continue


def test_work_whose_lease_is_lost_is_interrupted(heartbeat: Quiet) -> None:
    """In the midst of a loop that catches every error."""
    heartbeat.lost = True
    started = time.monotonic()
    with pytest.raises(TaskInterrupted):
        heartbeat.holding("token", 60.0, lambda: work(60.0))
    assert time.monotonic() - started < 45.0


def test_work_that_takes_too_long_is_interrupted(heartbeat: Quiet) -> None:
    """The limit counts from the moment in which the lease was taken."""
    leases = []

    def long_work() -> None:
        leases.append(heartbeat._lease)
        work(60.0)

    with pytest.raises(TaskInterrupted):
        heartbeat.holding("token", 0.2, long_work)
    (lease,) = leases
    assert lease is not None
    assert (lease.overdue, lease.lost) == (True, False)


def test_an_import_is_ended_before_work_is_interrupted(
    heartbeat: Quiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next finds the module whole; the work itself does not go on."""
    slow = "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end:\n    sum(range(1_000))\n"
    (tmp_path / "slow_to_import.py").write_text(f"import sys\n{slow}sys.path.append('whole')\n")
    monkeypatch.syspath_prepend(tmp_path)

    def work_with_imports() -> None:
        importlib.import_module("slow_to_import")
        work(60.0)

    heartbeat.lost = True
    with pytest.raises(TaskInterrupted):
        heartbeat.holding("token", 60.0, work_with_imports)
    assert sys.path[-1] == "whole", "the import was broken off"


def test_nothing_is_interrupted_afterwards(heartbeat: Quiet) -> None:
    """What is committed after the work is not touched, though the lease is lost meanwhile."""

    def lose(lost: bool) -> None:
        heartbeat.lost = lost

    heartbeat.holding("token", 60.0, lambda: lose(True))
    work(0.3)
    heartbeat.holding("another", 60.0, lambda: lose(False))


def test_an_interruption_at_any_moment_drops_the_lease(heartbeat: Quiet) -> None:
    """Before, in and after the work, at each instruction: a lease that stayed would have an idle worker killed."""
    interrupted = 0
    for instruction in count(1):
        with interrupting_at(heartbeat, instruction) as reached:
            with suppress(TaskInterrupted):
                heartbeat.holding("token", 60.0, lambda: "done")
                interrupted -= 1
            interrupted += 1
        assert heartbeat._lease is None, f"it was interrupted at instruction {instruction}"
        assert not heartbeat._interruptible
        if not reached:
            break
    assert interrupted > 5


@contextmanager
def interrupting_at(heartbeat: Quiet, instruction: int) -> Iterator[list[int]]:
    """The signal arrives at this instruction of ``holding`` or of what it calls; the list says whether it did."""
    passed, reached = 0, []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal passed
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_code.co_name not in {"_interrupt", "_is_importing"}:
            passed += 1
            if passed == instruction:
                reached.append(passed)
                heartbeat._interrupt(module._INTERRUPT, None)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield reached
    finally:
        sys.settrace(before)


def test_a_stray_signal_is_harmless(heartbeat: Quiet) -> None:
    """One that comes while nothing runs."""
    os.kill(os.getpid(), module._INTERRUPT)
    work(0.1)


def test_who_hears_no_signal_is_ended(heartbeat: Quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stuck in a library that never returns to Python, the process ends itself, for its parent to replace it."""
    ended: list[Any] = []
    monkeypatch.setattr(module, "_STUCK_AFTER_S", 0.2)
    monkeypatch.setattr("phonoscope_worker.heartbeat.os.kill", lambda *what: ended.append(what))
    before = signal.signal(module._INTERRUPT, signal.SIG_IGN)
    heartbeat.lost = True
    heartbeat.holding("token", 60.0, lambda: work(0.6))
    signal.signal(module._INTERRUPT, before)
    assert ended[0] == (os.getpid(), signal.SIGKILL)


def test_work_is_counted_however_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that begin and end between two beats count in full, and one that goes on counts once."""
    counted: list[tuple[float, float]] = []

    class Noting:
        def worker_lived(self, _pool: Pool, _device: str, lived_s: float, busy_s: float) -> None:
            counted.append((lived_s, busy_s))

    clock = count()
    monkeypatch.setattr(module, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(module, "recorder", Noting)
    heartbeat = Quiet()
    for _ in range(3):
        heartbeat.holding("lease", 1e9, lambda: None)
    heartbeat._count()
    heartbeat.holding("lease", 1e9, heartbeat._count)
    heartbeat._count()
    # Each look at the clock is a second later; a lease has one at its beginning and one at its end.
    assert [busy_s for _, busy_s in counted] == [3.0, 1.0, 1.0]
    assert sum(lived_s for lived_s, _ in counted) == 11.0
