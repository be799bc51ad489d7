"""Measures a recording's chroma, its tuning and its key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.framing import Framer, hann
from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.keys import KeyCandidate, by_strongest, key_features, likeliest_keys, likeness

_SIZE = 8_192
_HOP = 4_096
_LOWEST_HZ, _HIGHEST_HZ = 75.0, 2_100.0
_REACH = 20
_PROMINENCE_DB = 12.0
_QUIETEST_DB = -80.0
_PEAK_ENERGY = 1.5
"""The energy of a steady tone under a Hann window, divided by that of its highest bin."""

_STEPS = 3
"""Bins of the chroma in a semitone, from which the recording's tuning is taken off at the end."""
_LOWEST_A_HZ, _MIDDLE_OCTAVE, _OCTAVES = 27.5, 5.0, 2.0
_TONAL_SHARE = 0.05
_SOUNDING, _FEWEST_PITCHES = 0.2, 3
_LIKENESS = 0.5
_SHORTEST_S = 3.0
_FAINTEST = 1e-4
"""Frames below this share of the loudest one's energy are left out."""
_TUNED = 0.25
_BASS_HZ, _BASS_MIDDLE_HZ, _NARROWEST = (45.0, 270.0), 90.0, 1.2


@dataclass(frozen=True)
class Key:
    """A recording's key.

    Attributes:
        name: such as ``A minor``; ``None`` where nothing is tonal or there is too little of it.
        confidence: the lead over the next likely key, in [0, 1].
        runner_up: that key.
        tuning_cents: how far the recording is above A4 = 440 Hz, from -50 to 50; ``None`` without a key or a tuning.
    """

    name: str | None
    confidence: float
    runner_up: KeyCandidate | None = None
    tuning_cents: float | None = None


class Tonality:
    """Chroma by librosa's definition, each frame scaled to its strongest pitch so that loud frames weigh no more.

    Spectral peaks from 75 Hz to 2.1 kHz show the recording's tuning, and whether it is tonal at all. A peak is a local
    maximum at least 12 dB above the mean level of the 40 bins around it, which noise hardly ever is; frames without one
    are left out.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._bin_hz = sample_rate_hz / _SIZE
        self._low = round(_LOWEST_HZ / self._bin_hz)
        self._high = round(_HIGHEST_HZ / self._bin_hz)
        self._framer = Framer(_SIZE, _HOP)
        self._window = hann(_SIZE) * np.float32(4.0 / _SIZE)
        self._filters = chroma_filters(sample_rate_hz)
        self._bass_filters = bass_filters(sample_rate_hz)
        self._rate_hz = sample_rate_hz
        self._frames: list[NDArray[np.float16]] = []
        self._bass: list[NDArray[np.float16]] = []
        self._mistuning = 0j
        self._peaks = self._tonal_energy = self._energy = self._loudest = 0.0

    @property
    def chroma(self) -> NDArray[np.float64]:
        """Strength of each pitch class from A up, relative to the recording's own tuning.

        Shape:
            - output: ``(12,)``, float64
        """
        found: NDArray[np.float64] = by_strongest(self._tuned(self._frames)).sum(axis=0)
        return found

    @property
    def tuning_cents(self) -> float | None:
        """How far spectral peaks are above the nearest pitch of A4 = 440 Hz, from -50 to 50; ``None`` where they are
        near none, as in noise or speech.
        """
        if abs(self._mistuning) <= _TUNED * self._peaks:
            return None
        return float(100.0 * np.angle(self._mistuning) / (2.0 * np.pi))

    @property
    def key(self) -> Key:
        """The likeliest key by ``likeliest_keys``.

        There is no key in less than 3 s of tonal sound, when less than 5 % of the energy is tonal, fewer than three
        pitch classes sound, or no Krumhansl-Kessler profile reaches a correlation of 0.5 with the chroma. Then there is
        no tuning either: the few peaks of drums have one by chance.
        """
        if not self._is_tonal():
            return Key(None, 0.0)
        best, second = likeliest_keys(self.features())[:2]
        return Key(best.name, best.strength - second.strength, second, self.tuning_cents)

    def features(self) -> NDArray[np.float64]:
        """The ``key_features``; at least one frame was tonal."""
        return key_features(self._tuned(self._frames), self._tuned(self._bass), _HOP / self._rate_hz)

    def add(self, samples: Samples) -> None:
        """Measures mono samples, float32, shape ``(samples,)``."""
        self._take(self._framer(samples))

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        self._take(self._framer.flush())

    def _is_tonal(self) -> bool:
        if (sum(map(len, self._frames)) - 1) * _HOP < _SHORTEST_S * self._rate_hz:
            return False
        chroma = self.chroma
        sounding = np.count_nonzero(chroma > _SOUNDING * chroma.max())
        tonal = self._tonal_energy > _TONAL_SHARE * self._energy
        return bool(tonal and sounding >= _FEWEST_PITCHES and likeness(chroma).max() >= _LIKENESS)

    def _tuned(self, frames: list[NDArray[np.float16]]) -> NDArray[np.float64]:
        """The frames' pitch classes, ``(frames, 12)``, from bins that are finer."""
        tuning = np.angle(self._mistuning) / (2.0 * np.pi)
        classes = np.floor(np.arange(12 * _STEPS) / _STEPS - tuning + 0.5).astype(int) % 12
        joined = np.concatenate([np.zeros((0, 12 * _STEPS)), *frames])
        return np.stack([joined[:, classes == pitch].sum(axis=1) for pitch in range(12)], axis=1)

    def _take(self, frames: Samples) -> None:
        if not len(frames):
            return
        spectra = np.abs(np.fft.rfft(frames * self._window))
        amplitudes = spectra[:, self._low - _REACH : self._high + _REACH].astype(np.float64)
        level_db = 20.0 * np.log10(np.maximum(amplitudes, 1e-7))
        self._energy += float(np.square(amplitudes[:, _REACH:-_REACH]).sum())
        tonal = self._note(level_db)
        power = np.square(spectra[tonal])
        self._loudest = max(self._loudest, float(power.sum(axis=1).max(initial=0.0)))
        power = power[power.sum(axis=1) > _FAINTEST * self._loudest]
        self._frames.append(by_strongest(power @ self._filters).astype(np.float16))
        self._bass.append(by_strongest(power @ self._bass_filters).astype(np.float16))

    def _note(self, level_db: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Adds the frames' peaks to the sums; returns which frames have any."""
        before, here, after = (level_db[:, _REACH + i : level_db.shape[1] - _REACH + i] for i in (-1, 0, 1))
        threshold_db = np.maximum(_mean_around(level_db) + _PROMINENCE_DB, _QUIETEST_DB)
        peak = (here > before) & (here >= after) & (here > threshold_db)
        before, here, after = before[peak], here[peak], after[peak]
        bins = np.nonzero(peak)[1] + self._low + 0.5 * (before - after) / (before - 2.0 * here + after)
        semitones, amplitudes = 12.0 * np.log2(bins * self._bin_hz / 440.0), 10.0 ** (here / 20.0)
        self._mistuning += complex((amplitudes * np.exp(2j * np.pi * semitones)).sum())
        self._peaks += float(amplitudes.sum())
        self._tonal_energy += _PEAK_ENERGY * float(np.square(amplitudes).sum())
        found: NDArray[np.bool_] = np.logical_or.reduce(peak, axis=1)
        return found


@cache
def chroma_filters(sample_rate_hz: int) -> NDArray[np.float32]:
    """The weights of ``librosa.filters.chroma`` (Ellis, 2007): a Gaussian over pitch for each of the chroma's bins.

    Octaves weigh less the further they are from the fifth. Implemented here, because librosa compiles for half a minute
    before its first call.

    Shape:
        - output: ``(_SIZE // 2 + 1, 12 * _STEPS)``, from A up
    """
    bins = 12 * _STEPS
    hertz = np.arange(1, _SIZE // 2 + 2) * sample_rate_hz / _SIZE
    places = bins * np.log2(hertz / _LOWEST_A_HZ)
    # The bin at 0 Hz is taken as one and a half octaves below the next.
    places = np.concatenate([places[:1] - 1.5 * bins, places])
    widths = np.maximum(np.diff(places), 1.0)[:, None]
    octaves = places[:-1, None] / bins
    apart = (places[:-1, None] - np.arange(bins) + bins // 2) % bins - bins // 2
    weights = np.exp(-0.5 * np.square(2.0 * apart / widths))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return (weights * np.exp(-0.5 * np.square((octaves - _MIDDLE_OCTAVE) / _OCTAVES))).astype(np.float32)


@cache
def bass_filters(sample_rate_hz: int) -> NDArray[np.float32]:
    """The weights of a chroma of the bass, from 45 to 270 Hz, highest an octave around 90 Hz.

    Shape:
        - output: ``(_SIZE // 2 + 1, 12 * _STEPS)``, from A up
    """
    bins = 12 * _STEPS
    hertz = np.maximum(np.arange(_SIZE // 2 + 1), 1) * sample_rate_hz / _SIZE
    places = bins * np.log2(hertz / _LOWEST_A_HZ)[:, None]
    widths = np.maximum(bins * np.log2(1.0 + sample_rate_hz / _SIZE / hertz), _NARROWEST)[:, None]
    apart = (places - np.arange(bins) + bins // 2) % bins - bins // 2
    weights = np.exp(-0.5 * np.square(apart / widths))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    within = (hertz >= _BASS_HZ[0]) & (hertz <= _BASS_HZ[1])
    register = np.where(within, np.exp(-0.5 * np.square(np.log2(hertz / _BASS_MIDDLE_HZ))), 0.0)
    found: NDArray[np.float32] = (weights * register[:, None]).astype(np.float32)
    return found


def _mean_around(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.cumsum(np.pad(level_db, ((0, 0), (1, 0))), axis=1)
    width = 2 * _REACH + 1
    means: NDArray[np.float64] = (sums[:, width:] - sums[:, :-width]) / width
    return means
