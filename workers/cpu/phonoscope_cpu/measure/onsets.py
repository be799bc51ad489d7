"""Measures where sounds start: the onset envelopes of a recording, and how they repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from phonoscope.audio.framing import Framer, hann
from phonoscope.audio.samples import Samples

Values = NDArray[np.float32]
Scores = NDArray[np.float64]

_SIZE = 1_024
_HOP = 256
_BANDS = 30
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 10_000.0
_REGISTERS_HZ = (160.0, 800.0, 3_000.0)
"""The edges of the four registers: bass, and what lies above it."""

REGISTERS = len(_REGISTERS_HZ) + 1
KINDS = REGISTERS + 2
"""Autocorrelations of a window."""

_RISE_FRAMES = 2
_RANGE_DB, _RANGE_OF_ALL_DB, _QUIETEST_DB = 35.0, 65.0, -90.0
_FADING_DB_PER_S = 2.0
_SURROUNDINGS_S = 0.2

_SMOOTHING_FRAMES, _REACH = 2.0, 8
_EMPHASIS_S = 1.0
_WINDOW_S, _LONGEST_LAG_S = 11.9, 5.0
_LEAST_OVERLAP = 0.25


class Onsets:
    """Onset envelopes: how far the level of each of 30 bands rises within two frames (23 ms at 22.05 kHz), in dB.

    A band's level counts from 35 dB below its recent peak, so that a swell is no onset, however deep it fades, and
    quiet music has onsets too. It is compared with the two bands next to it, so that a siren or a vibrato is none
    either (Böck and Widmer, "Maximum filter vibrato suppression for onset detection", 2013). What rises slower than
    the 0.2 s around it is subtracted. The time before the recording is silence: a sound at its start is an onset.

    Kept are the means over registers, 86 frames a second, and the autocorrelations of windows of 12 s: 90 kB a minute.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.rate_hz = sample_rate_hz / _HOP
        hz = np.fft.rfftfreq(_SIZE, 1.0 / sample_rate_hz)
        highest_hz = min(_HIGHEST_HZ, 0.48 * sample_rate_hz)
        self._edges = np.unique(np.searchsorted(hz, np.geomspace(_LOWEST_HZ, highest_hz, _BANDS + 1)))
        bands = len(self._edges) - 1
        self._register = np.searchsorted(_REGISTERS_HZ, hz[self._edges[:-1]], side="right")
        self._framer = Framer(_SIZE, _HOP)
        self._window = hann(_SIZE) * np.float32(4.0 / _SIZE)
        self._before = np.full((_RISE_FRAMES, bands), -100.0, dtype=np.float32)
        self._peak = np.full((1, bands), -100.0, dtype=np.float32)
        self._around = Framer(int(_SURROUNDINGS_S * self.rate_hz) | 1, 1, channels=bands)
        self._registers: list[NDArray[np.float16]] = []
        self._repeats = _Repeats(self.rate_hz, self._register)

    @property
    def registers_db(self) -> Values:
        """The envelope of each register, from the bass up: the mean over its bands, at least 0.

        Shape:
            - output: ``(frames, 4)``, float32, dB
        """
        joined = np.concatenate([np.zeros((0, REGISTERS), dtype=np.float16), *self._registers])
        return joined.astype(np.float32)

    @property
    def envelope_db(self) -> Values:
        """The mean over all bands.

        Shape:
            - output: ``(frames,)``, float32, dB, at least 0
        """
        sizes = np.bincount(self._register, minlength=REGISTERS).astype(np.float32)
        found: Values = self.registers_db @ (sizes / sizes.sum())
        return found

    @property
    def repeats(self) -> Values:
        """How the envelopes of each window repeat: see ``_Repeats``.

        Shape:
            - output: ``(windows, 6, lags)``, float32
        """
        return self._repeats.windows

    @property
    def chance(self) -> Scores:
        """The standard deviation of two autocorrelations of each window, if its onsets came at random: of the sum over
        bands, and of the registers' mean.

        Shape:
            - output: ``(windows, 2)``
        """
        return np.array(self._repeats.chance).reshape(-1, 2)

    @property
    def window_starts(self) -> NDArray[np.int64]:
        """The first frame of each window, ``(windows,)``."""
        return np.array(self._repeats.starts, dtype=np.int64)

    @property
    def window_frames(self) -> int:
        return self._repeats.size

    def add(self, samples: Samples) -> None:
        """Measures mono samples, float32, shape ``(samples,)``."""
        frames = self._framer(samples)
        if len(frames):
            self._take(self._around(self._rises(self._levels_db(frames))))

    def finish(self) -> None:
        """Measures what is still buffered."""
        self._take(self._around.flush()[:, : self._around_left()])
        self._repeats.finish()

    def _around_left(self) -> int:
        return int(_SURROUNDINGS_S * self.rate_hz) // 2

    def _take(self, around: Values) -> None:
        middle = around[..., around.shape[-1] // 2]
        onsets = np.maximum(middle - around.mean(axis=-1), 0.0).T
        means = [_mean(onsets[:, self._register == register]) for register in range(REGISTERS)]
        self._registers.append(np.stack(means, axis=1).astype(np.float16))
        self._repeats.add(onsets)

    def _levels_db(self, frames: Samples) -> Values:
        spectra = rfft(frames * self._window)
        power = np.square(spectra.real) + np.square(spectra.imag)
        bands = np.add.reduceat(power, self._edges, axis=1)[:, :-1]
        found: Values = np.float32(10.0) * np.log10(np.maximum(bands, np.float32(1e-10)))
        return found

    def _rises(self, levels_db: Values) -> Values:
        """How far each level is above those of two frames before, in its band and next to it: ``(bands, frames)``."""
        fading = np.arange(1, len(levels_db) + 1, dtype=np.float32)[:, None] * np.float32(
            _FADING_DB_PER_S / self.rate_hz
        )
        peak = np.maximum(np.maximum.accumulate(levels_db + fading), self._peak) - fading
        self._peak = peak[-1:]
        floor = np.maximum(peak - _RANGE_DB, peak.max(axis=1, keepdims=True) - _RANGE_OF_ALL_DB)
        floor = np.maximum(floor, _QUIETEST_DB)
        joined = np.concatenate([self._before, levels_db])
        self._before = joined[-_RISE_FRAMES:]
        before = _highest_around(joined[:-_RISE_FRAMES])
        rises = np.maximum(levels_db, floor) - np.maximum(before, floor)
        found: Values = np.maximum(rises, 0.0).T
        return found


class _Repeats:
    """The autocorrelation of windows of 12 s, half overlapping, for lags up to 5 s, 1 at lag 0.

    Six each: of the mean of all bands, of that of each register, and the sum over bands, which is high only where the
    same bands repeat. Corrected for the smaller overlap at longer lags.
    """

    def __init__(self, rate_hz: float, register: NDArray[np.int64]) -> None:
        self._rate_hz = rate_hz
        self.size = int(_WINDOW_S * rate_hz)
        self.starts: list[int] = []
        self._lags = int(_LONGEST_LAG_S * rate_hz)
        self._register = register
        self._held: list[Scores] = []
        self._start = self._count = 0
        self._windows: list[NDArray[np.float16]] = []
        self.chance: list[tuple[float, float]] = []

    @property
    def windows(self) -> Values:
        joined = np.array(self._windows, dtype=np.float32)
        return joined.reshape(len(self._windows), KINDS, self._lags)

    def add(self, onsets: Scores) -> None:
        """Adds envelopes, shape ``(frames, bands)``."""
        self._held.append(onsets)
        self._count += len(onsets)
        while self._count >= self.size:
            held = np.concatenate(self._held)
            self._measure(held[: self.size])
            self._held = [held[self.size // 2 :]]
            self._count -= self.size // 2
            self._start += self.size // 2

    def finish(self) -> None:
        """Measures a recording shorter than a window."""
        if not self._windows and self._count:
            self._measure(np.concatenate(self._held))

    def _measure(self, onsets: Scores) -> None:
        means = [onsets, *(onsets[:, self._register == register] for register in range(REGISTERS))]
        columns = np.stack([_mean(bands) for bands in means], axis=1)
        peaks = emphasised(np.concatenate([columns, onsets], axis=1).T, self._rate_hz)
        peaks -= peaks.mean(axis=1, keepdims=True)
        bands, registers = peaks[KINDS - 1 :], peaks[1 : KINDS - 1]
        scaled = registers / (registers.std(axis=1, keepdims=True) + np.float32(1e-6))
        self.chance.append((_chance(bands), _chance(scaled)))
        self._windows.append(self._correlated(peaks))
        self.starts.append(self._start)

    def _correlated(self, peaks: Values) -> NDArray[np.float16]:
        size = peaks.shape[1]
        power = np.square(np.abs(rfft(peaks, next_fast_len(2 * size, real=True))))
        power = np.concatenate([power[: KINDS - 1], power[KINDS - 1 :].sum(axis=0, keepdims=True)])
        lags = min(size, self._lags)
        correlation = irfft(power)[:, :lags]
        overlap = np.maximum((size - np.arange(lags)) / size, _LEAST_OVERLAP)
        scaled = correlation / np.maximum(correlation[:, :1], 1e-12) / overlap
        return np.pad(scaled, ((0, 0), (0, self._lags - lags))).astype(np.float16)


def _chance(envelopes: Values) -> float:
    """The standard deviation of the summed autocorrelation of envelopes of mean 0 whose onsets come at random.

    By Bartlett's formula ("On the theoretical specification of sampling properties of autocorrelated time series",
    1946) for many series: few onsets, long ones, and those of all bands at once repeat more by chance.

    Shape:
        - envelopes: ``(envelopes, frames)``
    """
    size = envelopes.shape[1]
    together = [envelopes[:, lag:] @ envelopes[:, : size - lag].T / size for lag in range(min(_REACH + 1, size))]
    squares = [float(np.square(each).sum()) for each in together]
    return float(np.sqrt((2.0 * sum(squares) - squares[0]) / size) / max(float(np.trace(together[0])), 1e-12))


def _highest_around(levels_db: Values) -> Values:
    """The highest level of each band and its two neighbours."""
    highest = levels_db.copy()
    np.maximum(highest[:, 1:], levels_db[:, :-1], out=highest[:, 1:])
    np.maximum(highest[:, :-1], levels_db[:, 1:], out=highest[:, :-1])
    return highest


def emphasised(envelopes: Scores, rate_hz: float) -> Values:
    """The square root of how far envelopes, smoothed by a Gaussian of 23 ms, are above their mean over 1 s.

    Music that is dense has small rises everywhere, which would hide how its onsets repeat.

    Shape:
        - input, output: ``(envelopes, frames)``
    """
    smooth = gaussian_filter1d(envelopes, _SMOOTHING_FRAMES, radius=_REACH, mode="nearest", output=np.float32)
    around = uniform_filter1d(smooth, int(_EMPHASIS_S * rate_hz) | 1, mode="nearest")
    found: Values = np.sqrt(np.maximum(smooth - around, 0.0))
    return found


def _mean(bands: Scores) -> Scores:
    """The mean over bands, 0 where there are none."""
    return bands.mean(axis=1) if bands.shape[1] else np.zeros(len(bands))
