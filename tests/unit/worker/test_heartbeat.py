"""How a task that must end is interrupted: in the main thread, wherever it is, and only while it computes."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phonoscope.states import Lane, Pool
from phonoscope_worker import heartbeat as module
from phonoscope_worker.heartbeat import CalledOff, Heart, Identity


class Quiet(Heart):
    """A heart without a database: the test says when the lease is lost."""

    lost = False

    def __init__(self) -> None:
        me = Identity(Pool.CPU, [Lane.SHORT], "host", "cpu", os.getpid())
        super().__init__(None, me, lambda: None)  # type: ignore[arg-type]

    def _beat(self) -> None:
        if self._held is not None and self.lost:
            self._held.lost = True

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5.0)


@pytest.fixture
def heart(monkeypatch: pytest.MonkeyPatch) -> Iterator[Quiet]:
    """It beats every 50 ms."""
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    before = signal.getsignal(module._CALL_OFF)
    heart = Quiet()
    heart.start()
    yield heart
    heart.stop()
    signal.signal(module._CALL_OFF, before)


def work(seconds: float) -> None:
    """Python that never asks whether it should go on, and handles every error."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            sum(range(10_000))
        except Exception:  # noqa: BLE001 - as a handler might
            continue


def test_work_whose_lease_is_lost_is_interrupted(heart: Quiet) -> None:
    """In the midst of a loop that catches every error."""
    heart.lost = True
    started = time.monotonic()
    with pytest.raises(CalledOff), heart.holding("token", 60.0):
        work(20.0)
    assert time.monotonic() - started < 5.0


def test_work_that_takes_too_long_is_interrupted(heart: Quiet) -> None:
    """The limit counts from the moment in which the lease was taken."""
    with pytest.raises(CalledOff), heart.holding("token", 0.2) as held:
        work(20.0)
    assert held.overdue
    assert not held.lost


def test_an_import_is_ended_before_work_is_interrupted(
    heart: Quiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next finds the module whole; the work itself does not go on."""
    slow = "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end:\n    sum(range(1_000))\n"
    (tmp_path / "slow_to_import.py").write_text(f"import sys\n{slow}sys.path.append('whole')\n")
    monkeypatch.syspath_prepend(tmp_path)

    def work_with_imports() -> None:
        importlib.import_module("slow_to_import")
        work(10.0)

    heart.lost = True
    with pytest.raises(CalledOff), heart.holding("token", 60.0):
        work_with_imports()
    assert sys.path[-1] == "whole", "the import was broken off"


def test_nothing_is_interrupted_afterwards(heart: Quiet) -> None:
    """What is committed after the work is not touched, though the lease is lost meanwhile."""
    with heart.holding("token", 60.0):
        heart.lost = True
    work(0.3)
    with heart.holding("another", 60.0):
        heart.lost = False


def test_a_stray_signal_is_harmless(heart: Quiet) -> None:
    """One that comes while nothing runs."""
    os.kill(os.getpid(), module._CALL_OFF)
    work(0.1)


def test_who_hears_no_signal_is_ended(heart: Quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stuck in a library that never returns to Python, the process ends itself, for its parent to replace it."""
    ended: list[Any] = []
    monkeypatch.setattr(module, "_STUCK_AFTER_S", 0.2)
    monkeypatch.setattr("phonoscope_worker.heartbeat.os.kill", lambda *what: ended.append(what))
    before = signal.signal(module._CALL_OFF, signal.SIG_IGN)
    heart.lost = True
    with heart.holding("token", 60.0):
        work(0.6)
    signal.signal(module._CALL_OFF, before)
    assert ended[0] == (os.getpid(), signal.SIGKILL)
