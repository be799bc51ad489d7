"""What an attack met, and its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from tests.attack.watch import Seen


@dataclass
class Report:
    """What an attack met.

    Attributes:
        faults: what must never be: a status of 500 and more, a reset of a right request, an address let in.
        waits: what others than the attacker waited for, with the seconds it took.
        phases: each kind of attack, with the moments between which it took place.
    """

    sent: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    jobs: set[tuple[str, str]] = field(default_factory=set)
    lost_jobs: list[str] = field(default_factory=list)
    waits: dict[str, float] = field(default_factory=dict)
    phases: dict[str, tuple[float, float]] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    _lock: Lock = field(default_factory=Lock)

    def count(self, kind: str, status: int | None = None) -> None:
        """Counts one of a kind as sent, or the status of its answer; from any thread."""
        with self._lock:
            if status is None:
                self.sent[kind] += 1
            else:
                self.statuses[status] += 1

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = monotonic()
        try:
            yield
        finally:
            self.phases[name] = (began, monotonic())

    def waited(self, for_what: str, seconds: float) -> None:
        """Keeps the longest."""
        self.waits[for_what] = max(seconds, self.waits.get(for_what, 0.0))

    @property
    def worst_stall_s(self) -> float:
        """The longest time that ``/health/live`` took to answer."""
        return max((took for _, took in self.seen.looks), default=0.0)

    @property
    def stalled_during(self) -> str:
        began = max(self.seen.looks, key=lambda look: look[1], default=(0.0, 0.0))[0]
        return next((name for name, (since, until) in self.phases.items() if since <= began <= until), "nothing")

    def close(self) -> None:
        """Counts the questions for health that had no answer as faults."""
        if self.seen.missed:
            self.faults.append(f"/health/live: {len(self.seen.missed)} without a right answer")

    def __str__(self) -> str:
        """Two tables, and a line for each fault."""
        return "\n".join([*self._counts(), "", *self._stalls(), *(f"- {fault}" for fault in self.faults[:50])])

    def _counts(self) -> Iterator[str]:
        rows: dict[str, object] = {
            **{f"{kind} sent": f"{count:,}" for kind, count in self.sent.items()},
            **{f"answers {status}": f"{count:,}" for status, count in sorted(self.statuses.items())},
            "jobs accepted": len(self.jobs),
            "jobs lost": len(self.lost_jobs),
            "faults": len(self.faults),
            **{name: f"{seconds:.2f} s" for name, seconds in self.waits.items()},
            "peak memory of the gateway": f"{self.seen.peak_bytes / 1e6:.0f} MB",
            "time": f"{sum(until - since for since, until in self.phases.values()):.0f} s",
        }
        yield from ("| attack | found |", "| --- | ---: |")
        yield from (f"| {name} | {value} |" for name, value in rows.items())

    def _stalls(self) -> Iterator[str]:
        yield from ("| `/health/live` during | median | p99 | worst |", "| --- | ---: | ---: | ---: |")
        everything = (0.0, float("inf"))
        for name, (since, until) in (self.phases | {"all of it": everything}).items():
            looks = sorted(took for began, took in self.seen.looks if since <= began <= until)
            if looks:
                shown = (looks[len(looks) // 2], looks[len(looks) * 99 // 100], looks[-1])
                yield f"| {name} | " + " | ".join(f"{took * 1000:.0f} ms" for took in shown) + " |"
