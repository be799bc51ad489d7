"""What happens to the stack: seeded accidents, one after another."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import psutil
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.states import Lane, Pool, TaskQueue
from phonoscope.waker import Waker
from phonoscope_local.state import Run
from tests.support import RunningStack

WORKERS = ("gpu", "gpu-long", "cpu", "cpu-short")


@dataclass
class Monkey:
    """Does one accident after another to a running stack; ``done`` counts them.

    Args:
        away_s: for how long a service stays away.
        pause_s: between accidents, at most.
    """

    stack: RunningStack
    seed: int
    away_s: float = 20.0
    pause_s: float = 4.0
    done: Counter[str] = field(default_factory=Counter)

    @property
    def accidents(self) -> dict[str, Callable[[], None]]:
        """By name; the chance picks among them."""
        return {
            "worker child killed": lambda: self._kill(self._child(self._worker())),
            "worker parent killed": lambda: self._kill(self._part(self._worker())),
            "worker told to stop": lambda: self._signal(self._part(self._worker()), signal.SIGTERM),
            "gateway killed": lambda: self._kill_family("gateway"),
            "sweeper killed": lambda: self._kill(self._part("courier")),
            "broker killed and erased": self._erase_broker,
            "database restarted": lambda: self._signal(self._part("postgres"), signal.SIGINT),
            "object store away": self._store_away,
            "message delivered twice": self._wake_twice,
            "leases run out under a paused worker": self._outlive_leases,
        }

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def run(self, until: Callable[[], bool], most: int | None = None) -> None:
        """Goes on until that is true; the first round does each accident once, in a random order."""
        order = list(self.accidents)
        self._chance.shuffle(order)
        while not until() and (most is None or self.done.total() < most):
            name = order.pop() if order else self._chance.choice(list(self.accidents))
            with suppress(psutil.NoSuchProcess, ProcessLookupError, IndexError):
                self.accidents[name]()
                self.done[name] += 1
            time.sleep(0.5 + self._chance.random() * self.pause_s)
            self._let_the_gateway_start(until)

    def _let_the_gateway_start(self, until: Callable[[], bool]) -> None:
        """On a busy machine it would else be killed again before it has answered anybody."""
        while not until():
            with suppress(httpx.TransportError):
                httpx.get(f"{self.stack.url}/health/live", timeout=5.0)
                return
            time.sleep(0.2)

    def _worker(self) -> str:
        return self._chance.choice(WORKERS)

    def _part(self, name: str) -> psutil.Process:
        run = Run.read(self.stack.folder)
        assert run is not None
        return psutil.Process(run.parts[name].pid)

    def _child(self, part: str) -> psutil.Process:
        return self._part(part).children()[0]

    def _kill(self, process: psutil.Process) -> None:
        self._signal(process, signal.SIGKILL)

    def _signal(self, process: psutil.Process, number: signal.Signals) -> None:
        os.kill(process.pid, number)

    def _kill_family(self, part: str) -> None:
        process = self._part(part)
        for member in [*process.children(recursive=True), process]:
            member.kill()

    @contextmanager
    def _unattended(self) -> Iterator[None]:
        """Nobody restarts what dies while inside."""
        run = Run.read(self.stack.folder)
        assert run is not None
        os.kill(run.supervisor.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(run.supervisor.pid, signal.SIGCONT)

    def _erase_broker(self) -> None:
        with self._unattended():
            self._kill_family("valkey")
            for path in (self.stack.folder / "valkey").glob("appendonlydir"):
                shutil.rmtree(path)

    def _store_away(self) -> None:
        with self._unattended():
            self._kill_family("objects")
            time.sleep(self.away_s)

    def _wake_twice(self) -> None:
        waker = Waker(self.stack.settings.broker_url.get_secret_value())
        with suppress(Exception):
            waker.wake([TaskQueue(pool, lane) for pool in Pool for lane in Lane for _ in range(3)])

    def _outlive_leases(self) -> None:
        """Child and parent stand still while the leases' time is over, long enough for the sweeper to believe it."""
        parent = self._part(self._worker())
        paused = [parent, *parent.children(recursive=True)]
        try:
            for process in paused:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            database = Database(self.stack.settings.database_url.get_secret_value(), pool_size=1)
            with suppress(Exception), database.transaction() as session:
                ids = [f"%:{process.pid}" for process in paused]
                over = "UPDATE tasks SET lease_expires_at = now() - interval '1 s' WHERE worker_id LIKE ANY(:ids)"
                session.execute(text(f"{over} AND status = 'running'"), {"ids": ids})
            database.close()
            time.sleep(7.0)
        finally:
            for process in paused:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
