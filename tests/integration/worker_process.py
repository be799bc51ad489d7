"""A worker of the CPU pool in a process of its own, whose set-up fails as the environment says.

``SET_UP`` holds a word for each attempt: ``raises``, ``dies``, ``hangs`` or ``works``; the last one holds for all that
follow.
``ATTEMPTS`` names a file to which each attempt adds a line. Its handler gives each task an empty result.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from time import sleep

from phonoscope.retry import Backoff
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool
from phonoscope.work import Outcome
from phonoscope_worker import Handler, run_worker


def prepare(_: Settings, _lanes: Sequence[Lane]) -> tuple[str, Handler]:
    made, words = Path(os.environ["ATTEMPTS"]), os.environ["SET_UP"].split()
    attempt = len(made.read_text().splitlines()) if made.exists() else 0
    with made.open("a") as file:
        file.write(f"{os.getpid()}\n")
    match words[min(attempt, len(words) - 1)]:
        case "raises":
            raise RuntimeError("the weights are not those of the manifest")
        case "hangs":
            # As after a fork in which another thread held a lock.
            threading.Event().wait()
        case "dies":
            # Memory runs out some time into the loading; Celery ends a worker whose child ends before its loop runs.
            sleep(1.0)
            os.kill(os.getpid(), signal.SIGKILL)
    return "cpu", lambda work: {name: Outcome({}) for name in work.claim.tasks}


if __name__ == "__main__":
    run_worker(Pool.CPU, prepare, Backoff(first_s=1.0, factor=1.5, attempts=3))
