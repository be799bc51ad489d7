"""Memory stays flat: a gigabyte through the gateway, half an hour through a worker."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from uuid import uuid4

import httpx
import numpy as np
import psutil
import pytest

from phonoscope.states import Status
from phonoscope.tasks import Classify, Explain
from phonoscope_local.state import Run
from tests.support import RunningStack

MEGABYTE = 1 << 20


def write_wav(path: Path, seconds: int, rate_hz: int, channels: int) -> None:
    """A 16-bit WAV of quiet noise that repeats, written second by second."""
    size = seconds * rate_hz * channels * 2
    second = (np.random.default_rng(0).standard_normal(rate_hz * channels) * 300).astype("<i2").tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, channels, rate_hz,
                         rate_hz * channels * 2, channels * 2, 16, b"data", size)  # fmt: skip
    with path.open("wb") as file:
        file.write(header)
        for _ in range(seconds):
            file.write(second)


@contextmanager
def peak_memory(part: str, stack: RunningStack) -> Iterator[list[int]]:
    """Watches a part's resident memory, all its processes together; the list holds the highest sum and the first.

    Pages that forked processes share count once, where the system can tell. It takes long to tell, and the processes
    wait meanwhile: it is asked each second, and whenever they hold more than ever, shared pages counted twice.
    """
    run = Run.read(stack.folder)
    assert run is not None
    process = psutil.Process(run.parts[part].pid)

    def tree() -> list[psutil.Process]:
        return [process, *process.children(recursive=True)]

    def measure() -> int:
        return sum(_resident(member) for member in tree())

    seen = [measure(), measure()]
    stopped = threading.Event()

    def watch() -> None:
        most, next_s = 0, 0.0
        while not stopped.wait(0.1):
            held = sum(_held(member) for member in tree())
            if held > most + MEGABYTE or monotonic() > next_s:
                most, next_s = max(most, held), monotonic() + 1.0
                seen[0] = max(seen[0], measure())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stopped.set()
        watcher.join()


def _held(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(found, "pss", found.rss))


def test_a_gigabyte_passes_through_a_small_gateway(stack: RunningStack, tmp_path: Path) -> None:
    """Under 200 MB of resident memory while 1 GB is uploaded and while it is downloaded."""
    path = tmp_path / "big.wav"
    write_wav(path, seconds=5600, rate_hz=48_000, channels=2)
    assert path.stat().st_size > 1 << 30
    headers = {"Authorization": f"Bearer {stack.new_key(f'owner-{uuid4()}')}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=300) as http:
        with peak_memory("gateway", stack) as peak, path.open("rb") as file:
            answer = http.post("/v1/tracks", files={"file": ("big.wav", file)})
            assert answer.status_code == 201, answer.text
            url = f"/v1/tracks/{answer.json()['id']}"
            with http.stream("GET", f"{url}/audio") as download:
                assert sum(len(chunk) for chunk in download.iter_bytes(MEGABYTE)) == path.stat().st_size
        assert http.delete(url).status_code == 204
    assert peak[0] < 200 * MEGABYTE


@pytest.mark.timeout(600)
def test_half_an_hour_needs_little_more_than_an_idle_worker(stack: RunningStack, tmp_path: Path) -> None:
    """At most 200 MB above the idle worker, process tree together, though its strongest window is explained too.

    Any recording needs 100 MB. So its memory grows by less than 56 kB a second, with which an hour needs less than the
    300 MB that are promised; the network's samples alone are 128 kB a second. Idle is the worker of the long lane once
    it has loaded its models, which it does for its first recording; the first is as short as that lane takes.
    """
    path, first = tmp_path / "half-hour.wav", tmp_path / "first.wav"
    write_wav(path, seconds=1800, rate_hz=8_000, channels=1)
    write_wav(first, seconds=970, rate_hz=8_000, channels=1)
    tasks = ["classify", "explain", "features"]
    with stack.client(f"owner-{uuid4()}") as client:
        assert client.wait(client.analyze(first, tasks)).status is Status.SUCCEEDED
        with peak_memory("gpu-long", stack) as peak:
            job = client.wait(client.analyze(path, tasks))
    assert job.status is Status.SUCCEEDED
    result = job.result(Classify)
    assert result.duration_s == pytest.approx(1800, abs=0.1)
    assert len(result.windows) == 719
    assert peak[0] - peak[1] < 200 * MEGABYTE
    explained = job.result(Explain)
    assert explained.end_s - explained.start_s == pytest.approx(5.0)
