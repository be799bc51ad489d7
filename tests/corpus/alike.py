"""Silence, and copies of one recording: what has a direction, and what is the same sound in another file."""

from __future__ import annotations

import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.acoustic import AcousticFingerprinter
from phonoscope.audio.copies import Comparable, are_copies
from phonoscope.audio.decode import Recording
from phonoscope.work import AcousticFingerprint
from phonoscope_ml.audible import audible
from phonoscope_ml.windows import cut_windows
from tests.corpus.case import Case, ffmpeg

Sound: TypeAlias = NDArray[np.float64]

RATE_HZ = 22_050
HEARD_HZ = 32_000
"""The rate of the general body."""
SILENCE, COPIES = "Silence", "Copies"


def melody(seed: int, seconds: float = 4.0) -> Sound:
    """Notes of decaying partials over soft noise; another seed plays other notes."""
    random = np.random.default_rng(seed)
    samples = 0.003 * random.standard_normal(round(seconds * RATE_HZ))
    for start in np.arange(0.0, seconds - 0.1, 0.15):
        time_s = np.arange(min(len(samples) - round(start * RATE_HZ), RATE_HZ // 2)) / RATE_HZ
        hertz, decay = 110.0 * 2 ** (random.integers(0, 36) / 12), random.uniform(2.0, 12.0)
        partials = sum(np.sin(2 * np.pi * hertz * order * time_s) / order for order in range(1, 5))
        samples[round(start * RATE_HZ) :][: len(time_s)] += 0.1 * np.exp(-decay * time_s) * partials
    return samples


def write(path: Path, samples: Sound) -> Path:
    """A 16-bit mono WAV, without dither."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return path


def fingerprint(path: Path) -> AcousticFingerprint:
    """As ``embed`` takes it."""
    fingerprinter = AcousticFingerprinter(HEARD_HZ)
    with path.open("rb") as file, Recording(file) as recording:
        for block in recording.mono(HEARD_HZ):
            fingerprinter(block)
    return fingerprinter.end()


def _made(samples: Callable[[], Sound], folder: Path) -> Path:
    return write(folder / "made.wav", samples())


def _silent(path: Path) -> bool:
    with path.open("rb") as file, Recording(file) as recording:
        heard = audible(recording.mono(HEARD_HZ), HEARD_HZ)
        windows = cut_windows(heard, HEARD_HZ, 5 * HEARD_HZ, 5 * HEARD_HZ // 2)
        return all(window.silent for window in windows)


def _click() -> Sound:
    samples = np.zeros(2 * RATE_HZ)
    samples[RATE_HZ] = 1.0
    return samples


def _noise(level_db: float) -> Sound:
    level = 10.0 ** (level_db / 20.0)
    return np.random.default_rng(1).uniform(-level, level, 2 * RATE_HZ)


def _as_it_was_made(value: bool, _: Path) -> bool:
    return value


def _silence(name: str, samples: Callable[[], Sound], *, silent: bool) -> Case:
    made, reference = partial(_made, samples), partial(_as_it_was_made, silent)
    return Case(SILENCE, name, "silent", made, reference, _silent)


def _transformed(suffix: str, arguments: str, folder: Path) -> Path:
    source, copy = write(folder / "original.wav", melody(1)), folder / f"copy.{suffix}"
    ffmpeg("-i", source, *arguments.split(), copy)
    return copy


def _other(folder: Path) -> Path:
    write(folder / "original.wav", melody(1))
    return write(folder / "other.wav", melody(2))


def _over_another(folder: Path) -> Path:
    """The same notes under a second melody as loud."""
    write(folder / "original.wav", melody(1))
    return write(folder / "both.wav", 0.5 * (melody(1) + melody(2)))


def _is_copy(path: Path) -> bool:
    return are_copies(*(Comparable(fingerprint(each)) for each in (path.with_name("original.wav"), path)))


def _copy(name: str, suffix: str, arguments: str) -> Case:
    make, reference = partial(_transformed, suffix, arguments), partial(_as_it_was_made, True)
    return Case(COPIES, name, "a copy", make, reference, _is_copy, needs_ffmpeg=True)


def _no_copy(name: str, make: Callable[[Path], Path]) -> Case:
    return Case(COPIES, name, "a copy", make, partial(_as_it_was_made, False), _is_copy)


CASES: tuple[Case, ...] = (
    _silence("digital silence", partial(np.zeros, 2 * RATE_HZ), silent=True),
    _silence("dither of one step of 16 bits", partial(_noise, -90.3), silent=True),
    _silence("noise at -120 dB", partial(_noise, -120.0), silent=True),
    _silence("a steady offset of -6 dB", partial(np.full, 2 * RATE_HZ, 0.5), silent=True),
    _silence("noise at -70 dB", partial(_noise, -70.0), silent=False),
    _silence("silence but for one click", _click, silent=False),
    _copy("MP3, 22 kHz, 32 kbit/s", "mp3", "-ar 22050 -b:a 32k"),
    _copy("MP3, 128 kbit/s, 12 dB quieter", "mp3", "-af volume=-12dB -b:a 128k"),
    _copy("AAC, 24 kbit/s", "m4a", "-c:a aac -b:a 24k"),
    _copy("Opus, 16 kbit/s", "opus", "-c:a libopus -b:a 16k"),
    _copy("8 kHz", "wav", "-ar 8000"),
    _copy("stereo, 48 kHz, FLAC", "flac", "-ac 2 -ar 48000"),
    _copy("equalised by 8 dB", "wav", "-af bass=g=8,treble=g=-8"),
    _copy("without its first 0.9 s", "wav", "-ss 0.9"),
    _copy("after 1 s of silence", "wav", "-af adelay=1000"),
    _no_copy("other notes", _other),
    _no_copy("the same notes under others as loud", _over_another),
)
