"""Asks for ``/health/live`` again and again, in a process of its own: the attack's threads would delay it here.

``python -m tests.attack.watch PORT PID`` looks until its standard input ends, then prints what it saw as JSON.
"""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY_S = 0.05
_ANSWERS_WITHIN_S = 90.0
_ADDRESS = "127.0.9.9"
"""Where it asks from, which no attacker shares."""


@dataclass
class Seen:
    """What was seen of a gateway.

    Attributes:
        looks: when each question was asked, on the clock of ``time.monotonic``, and the seconds to its answer.
        missed: when a question had no right answer; it was asked again.
        peak_bytes: the gateway's largest resident memory, without its children.
    """

    looks: list[tuple[float, float]] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    peak_bytes: int = 0


@contextmanager
def watched(port: int, process: psutil.Process, seen: Seen) -> Iterator[None]:
    """Watches a gateway meanwhile; ``seen`` is filled at the end."""
    command = [sys.executable, "-m", "tests.attack.watch", str(port), str(process.pid)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as watcher:
        try:
            yield
        finally:
            told, _ = watcher.communicate()
    found = json.loads(told)
    seen.looks = [(began, took) for began, took in found["looks"]]
    seen.missed, seen.peak_bytes = found["missed"], found["peak_bytes"]


def _watch(port: int, process: psutil.Process) -> Seen:
    seen = Seen()
    while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
        began = time.monotonic()
        while not _lives(port):
            seen.missed.append(began)
            time.sleep(_EVERY_S)
            if not process.is_running():
                return seen
        seen.looks.append((began, time.monotonic() - began))
        seen.peak_bytes = max(seen.peak_bytes, process.memory_info().rss)
    return seen


def _lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, _ANSWERS_WITHIN_S, source_address=(_ADDRESS, 0))
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    json.dump(vars(_watch(int(sys.argv[1]), psutil.Process(int(sys.argv[2])))), sys.stdout)
