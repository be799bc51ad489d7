"""Taking apart and mixing where room runs out or the task is called off: typed errors, and nothing left behind."""

from __future__ import annotations

import io
import os
import resource
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import numpy as np
import psutil
import pytest

from phonoscope.audio.confined import warm_up
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.contract import JobOptions
from phonoscope.errors import DiskFull, OutOfMemory
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack, Outcome
from phonoscope_cpu.mixing import mixdown_task
from phonoscope_cpu.separating import separate_task
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Work, outcome_of, typed_resource_errors

RATE_HZ = 44_100


class TaskInterrupted(BaseException):
    """As a worker's heartbeat raises it."""


def recording(seconds: float, name: str = "wav") -> bytes:
    noise = 0.1 * np.random.default_rng(5).standard_normal((2, round(seconds * RATE_HZ))).astype(np.float32)
    file = io.BytesIO()
    with Encoder(file, RATE_HZ, 2, FORMATS[name]) as encoder:
        encoder.write(noise)
    return file.getvalue()


def target(link: Path) -> str:
    """What a descriptor stands for; the one by which they were listed is gone."""
    with suppress(FileNotFoundError):
        return str(link.readlink())
    return ""


def load(separators: Separators) -> None:
    """Beforehand, so that what stays with the model is not taken for left behind."""
    for artifact in separate_task(work_on(recording(0.6)), separators).artifacts:
        artifact.open().close()


def work_on(content: bytes, report: Callable[[float, str], None] = lambda *_: None) -> Work:
    claim = Claim("lse_1", "job_1", ClaimedTrack("trk_1", "own_1", "k", 1.0), {TaskName.SEPARATE: "tsk_1"}, {}, 1)
    options = JobOptions.model_validate({"separate": {"format": "wav32f"}, "mixdown": {"format": "wav32f"}})
    return Work(claim, options, io.BytesIO(content), report)


@contextmanager
def small_disk(most_bytes: int) -> Iterator[None]:
    """No file may grow beyond that, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """No file that is open, no process but the decoder's, no thread, no name in the temporary folder."""

    def now() -> tuple[list[str], set[int], list[Path], list[str]]:
        me = psutil.Process()
        mine = sorted(name for name in map(target, Path("/proc/self/fd").iterdir()) if name.startswith(str(folder)))
        children = {child.pid for child in me.children()}
        return mine, children, list(folder.iterdir()), sorted(thread.name for thread in threading.enumerate())

    warm_up()
    for thread in threading.enumerate():
        if thread.name == "compiler":
            thread.join()
    before = now()
    yield
    assert now() == before


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.long
def test_a_full_disk_is_a_typed_error(separators: Separators, temporary: Path) -> None:
    """It comes while stems are written, and is not a crash; what was written is gone."""
    load(separators)
    work = work_on(recording(27.0))
    with nothing_left(temporary), small_disk(9 << 20), pytest.raises(DiskFull, match="no room") as at:
        separate_task(work, separators)
    assert at.value.retryable


def test_a_mix_that_does_not_fit_is_a_typed_error(temporary: Path) -> None:
    """In the same way."""
    stems: dict[str, BinaryIO] = {name: io.BytesIO(recording(27.0)) for name in ("drums", "bass")}
    with nothing_left(temporary), small_disk(9 << 20), pytest.raises(DiskFull):
        mixdown_task(replace(work_on(b""), stems=lambda: stems))


def test_other_errors_keep_their_names() -> None:
    """A missing file is no full disk."""
    with pytest.raises(FileNotFoundError), typed_resource_errors():
        Path("/nowhere").read_bytes()
    with pytest.raises(OutOfMemory), typed_resource_errors():
        bytearray(2**60)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_whoever_is_told_can_end_it(separators: Separators, temporary: Path, share: float) -> None:
    """What ``report`` raises ends the task at once, and everything is closed."""
    load(separators)
    told: list[float] = []

    def stop(done: float, _: str) -> None:
        told.append(done)
        if done >= share:
            raise TaskInterrupted

    with nothing_left(temporary), pytest.raises(TaskInterrupted):
        separate_task(work_on(recording(30.0), stop), separators)
    assert told[-1] == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("after_s", [0.05, 0.4, 0.9])
def test_a_signal_ends_it_within_a_window(separators: Separators, temporary: Path, after_s: float) -> None:
    """Raised in the middle of whatever the main thread does, it comes out within a moment; nothing is left open."""
    load(separators)
    content, raised = recording(240.0), list[float]()

    def call_off(*_: object) -> None:
        raised.append(monotonic())
        raise TaskInterrupted

    before = signal.signal(signal.SIGUSR2, call_off)
    try:
        timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGUSR2))
        with nothing_left(temporary):
            with pytest.raises(TaskInterrupted):  # noqa: PT012 - a slow start is interrupted too
                timer.start()
                separate_task(work_on(content), separators)
            ended = monotonic()
            timer.join()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert ended - raised[0] < 10.0


def test_it_can_be_done_again_afterwards(separators: Separators) -> None:
    """What was called off leaves the model whole: the next recording has its stems."""

    def stop(done: float, stage: str) -> None:
        if stage == "separating" and done > 0.3:
            raise TaskInterrupted

    first = separate_task(work_on(recording(3.0)), separators)
    with pytest.raises(TaskInterrupted):
        separate_task(work_on(recording(3.0), stop), separators)
    again = separate_task(work_on(recording(3.0)), separators)
    for one, other in zip(first.artifacts, again.artifacts, strict=True):
        with one.open() as before, other.open() as after:
            before.seek(0)
            after.seek(0)
            assert before.read() == after.read()


def test_a_task_that_runs_out_of_memory_fails_alone() -> None:
    """Of several in one pass the others keep their results."""

    def greedy() -> Outcome:
        raise MemoryError

    assert (outcome_of(greedy).problem or {})["code"] == "out_of_memory"
    assert outcome_of(lambda: Outcome({"a": 1})).body == {"a": 1}
