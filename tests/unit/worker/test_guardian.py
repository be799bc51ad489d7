"""What a worker's parent does about its child: real processes, and a database that only notes what it is asked."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from phonoscope.errors import TaskFailed
from phonoscope.retry import Backoff
from phonoscope.settings import Settings
from phonoscope.states import Pool
from phonoscope_worker import guardian as module
from phonoscope_worker.guardian import Guardian
from phonoscope_worker.set_up import ChildSetUp


@pytest.fixture(autouse=True)
def nothing_to_collect() -> None:
    """A forked child that collects what earlier tests left would wait for a decoder's threads, which it has not."""
    gc.collect()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


class Watching(Guardian):
    """Notes what would be handed back, instead of writing it."""

    def __init__(self) -> None:
        self.set_up = ChildSetUp(Backoff(first_s=0.0, attempts=2))
        self.stops = 0
        super().__init__(Pool.CPU, Settings.model_construct(), self.set_up, self._count_stop)
        self.handed: list[tuple[str, bool]] = []
        self.pids: set[int] = set()

    def _hand_back(self, pid: int, why: TaskFailed, *, counts: bool) -> None:
        self.pids.add(pid)
        self.handed.append((why.code, counts))

    def _count_stop(self) -> None:
        self.stops += 1

    def see(self, pid: int, beaten_at: float) -> None:
        """The child has beaten at that time."""
        module._PULSE.pack_into(self.pulse._memory, 0, pid, beaten_at)


class Hub:
    """Celery's loop: runs at once what it is asked for, or later."""

    def __init__(self) -> None:
        self.stands = False
        self.asked: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.asked.append(callback)
        if not self.stands:
            self.run()

    def run(self) -> None:
        self.stands = False
        while self.asked:
            self.asked.pop()()


class CeleryWorker:
    """What the guardian sees of Celery's worker: a pool, whose child it has not heard of, and the loop."""

    def __init__(self, *pids: int) -> None:
        children = [SimpleNamespace(pid=pid) for pid in pids]
        self.hub = Hub()
        self.pool = SimpleNamespace(_pool=SimpleNamespace(_pool=children, _waiting_to_start=children, maintained=0))
        self.pool._pool.maintain_pool = self._maintain

    def _maintain(self) -> None:
        self.pool._pool.maintained += 1


def status_of_check(guardian: Guardian) -> int:
    """The status with which a process ends that checks once, and again after a moment."""
    pid = os.fork()
    if pid == 0:
        try:
            guardian._check()
            time.sleep(0.01)
            guardian._check()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def watching() -> Watching:
    return Watching()


def is_over(process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.poll() is not None


def test_a_child_that_beats_is_left_alone(watching: Watching, child: subprocess.Popen[bytes]) -> None:
    """Nothing is handed back, nobody is killed; nor before the first beat, when models are still being loaded."""
    watching._check()
    watching.see(child.pid, time.monotonic())
    watching._check()
    assert (watching.handed, child.poll()) == ([], None)


def test_what_a_dead_child_held_is_handed_back_once(watching: Watching, child: subprocess.Popen[bytes]) -> None:
    """For the reason that its worker was lost, and it counts as an attempt."""
    watching.see(child.pid, time.monotonic())
    child.kill()
    assert is_over(child)
    watching._check()
    watching._check()
    assert (watching.handed, watching.pids) == ([("worker_lost", True)], {child.pid})


def test_a_child_that_hangs_is_killed(watching: Watching, child: subprocess.Popen[bytes]) -> None:
    """What it held is handed back as timed out."""
    watching.see(child.pid, time.monotonic() - module.HUNG_AFTER_S - 1.0)
    watching._check()
    assert is_over(child)
    assert child.returncode == -signal.SIGKILL
    watching._check()
    assert watching.handed == [("timed_out", True)]


def test_a_child_that_a_signal_has_stopped_is_killed(watching: Watching, child: subprocess.Popen[bytes]) -> None:
    """It is not waited for as long as one that may be busy; one that still runs is left alone."""
    watching.see(child.pid, time.monotonic() - module.STOPPED_AFTER_S - 1.0)
    watching._check()
    assert child.poll() is None
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    watching._check()
    assert is_over(child)
    watching._check()
    assert watching.handed == [("worker_lost", True)]


def test_a_dead_child_is_noticed_although_another_beats_already(
    watching: Watching, child: subprocess.Popen[bytes]
) -> None:
    """The next child may be there before the guardian looks again, and overwrites the pulse."""
    watching.see(child.pid, time.monotonic())
    watching._check()
    child.kill()
    assert is_over(child)
    watching.see(os.getpid(), time.monotonic())
    watching._check()
    watching._check()
    assert (watching.handed, watching.pids) == ([("worker_lost", True)], {child.pid})
    assert watching.pulse.read()[0] == os.getpid()


def test_a_child_of_which_celery_does_not_know_is_replaced(
    watching: Watching, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It beats, but would never be given work; while Celery's loop does not run, that says nothing."""
    monkeypatch.setattr(module, "UNHEARD_AFTER_S", 0.0)
    celery = CeleryWorker(child.pid)
    watching.children.attach(celery)
    watching.see(child.pid, time.monotonic())
    celery.hub.stands = True
    watching._check()
    watching._check()
    assert child.poll() is None
    celery.hub.run()
    watching._check()
    watching._check()
    assert is_over(child)
    assert celery.pool._pool.maintained > 0


def test_a_loop_that_closes_after_its_pool_maintains_nothing(
    watching: Watching, child: subprocess.Popen[bytes]
) -> None:
    """It runs what it was asked for before; that raises nothing, or the worker would not stop."""
    celery = CeleryWorker(child.pid)
    celery.hub.stands = True
    watching.children.attach(celery)
    watching.children.maintain()
    celery.pool._pool = None
    celery.hub.run()
    assert celery.hub.asked == []


def test_a_worker_without_a_child_stays_while_the_broker_is_away(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs none, and Celery cannot fork one."""
    monkeypatch.setattr(watching, "_settings", Settings.model_construct(broker_url=SecretStr("redis://127.0.0.1:1/0")))
    monkeypatch.setattr(module, "CHILDLESS_AFTER_S", 0.0)
    watching.children.attach(CeleryWorker())
    assert status_of_check(watching) == 0


def test_a_child_that_was_ended_for_memory_is_told_apart(
    watching: Watching, child: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system counts whom it ends for want of memory."""
    counters = tmp_path / "memory.events"
    counters.write_text("low 0\noom 2\noom_kill 3\n")
    monkeypatch.setattr(module, "_COUNTERS", (tmp_path / "absent", counters))
    watching._kills = 2
    watching.see(child.pid, time.monotonic())
    child.kill()
    assert is_over(child)
    watching._check()
    assert watching.handed == [("out_of_memory", True)]


def test_a_worker_that_is_told_to_stop_hands_back_what_it_cannot_finish(
    watching: Watching, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time to drain, and that was no attempt."""
    watching.see(child.pid, time.monotonic())
    watching.drain()
    watching._check()
    assert (watching.handed, child.poll()) == ([], None)
    monkeypatch.setattr(watching, "_stop_by", time.monotonic() - 1.0)
    watching._check()
    assert is_over(child)
    assert watching.handed[0] == ("worker_lost", False)


def test_a_worker_is_stopped_once_its_set_up_is_given_up(watching: Watching) -> None:
    """Not after one failure, nor twice; children that failed are counted in memory that the parent shares."""
    watching._check()
    assert (fails_to_set_up(watching.set_up), watching.stops) == (1, 0)
    watching._check()
    assert (fails_to_set_up(watching.set_up), watching.stops) == (1, 0)
    watching._check()
    watching._check()
    assert (watching.set_up.failures, watching.stops) == (2, 1)


def test_a_set_up_that_works_starts_the_count_afresh() -> None:
    """Failures in a row alone count."""
    set_up = ChildSetUp(Backoff(first_s=0.0, attempts=2))
    fails_to_set_up(set_up)
    set_up.run(lambda: None)
    fails_to_set_up(set_up)
    assert (set_up.failures, set_up.attempts_exhausted) == (1, False)


def fails_to_set_up(set_up: ChildSetUp) -> int:
    """The status with which a child ends whose set-up fails."""
    pid = os.fork()
    if pid == 0:
        set_up.run(lambda: sys.exit(0))
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_pulse_is_shared_with_a_child() -> None:
    """What a forked process writes, its parent reads."""
    pulse = Watching().pulse
    pid = os.fork()
    if pid == 0:
        pulse.beat()
        os._exit(0)
    os.waitpid(pid, 0)
    assert pulse.read()[0] == pid
    assert 0.0 <= time.monotonic() - pulse.read()[1] < 60.0


def test_no_child_is_forked_in_the_middle_of_a_check(child: subprocess.Popen[bytes]) -> None:
    """A child that inherits a lock of the guardian's thread, such as that of an import, waits for it for ever."""
    begun, may_end, forked = threading.Event(), threading.Event(), threading.Event()

    class Slow(Watching):
        def _hand_back(self, pid: int, why: TaskFailed, *, counts: bool) -> None:
            begun.set()
            assert may_end.wait(20)
            super()._hand_back(pid, why, counts=counts)

    def fork() -> None:
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        forked.set()

    watching = Slow()
    child.kill()
    assert is_over(child)
    watching.see(child.pid, time.monotonic())
    watching.start()
    assert begun.wait(20)
    threading.Thread(target=fork, daemon=True).start()
    try:
        assert not forked.wait(0.3)
    finally:
        may_end.set()
    assert forked.wait(20)
