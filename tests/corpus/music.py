"""Tempo, metre, key and tuning of sounds whose beats and notes are known."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phonoscope_cpu.describe import describe
from tests.corpus.case import Case, Value

Signal = NDArray[np.float64]

SECTION = "Music"
RATE_HZ = 22_050
A4_HZ = 440.0

_MINOR_LOOP = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
_MAJOR_LOOP = ((48, 52, 55), (57, 60, 64), (53, 57, 60), (55, 59, 62))


def _case(name: str, value: str, field: str, signal: Callable[[], Signal], wanted: Value, within: float = 0.0) -> Case:
    def make(folder: Path) -> Path:
        return _written(folder / "music.wav", signal())

    return Case(SECTION, name, value, make, lambda _: wanted, lambda path: _described(path, field), within)


def _described(path: Path, field: str) -> Value:
    with path.open("rb") as file:
        value: Value = describe(file)[field]
    return value


def _written(path: Path, signal: Signal) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(signal, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes())
    return path


def _times(duration_s: float) -> Signal:
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def _tones(duration_s: float, *hertz: float) -> Signal:
    t = _times(duration_s)
    found: Signal = 0.2 * np.sum([np.sin(2.0 * np.pi * hz * t) / (1 + index) for index, hz in enumerate(hertz)], axis=0)
    return found


def _noise(duration_s: float) -> Signal:
    return 0.1 * np.random.default_rng(1).standard_normal(round(duration_s * RATE_HZ))


def _bursts(duration_s: float) -> Signal:
    """Noise of uneven length at uneven times, as syllables are."""
    rng = np.random.default_rng(2)
    starts = np.cumsum(rng.exponential(0.25, round(3 * duration_s)) + 0.05)
    return _placed(duration_s, [(at, 0.3 * _burst(rng, rng.uniform(0.05, 0.3))) for at in starts])


def _burst(rng: np.random.Generator, length_s: float) -> Signal:
    samples = round(length_s * RATE_HZ)
    return rng.standard_normal(samples) * np.hanning(samples)


def _swells(duration_s: float, each_s: float) -> Signal:
    return _tones(duration_s, 220.0, 277.2, 329.6) * np.square(np.sin(np.pi * _times(duration_s) / each_s))


def _siren(duration_s: float) -> Signal:
    hz = 800.0 + 400.0 * np.sin(np.pi * _times(duration_s))
    return 0.3 * np.sin(2.0 * np.pi * np.cumsum(hz) / RATE_HZ)


def _clicks(bpm: float, duration_s: float) -> Signal:
    click = _tones(0.03, 1_000.0) * np.exp(-_times(0.03) / 0.005)
    return _placed(duration_s, [(at, click) for at in np.arange(0.0, duration_s, 60.0 / bpm)])


def _drums(bpm: float, beats: int, divisions: int, kicks: tuple[int, ...], snares: tuple[int, ...]) -> Signal:
    """Eight bars or more; a hat on each division, quieter off the beat."""
    rng = np.random.default_rng(3)
    t = _times(0.2)
    kick = np.sin(2.0 * np.pi * np.cumsum(50.0 + 90.0 * np.exp(-t / 0.03)) / RATE_HZ) * np.exp(-t / 0.08)
    snare = 0.5 * rng.standard_normal(len(t)) * np.exp(-t / 0.05)
    hat = 0.1 * np.diff(rng.standard_normal(1_501)) * np.exp(-np.arange(1_500) / 300.0)
    step_s, ticks = 60.0 / bpm / divisions, beats * divisions
    parts: list[tuple[float, Signal]] = []
    for tick in range(12 * ticks):
        place = tick % ticks
        parts.append((tick * step_s, hat if place % divisions == 0 else 0.6 * hat))
        parts += [(tick * step_s, sound) for sound, at in ((kick, kicks), (snare, snares)) if place in at]
    return 0.5 * _placed(min(12.0, 12 * ticks * step_s), parts)


def _chords(chords: Iterable[tuple[int, ...]], each_s: float, cents: float = 0.0, melody: int | None = None) -> Signal:
    """Chords with their lowest note an octave below as the bass, and a melody that repeats one note."""
    bars = []
    for chord in chords:
        notes = [chord[0] - 12, *(note + 12 for note in chord), *([] if melody is None else [melody])]
        bars.append(np.sum([_note(note + cents / 100.0, each_s) for note in notes], axis=0))
    return np.concatenate(bars)


def _note(pitch: float, length_s: float) -> Signal:
    t = _times(length_s)
    hertz = A4_HZ * 2.0 ** ((pitch - 69.0) / 12.0)
    ends = np.minimum(1.0, t / 0.01) * np.minimum(1.0, (length_s - t) / 0.02)
    found: Signal = (
        0.05
        * ends
        * np.exp(-t)
        * np.sum([0.6**h * np.sin(2.0 * np.pi * (h + 1) * hertz * t) for h in range(6)], axis=0)
    )
    return found


def _placed(duration_s: float, parts: Iterable[tuple[float, Signal]]) -> Signal:
    out = np.zeros(round(duration_s * RATE_HZ))
    for at_s, sound in parts:
        start = round(at_s * RATE_HZ)
        end = min(len(out), start + len(sound))
        if start < end:
            out[start:end] += sound[: end - start]
    return out


_BEATLESS: tuple[tuple[str, Callable[[], Signal]], ...] = (
    ("mains hum, 50, 100 and 150 Hz", lambda: _tones(8.0, 50.0, 100.0, 150.0)),
    ("a held chord", lambda: _tones(8.0, 220.0, 277.2, 329.6)),
    ("a chord that swells every 2 s", lambda: _swells(8.0, 2.0)),
    ("a chord that swells every 4 s", lambda: _swells(12.0, 4.0)),
    ("white noise", lambda: _noise(8.0)),
    ("bursts of noise at random", lambda: _bursts(10.0)),
    ("a siren", lambda: _siren(8.0)),
    ("one click", lambda: _placed(6.0, [(2.0, _clicks(60.0, 0.5))])),
    ("silence", lambda: np.zeros(4 * RATE_HZ)),
)

CASES: tuple[Case, ...] = (
    *(_case(name, "tempo, BPM", "tempo_bpm", signal, None) for name, signal in _BEATLESS),
    _case("clicks at 120 BPM", "tempo, BPM", "tempo_bpm", lambda: _clicks(120.0, 8.0), 120.0, 1.0),
    *(
        _case(
            f"6/8, dotted quarter at {bpm}",
            "tempo, BPM",
            "tempo_bpm",
            partial(_drums, bpm, 2, 3, (0,), (3,)),
            float(bpm),
            1.0,
        )
        for bpm in (56, 60, 66, 72, 80)
    ),
    *(
        _case(
            f"a waltz at {bpm}",
            "tempo, BPM",
            "tempo_bpm",
            partial(_drums, bpm, 3, 1, (0,), (1, 2)),
            float(bpm),
            2.0,
        )
        for bpm in (172, 190, 210)
    ),
    _case("a waltz at 190", "metre", "metre", lambda: _drums(190.0, 3, 1, (0,), (1, 2)), "3/4"),
    _case("6/8, dotted quarter at 60", "metre", "metre", lambda: _drums(60.0, 2, 3, (0,), (3,)), "6/8"),
    _case("rock at 96 BPM", "metre", "metre", lambda: _drums(96.0, 4, 2, (0, 4, 5), (2, 6)), "4/4"),
    _case("Am, F, C, G, the melody on A", "key", "key", lambda: _chords(_MINOR_LOOP * 2, 1.0, melody=81), "A minor"),
    _case("C, Am, F, G", "key", "key", lambda: _chords(_MAJOR_LOOP * 2, 1.0), "C major"),
    _case("C, Am, F, G, 40 cents low", "key", "key", lambda: _chords(_MAJOR_LOOP * 2, 1.0, cents=-40.0), "C major"),
    _case(
        "C, Am, F, G, 40 cents low",
        "tuning, cents",
        "tuning_cents",
        lambda: _chords(_MAJOR_LOOP, 1.0, cents=-40.0),
        -40.0,
        2.0,
    ),
    _case("A4 at 432 Hz", "tuning, cents", "tuning_cents", lambda: _chords(_MAJOR_LOOP, 1.0, cents=-31.77), -31.8, 2.0),
    _case(
        "2.5 s of music, then silence",
        "key",
        "key",
        lambda: np.append(_chords(_MAJOR_LOOP, 0.625), np.zeros(4 * RATE_HZ)),
        None,
    ),
    _case("white noise", "key", "key", lambda: _noise(8.0), None),
)
