"""Measures onsets and tempo, from the spectrum's rise from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.framing import Framer, hann

_SIZE = 2_048
_HOP = 512
_BANDS = 40
_LOWEST_HZ = 40.0
_HIGHEST_SHARE = 0.48
_RANGE_DB = 80.0
_FLOOR_DB = -90.0

_ONSET_REACH = 2
_ONSET_SURROUNDINGS = 4
_ONSET_RISE_DB = 1.2
_ONSET_SHARE = 0.07

_WINDOW_FRAMES = 384
_SHORTEST_S = 2.0
_SLOWEST_BPM, _FASTEST_BPM = 40.0, 240.0
_USUAL_BPM = 120.0
_SPREAD_OCTAVES = 0.7
_STEADY = 0.2
_USABLE = 0.8
"""Correlations at lags above this share of the window have too few frames."""


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute (``None`` without a beat), and how steady the beat is, in [0, 1]."""

    bpm: float | None
    confidence: float


class Rhythm:
    """The onset envelope: the mean rise in dB over bands a fifth of an octave wide (a transform's bin where narrower).

    It has a frame every 512 samples (43 a second at 22.05 kHz) and is small enough to keep for hours. The time before
    the recording counts as silence, so that a sound at its start is an onset.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        frequencies_hz = np.fft.rfftfreq(_SIZE, 1.0 / sample_rate_hz)
        edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_SHARE * sample_rate_hz, _BANDS + 1)
        self._edges = np.unique(np.searchsorted(frequencies_hz, edges_hz))
        self._rate_hz = sample_rate_hz / _HOP
        self._framer = Framer(_SIZE, _HOP)
        self._window = hann(_SIZE) * np.float32(4.0 / _SIZE)
        self._last_db: NDArray[np.float64] | None = None
        self._loudest_db = _FLOOR_DB
        self._envelope: list[NDArray[np.float32]] = []

    @property
    def envelope_db(self) -> NDArray[np.float32]:
        """The onset envelope in dB, each value at least 0. Shape: ``(frames,)``, float32."""
        return np.concatenate([np.zeros(0, dtype=np.float32), *self._envelope])

    @property
    def onsets(self) -> int:
        """The number of onsets: frames above all their neighbours, and 1.2 dB or more above the mean around them."""
        envelope = self.envelope_db
        if not len(envelope):
            return 0
        highest = _around(envelope, _ONSET_REACH).max(axis=-1)
        mean = _around(envelope, _ONSET_SURROUNDINGS).mean(axis=-1)
        rise = max(_ONSET_RISE_DB, _ONSET_SHARE * float(envelope[1:].max(initial=0.0)))
        return int(np.count_nonzero((envelope == highest) & (envelope > mean + rise)))

    @property
    def tempo(self) -> Tempo:
        """The tempo: the lag at which the envelope repeats best, weighted towards 120 BPM.

        The confidence is the mean of the envelope's autocorrelation at one and two beats. Below 0.2, as in noise, or in
        less than 2 s, there is no beat. The estimate may be half or twice the tempo that a person would tap.
        """
        envelope = self.envelope_db
        if len(envelope) < _SHORTEST_S * self._rate_hz:
            return Tempo(None, 0.0)
        correlation = _autocorrelation(envelope)
        lag = self._beat_lag(correlation)
        if lag is None:
            return Tempo(None, 0.0)
        confidence = float(np.clip(_repeats(correlation, lag), 0.0, 1.0))
        bpm = 60.0 * self._rate_hz / _refined(correlation, lag)
        return Tempo(bpm if confidence >= _STEADY else None, confidence)

    def add(self, samples: Samples) -> None:
        """Measures mono samples, float32, shape ``(samples,)``."""
        frames = self._framer(samples)
        if len(frames):
            self._envelope.append(self._rises(self._bands_db(frames)))

    def _bands_db(self, frames: Samples) -> NDArray[np.float64]:
        power = np.square(np.abs(np.fft.rfft(frames * self._window)))
        bands = np.add.reduceat(power, self._edges, axis=1)[:, :-1]
        return 10.0 * np.log10(np.maximum(bands, 1e-12, dtype=np.float64))

    def _rises(self, bands_db: NDArray[np.float64]) -> NDArray[np.float32]:
        self._loudest_db = max(self._loudest_db, float(bands_db.max()))
        floor_db = max(_FLOOR_DB, self._loudest_db - _RANGE_DB)
        bands_db = np.maximum(bands_db, floor_db)
        before = np.full_like(bands_db[:1], floor_db) if self._last_db is None else self._last_db
        self._last_db = bands_db[-1:]
        rises = np.diff(bands_db, axis=0, prepend=np.maximum(before, floor_db))
        mean: NDArray[np.float32] = np.maximum(rises, 0.0).mean(axis=1).astype(np.float32)
        return mean

    def _beat_lag(self, correlation: NDArray[np.float64]) -> float | None:
        lags = np.flatnonzero((correlation[1:-1] >= correlation[:-2]) & (correlation[1:-1] > correlation[2:])) + 1
        bpm = 60.0 * self._rate_hz / lags
        lags, bpm = lags[within := (bpm >= _SLOWEST_BPM) & (bpm <= _FASTEST_BPM)], bpm[within]
        if not len(lags):
            return None
        usual = np.exp(-0.5 * np.square(np.log2(bpm / _USUAL_BPM) / _SPREAD_OCTAVES))
        scores = usual * [_repeats(correlation, _summit(correlation, lag)) for lag in lags.tolist()]
        return _summit(correlation, int(lags[scores.argmax()]))


def _around(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    return sliding_window_view(np.pad(values, reach), 2 * reach + 1)


def _autocorrelation(envelope: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean autocorrelation over windows of 9 s, 1 at lag 0, corrected for the smaller overlap at longer lags."""
    size = min(_WINDOW_FRAMES, len(envelope))
    steady = np.concatenate([envelope[1:2], envelope[1:]])
    total = np.zeros(size)
    for window in sliding_window_view(steady, size)[:: max(1, size // 2)]:
        power = np.square(np.abs(np.fft.rfft(window - window.mean(), 2 * size)))
        total += np.fft.irfft(power)[:size]
    return total / max(float(total[0]), 1e-12) * size / (size - np.arange(size))


def _repeats(correlation: NDArray[np.float64], lag: float) -> float:
    lags = np.arange(len(correlation))
    beats = [lag, 2.0 * lag] if 2.0 * lag < _USABLE * len(correlation) else [lag]
    return float(np.interp(beats, lags, correlation).mean())


def _refined(correlation: NDArray[np.float64], lag: float) -> float:
    """The lag measured over two, four, … beats, for a precision finer than a frame."""
    beats = 2
    while (near := round(beats * lag)) + 1 < _USABLE * len(correlation) - 1:
        highest = near - 1 + int(correlation[near - 1 : near + 2].argmax())
        if correlation[highest] < _STEADY:
            break
        lag, beats = _summit(correlation, highest) / beats, 2 * beats
    return lag


def _summit(values: NDArray[np.float64], index: int) -> float:
    """The position of the maximum of the parabola through a value and its neighbours, in steps of the index."""
    before, here, after = values[index - 1 : index + 2].tolist()
    bend = before - 2.0 * here + after
    return index + (0.5 * (before - after) / bend if bend < 0.0 else 0.0)
