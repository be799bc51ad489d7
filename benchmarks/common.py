"""Helpers that the benchmarks share."""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import psutil
import torch

from phonoscope.audio.decode import Recording, Samples
from phonoscope.settings import Settings
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import stack_settings

CLIP_S = 5.0
RATE_HZ = 44_100
DATA = Path(os.environ.get("PHONOSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Recordings that are not part of the repository; the tests use the same ones."""
_EVERY_S = 0.2


def clip(source: str = "noise") -> bytes:
    """A 16-bit WAV of ``noise`` or of a ``song``, different in every run, so that no upload is a duplicate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        samples = _noise() if source == "noise" else _excerpt()
        target.writeframes((samples * 32_767).clip(-32_768, 32_767).astype("<i2").tobytes())
    return file.getvalue()


def _noise() -> Samples:
    return 0.1 * np.random.default_rng().standard_normal(round(CLIP_S * RATE_HZ), dtype=np.float32)


def _excerpt() -> Samples:
    samples = song()
    start = int(np.random.default_rng().integers(len(samples) - round(CLIP_S * RATE_HZ)))
    return samples[start : start + round(CLIP_S * RATE_HZ)]


@cache
def song() -> Samples:
    """A song, mono at ``RATE_HZ``. Raises ``SystemExit`` when there is none."""
    songs = sorted((DATA / "songs").glob("*.ogg"))
    if not songs:
        raise SystemExit(f"no songs in {DATA}; set PHONOSCOPE_DATA")
    with songs[-1].open("rb") as file, Recording(file) as recording:
        return np.concatenate(list(recording.mono(RATE_HZ)))


@contextmanager
def servers(folder: Path) -> Iterator[Settings]:
    """The settings of a local stack's servers, which have their data in this folder and run meanwhile."""
    try:
        start_detached(folder, servers_only=True)
        yield stack_settings(folder)
    finally:
        stop(folder, lambda _: None)


def machine() -> str:
    """A description of the machine and torch, for the line above a table."""
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return f"{platform.machine()}, {cores} cores, torch {torch.__version__} with {threads} threads"


def watched(command: Sequence[str]) -> tuple[int, float, str]:
    """Runs a Python program: the peak of its processes' memory together in bytes, the seconds and what it printed.

    Pages that processes share count once. Raises ``SystemExit`` when the program fails.
    """
    began, most = perf_counter(), 0
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            most = max(most, resident(process.pid))
            sleep(_EVERY_S)
        assert process.stdout is not None
        printed = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return most, perf_counter() - began, printed


def resident(pid: int) -> int:
    """The resident memory of a process and its children in bytes; pages that they share count once."""
    total = 0
    try:
        processes = [root := psutil.Process(pid), *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total
