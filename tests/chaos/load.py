"""What the chaos happens to: owners who upload, ask, repeat themselves, call off and erase, whatever answers."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support import RunningStack, tone_wav

_GIVE_UP_S = 150.0
_TASKS: tuple[tuple[str, ...], ...] = (
    ("classify", "embed"),
    ("classify", "embed", "describe"),
    ("describe",),
    ("classify", "explain"),
    ("features",),
    ("separate", "mixdown"),
    ("classify", "separate", "explain"),
)


@dataclass
class Accepted:
    """A job that was answered with 202, and what its owner did to it."""

    owner: str
    job_id: str
    track_id: str
    cancelled: bool = False
    erased: bool = False


@dataclass
class Load:
    """Some owners at work, each in a thread, until each has had his jobs accepted.

    ``refusals`` counts the answers that were none, by status or error; ``wrongs`` those that must not happen.
    """

    stack: RunningStack
    seed: int
    jobs: int
    owners: int
    separator: str
    accepted: list[Accepted] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> list[threading.Thread]:
        """The owners' threads."""
        names = [f"owner-{self.seed}-{number}" for number in range(self.owners)]
        self.keys = {name: self.stack.new_key(name) for name in names}
        share = -(-self.jobs // self.owners)
        threads = [
            threading.Thread(target=self._run, args=(name, number, share), name=name)
            for number, name in enumerate(names)
        ]
        for thread in threads:
            thread.start()
        return threads

    def http(self, owner: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys[owner]}"}
        return httpx.Client(base_url=self.stack.url, headers=headers, timeout=30.0, trust_env=False)

    def _run(self, owner: str, number: int, share: int) -> None:
        chance = random.Random(f"{self.seed}/{owner}")
        with self.http(owner) as http:
            mine: list[Accepted] = []
            for turn in range(share):
                # Few recordings, so that the same is often asked again, also while it is being computed.
                sound = tone_wav(chance.choice((0.5, 3.0)), seed=1000 * number + chance.randrange(3))
                mine.append(self._ask(http, owner, sound, f"{owner}-{turn}", chance))
                self._meddle(http, chance, mine)
                time.sleep(chance.random() * 0.3)

    def _ask(self, http: httpx.Client, owner: str, sound: bytes, key: str, chance: random.Random) -> Accepted:
        options: dict[str, Any] = {"separate": {"model": self.separator}, "no_cache": chance.random() < 0.3}
        tasks = list(chance.choice(_TASKS))
        track = self._insist(http, "POST", "/v1/tracks", {200, 201}, f"{key}-t", files={"file": ("a.wav", sound)})
        body = {"track_id": track["id"], "tasks": tasks, "options": options}
        job = self._insist(http, "POST", "/v1/jobs", {202, 404}, f"{key}-j", json=body)
        if "track_id" not in job:
            # Its own owner erased the track between the two calls.
            return self._ask(http, owner, sound, f"{key}+", chance)
        found = Accepted(owner, job["id"], track["id"])
        with self._lock:
            self.accepted.append(found)
        return found

    def _meddle(self, http: httpx.Client, chance: random.Random, mine: list[Accepted]) -> None:
        victim = chance.choice(mine)
        if chance.random() < 0.08 and not victim.erased:
            answer = self._insist(http, "POST", f"/v1/jobs/{victim.job_id}/cancel", {200, 404, 409})
            victim.cancelled = victim.cancelled or answer.get("status") == "cancelled"
        elif chance.random() < 0.03:
            for job in mine:
                job.erased = job.erased or job.track_id == victim.track_id
            self._insist(http, "DELETE", f"/v1/tracks/{victim.track_id}", {204, 404})

    def _insist(
        self, http: httpx.Client, method: str, path: str, good: set[int], key: str | None = None, **request: Any
    ) -> dict[str, Any]:
        """The same call until it is answered; what is refused must be a problem that says it may be sent again."""
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < deadline:
            try:
                answer = http.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                self._note(type(error).__name__)
            else:
                if answer.status_code in good:
                    return dict(answer.json()) if answer.content else {}
                self._judge(answer, method, path)
            time.sleep(0.3)
        self.wrongs.append(f"{method} {path}: no answer within {_GIVE_UP_S:.0f} s")
        raise TimeoutError(path)

    def _judge(self, answer: httpx.Response, method: str, path: str) -> None:
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        problem = answer.json() if is_problem else {}
        self._note(f"{answer.status_code} {problem.get('code', '?')}")
        if not is_problem or not problem["retryable"] or (answer.status_code < 500 and answer.status_code != 409):
            self.wrongs.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")

    def _note(self, what: str) -> None:
        with self._lock:
            self.refusals[what] += 1
