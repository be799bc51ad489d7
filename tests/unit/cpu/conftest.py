"""Recordings with known answers, made on the spot."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

import numpy as np
import pytest

from phonoscope_cpu.separators import Separators
from phonoscope_ml.separation.compiling import compile_cores
from tests.separators import network, write_separator
from tests.unit.cpu.signals import RATE_HZ, MakeChords, MakeClicks, MakeTone, MakeWav, Signal


@pytest.fixture
def wav() -> MakeWav:
    """A WAV file of ``(samples,)`` or ``(channels, samples)``: ``<f4`` and ``<f8`` floats, ``<i2`` and ``u1`` PCM."""

    def make(samples: Signal, rate_hz: int = RATE_HZ, kind: str = "<f4") -> BinaryIO:
        columns = np.atleast_2d(samples).T
        if kind == "<i2":
            columns = np.clip(np.rint(columns * 2**15), -(2**15), 2**15 - 1)
        elif kind == "u1":
            columns = np.clip(np.rint(columns * 2**7) + 2**7, 0, 2**8 - 1)
        data = columns.astype(kind).tobytes()
        width = np.dtype(kind).itemsize
        channels = columns.shape[1]
        step = width * channels
        head = struct.pack("<HHIIHH", 3 if "f" in kind else 1, channels, rate_hz, rate_hz * step, step, 8 * width)
        riff = struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", len(head)) + head
        return io.BytesIO(b"RIFF" + riff + b"data" + struct.pack("<I", len(data)) + data)

    return make


@pytest.fixture
def tone() -> MakeTone:
    """A sine of amplitude 1, shape ``(samples,)``."""

    def make(frequency_hz: float, seconds: float, rate_hz: int = RATE_HZ, phase: float = 0.0) -> Signal:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        signal: Signal = np.sin(2.0 * np.pi * frequency_hz * time_s + phase)
        return signal

    return make


@pytest.fixture
def clicks(tone: MakeTone) -> MakeClicks:
    """A click at every beat, the first at once."""

    def make(bpm: float, seconds: float) -> Signal:
        click = 0.8 * tone(1_000.0, 0.03) * np.exp(-np.arange(round(0.03 * RATE_HZ)) / (0.005 * RATE_HZ))
        signal = np.zeros(round(seconds * RATE_HZ))
        for start in np.arange(0.0, seconds - 0.03, 60.0 / bpm):
            at = round(start * RATE_HZ)
            signal[at : at + len(click)] += click[: len(signal) - at]
        return signal

    return make


@pytest.fixture
def chords(tone: MakeTone) -> MakeChords:
    """Notes of six harmonics that die away, as MIDI numbers; chords one after another."""

    def note(pitch: float, seconds: float) -> Signal:
        fundamental_hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
        time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        shape = np.minimum(1.0, time_s / 0.01) * np.exp(-1.5 * time_s) * np.minimum(1.0, (seconds - time_s) / 0.02)
        signal: Signal = 0.05 * shape * sum(0.7**h * tone((h + 1) * fundamental_hz, seconds) for h in range(6))
        return signal

    def make(chords: list[tuple[int, ...]], each_s: float = 0.5, tuning: float = 0.0) -> Signal:
        return np.concatenate([np.sum([note(pitch + tuning, each_s) for pitch in chord], axis=0) for chord in chords])

    return make


@pytest.fixture(scope="session")
def separators(tmp_path_factory: pytest.TempPathFactory) -> Separators:
    """One small model with random weights, its core compiled."""
    folder = tmp_path_factory.mktemp("models")
    write_separator(folder / "tiny", network())
    cache = tmp_path_factory.mktemp("cache")
    compile_cores(folder / "tiny", cache)
    return Separators((folder,), cache, "cpu")
