"""A worker's child is killed or stopped again and again, and each time a job must end soon after."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from phonoscope_local.state import Run
from tests.support import RunningStack, tone_wav

_GIVE_UP_S = 240.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Recovery:
    """What was done to a child, and the seconds until a job that was asked for just after it had ended."""

    how: str
    seconds: float


@dataclass
class Deaths:
    """Kills the child of one of the stack's workers, at random moments: idle, at work, or in its set-up.

    Args:
        part: the worker, which must serve the GPU pool's short lane.
    """

    stack: RunningStack
    seed: int
    part: str = "gpu"
    recoveries: list[Recovery] = field(default_factory=list)

    def run(self, times: int) -> list[Recovery]:
        """So many deaths, one after another. Raises ``AssertionError`` when a job does not succeed in its time."""
        chance = random.Random(self.seed)
        key = self.stack.new_key(f"deaths-{self.seed}")
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=self.stack.url, headers=headers, timeout=30.0, trust_env=False) as http:
            sound = tone_wav(3.0, seed=self.seed)
            track = http.post("/v1/tracks", files={"file": ("a.wav", sound)}).json()["id"]
            interrupted: list[str] = []
            for _ in range(times):
                interrupted += self._once(http, track, chance)
            for job in interrupted:
                _await(http, job)
        return self.recoveries

    def _once(self, http: httpx.Client, track: str, chance: random.Random) -> Iterator[str]:
        """Yields the job that was at work, where there was one."""
        signals = {signal.SIGKILL: "killed", signal.SIGSTOP: "stopped"}
        number = signal.SIGSTOP if chance.random() < 0.25 else signal.SIGKILL
        moment = chance.choice(("idle", "at work", "in its set-up"))
        if moment == "at work":
            yield _ask(http, track)
        time.sleep(chance.random())
        if moment == "in its set-up":
            self._signal(signal.SIGKILL)
            time.sleep(chance.random())
        self._signal(number)
        started = time.monotonic()
        _await(http, _ask(http, track))
        self.recoveries.append(Recovery(f"{signals[number]} {moment}", time.monotonic() - started))

    def _signal(self, number: signal.Signals) -> None:
        run = Run.read(self.stack.folder)
        assert run is not None
        # None is there just after a death, or when the whole worker starts again.
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            for child in psutil.Process(run.parts[self.part].pid).children():
                os.kill(child.pid, number)


def _ask(http: httpx.Client, track: str) -> str:
    body: dict[str, Any] = {"track_id": track, "tasks": ["classify"], "options": {"no_cache": True}}
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _await(http: httpx.Client, job: str) -> None:
    deadline = time.monotonic() + _GIVE_UP_S
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = http.get(f"/v1/jobs/{job}", params={"wait": 20}).json()
        if found["status"] not in ("queued", "running"):
            break
        time.sleep(_POLL_S)
    assert found["status"] == "succeeded", found
