"""Acoustic fingerprints, by which copies of one recording are recognised, whatever their format.

The scheme is that of Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): a bit says
whether the difference of level between two neighbouring bands grew or fell. Here levels are in decibels, so that
neither gain nor equalisation changes a bit, and words are 16 bits at 16 Hz, so that six hours have 0.7 MB.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.fft import rfft, rfftfreq
from numpy.typing import NDArray

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Resampler, Samples
from phonoscope.work import AcousticFingerprint

Words: TypeAlias = NDArray[np.uint16]
Levels: TypeAlias = NDArray[np.float32]

WORDS_A_SECOND = 16
_RATE_HZ = 8_000
_HOP = _RATE_HZ // WORDS_A_SECOND
_FRAME = 3_200
"""0.4 s."""
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 3_600.0
_BANDS = 17
_LAG = 4
"""Frames, a quarter of a second, over which a difference grows or falls."""
_FRAMES_AT_ONCE = 64
_FLOOR = 1e-3
"""Of a frame's mean power in a band: what codecs leave out below it makes no bit."""
_QUIET = 1e-4
"""A frame this far below the mean power of all, 40 dB, has no word of its own."""
_SILENT = 1e-5
_TINY = 1e-20


class AcousticFingerprinter:
    """Takes the fingerprint of a recording as its samples pass.

    Args:
        sample_rate_hz: of the samples.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._given_hz = sample_rate_hz
        self._given = 0
        self._resampled = Resampler(_RATE_HZ, "mono")
        self._buffer = StreamBuffer()
        self._levels: list[Levels] = []

    def __call__(self, samples: Samples) -> None:
        """Takes the next samples, of shape ``(samples,)``."""
        self._given += len(samples)
        for piece in self._resampled(samples[None], self._given_hz):
            self._take(piece)

    def end(self) -> AcousticFingerprint:
        """The fingerprint of all samples that were given."""
        for piece in self._resampled.flush():
            self._take(piece)
        if len(self._buffer) >= _FRAME:
            self._measure(self._buffer.samples)
        levels = np.concatenate([np.zeros((0, _BANDS), np.float32), *self._levels])
        words = _words(levels)
        content = words.astype("<u2").tobytes() if words.any() else b""
        return AcousticFingerprint(content, self._given / self._given_hz)

    def _take(self, piece: Samples) -> None:
        self._buffer.append(piece[0])
        needed = (_FRAMES_AT_ONCE - 1) * _HOP + _FRAME
        while len(self._buffer) >= needed:
            self._measure(self._buffer.samples[:needed])
            self._buffer.drop_before(self._buffer.start + _FRAMES_AT_ONCE * _HOP)

    def _measure(self, samples: Samples) -> None:
        frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
        if not samples.any():
            self._levels.append(np.zeros((len(frames), _BANDS), np.float32))
            return
        spectra = rfft(frames * _window(), axis=1)[:, : _edges()[-1]]
        power = spectra.real**2 + spectra.imag**2
        self._levels.append(np.add.reduceat(power, _edges()[:-1], axis=1))


def _words(levels: Levels) -> Words:
    """The words of frames.

    Shape:
        - input: ``(frames, 17)``, the power in each band
        - output: ``(frames - 4,)``, or none
    """
    if len(levels) <= _LAG:
        return np.zeros(0, np.uint16)
    power = levels.mean(axis=1, keepdims=True)
    decibels = np.log10(levels + (_FLOOR * power + _TINY))
    slopes = decibels[:, :-1] - decibels[:, 1:]
    grew = slopes[_LAG:] > slopes[:-_LAG]
    words = np.packbits(grew, axis=1, bitorder="little").view("<u2")[:, 0].astype(np.uint16)
    heard = power[_LAG:, 0] > max(_QUIET * float(power.mean()), _SILENT)
    return np.where(heard, words.clip(1), 0).astype(np.uint16)


@cache
def _window() -> Samples:
    return np.hanning(_FRAME).astype(np.float32)


@cache
def _edges() -> NDArray[np.int64]:
    """The first frequency of each band, and the one after the last; bands are of equal width in octaves.

    Shape:
        - output: ``(18,)``
    """
    hertz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1)
    return np.searchsorted(rfftfreq(_FRAME, 1 / _RATE_HZ), hertz)
