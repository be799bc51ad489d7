"""Workers as processes whose children cannot be set up, for a while or for ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TypeAlias
from uuid import uuid4

import psutil
import pytest
from redis import Redis

from phonoscope.db.access.engine import Database
from phonoscope.states import Status, TaskName
from phonoscope.waker import Waker
from phonoscope_local.standard import plain_environment
from phonoscope_local.state import StackState, metrics_dir
from tests.integration.life import CPU, empty, new_job, new_track, read
from tests.support import RunningStack

ROOT = Path(__file__).parents[2]
LIMIT_S = 90.0
Start: TypeAlias = "Callable[[str], AbstractContextManager[Worker]]"


@pytest.fixture
def broker(stack: RunningStack) -> str:
    """A corner of the broker where no other worker listens."""
    url = stack.settings.broker_url.get_secret_value().rpartition("/")[0] + "/11"
    Redis.from_url(url).flushdb()
    return url


@pytest.fixture
def start(stack: RunningStack, database_url: str, broker: str, tmp_path: Path) -> Start:
    """Starts a worker on the tests' own database, whose set-up goes as the words say."""
    state = StackState.read(stack.folder)
    assert state is not None
    facts = state.connections() | {"database_url": database_url, "broker_url": broker}
    facts["metrics_dir"] = metrics_dir(stack.folder)
    settings = {f"PHONOSCOPE_{name.upper()}": value for name, value in facts.items()}

    @contextmanager
    def begin(words: str) -> Iterator[Worker]:
        worker = Worker(tmp_path / f"{uuid4().hex}.log", tmp_path / f"{uuid4().hex}.attempts")
        environment = plain_environment() | settings | {"SET_UP": words, "ATTEMPTS": str(worker.attempts_file)}
        command = [sys.executable, "-m", "tests.integration.worker_process"]
        with worker.log.open("wb") as log:
            worker.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield worker
        finally:
            worker.end()

    return begin


class Worker:
    """A worker's process, its log and the attempts that its children made."""

    process: subprocess.Popen[bytes]

    def __init__(self, log: Path, attempts_file: Path) -> None:
        self.log = log
        self.attempts_file = attempts_file

    @property
    def attempts(self) -> int:
        return len(self.attempts_file.read_text().splitlines()) if self.attempts_file.exists() else 0

    def end(self) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait(10)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = monotonic() + LIMIT_S
        while not true():
            assert monotonic() < deadline, self.log.read_text()
            sleep(0.1)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["raises", "dies"])
def test_a_worker_that_can_never_be_set_up_ends(start: Start, fault: str) -> None:
    """After its attempts, with a status that is not 0 and a sentence; each attempt's reason is in its log."""
    started = monotonic()
    with start(fault) as worker:
        assert worker.process.wait(LIMIT_S) == 1, worker.log.read_text()
    log = worker.log.read_text()
    assert worker.attempts == 3
    assert monotonic() - started > 1.0 + 1.5, "it paused between its attempts"
    assert "The cpu worker ends: its set-up failed 3 times in a row; its log says why." in log
    if fault == "raises":
        assert log.count("RuntimeError: the weights are not those of the manifest") == 3
        assert log.count("worker.not_set_up") == 3


@pytest.mark.long
@pytest.mark.parametrize("words", ["raises raises works", "dies works", "hangs works"])
def test_a_worker_is_set_up_at_last(start: Start, database: Database, broker: str, words: str) -> None:
    """A child in place of the failed one; what was sent meanwhile is run, and a later death counts from the start."""
    empty(database)
    job = new_job(database, new_track(database), [TaskName.DESCRIBE])
    Waker(broker).wake([CPU])
    with start(words) as worker:
        worker.until(lambda: read(database, job).status is Status.SUCCEEDED)
        assert worker.attempts == len(words.split())
        assert worker.process.poll() is None
        (child,) = psutil.Process(worker.process.pid).children()
        child.kill()
        worker.until(lambda: worker.attempts == len(words.split()) + 1)
        again = new_job(database, new_track(database), [TaskName.DESCRIBE])
        Waker(broker).wake([CPU])
        worker.until(lambda: read(database, again).status is Status.SUCCEEDED)
        worker.process.terminate()
        assert worker.process.wait(LIMIT_S) == 0, worker.log.read_text()
