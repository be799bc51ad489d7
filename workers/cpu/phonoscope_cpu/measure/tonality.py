"""Measures a recording's key, from its chroma."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.framing import Framer, hann

_SIZE = 8_192
_HOP = 4_096
_LOWEST_HZ, _HIGHEST_HZ = 75.0, 2_100.0
_REACH = 20
_PROMINENCE_DB = 12.0
_QUIETEST_DB = -80.0
_PEAK_ENERGY = 1.5
"""The energy of a steady tone under a Hann window, divided by that of its highest bin."""

_PITCHES = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab")
_STEPS = 3
"""Bins of the chroma in a semitone, from which the recording's tuning is taken off at the end."""
_LOWEST_A_HZ, _MIDDLE_OCTAVE, _OCTAVES = 27.5, 5.0, 2.0
_TONAL_SHARE = 0.05
_SOUNDING, _FEWEST_PITCHES = 0.2, 3
_LIKENESS = 0.5

# Krumhansl and Kessler (1982): how well each pitch class, from the tonic up, fits the key.
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


@dataclass(frozen=True)
class Key:
    """A key such as ``A minor`` (``None`` when nothing is tonal), and its lead over the next one, in [0, 1]."""

    name: str | None
    confidence: float


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
        self._pitches = np.zeros(12 * _STEPS)
        self._mistuning = 0j
        self._tonal_energy = self._energy = 0.0

    @property
    def chroma(self) -> NDArray[np.float64]:
        """Strength of each pitch class from A up, relative to the recording's own tuning.

        Shape:
            - output: ``(12,)``, float64
        """
        tuning = np.angle(self._mistuning) / (2.0 * np.pi)
        classes = np.floor(np.arange(12 * _STEPS) / _STEPS - tuning + 0.5).astype(int) % 12
        return np.bincount(classes, self._pitches, 12).astype(np.float64)

    @property
    def key(self) -> Key:
        """The key whose Krumhansl-Kessler profile is most like the chroma.

        The confidence is its Pearson correlation minus that of the next key: 0.1 is usual for music, 0.3 a clear lead.
        There is no key when less than 5 % of the energy is tonal, fewer than three pitch classes sound, or no
        correlation reaches 0.5.
        """
        chroma = self.chroma
        sounding = np.count_nonzero(chroma > _SOUNDING * chroma.max())
        if self._tonal_energy <= _TONAL_SHARE * self._energy or sounding < _FEWEST_PITCHES:
            return Key(None, 0.0)
        found = sorted(key_likeness(chroma), reverse=True)
        (best, name), (second, _) = found[:2]
        return Key(name, min(1.0, best - second)) if best >= _LIKENESS else Key(None, 0.0)

    def add(self, samples: Samples) -> None:
        """Measures mono samples, float32, shape ``(samples,)``."""
        self._take(self._framer(samples))

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        self._take(self._framer.flush())

    def _take(self, frames: Samples) -> None:
        if not len(frames):
            return
        spectra = np.abs(np.fft.rfft(frames * self._window))
        amplitudes = spectra[:, self._low - _REACH : self._high + _REACH].astype(np.float64)
        level_db = 20.0 * np.log10(np.maximum(amplitudes, 1e-7))
        self._energy += float(np.square(amplitudes[:, _REACH:-_REACH]).sum())
        tonal = self._note(level_db)
        chroma = np.square(spectra[tonal]) @ self._filters
        self._pitches += (chroma / chroma.max(axis=1, keepdims=True)).sum(axis=0)

    def _note(self, level_db: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Adds the frames' peaks to the sums; returns which frames have any."""
        before, here, after = (level_db[:, _REACH + i : level_db.shape[1] - _REACH + i] for i in (-1, 0, 1))
        threshold_db = np.maximum(_mean_around(level_db) + _PROMINENCE_DB, _QUIETEST_DB)
        peak = (here > before) & (here >= after) & (here > threshold_db)
        before, here, after = before[peak], here[peak], after[peak]
        bins = np.nonzero(peak)[1] + self._low + 0.5 * (before - after) / (before - 2.0 * here + after)
        semitones, amplitudes = 12.0 * np.log2(bins * self._bin_hz / 440.0), 10.0 ** (here / 20.0)
        self._mistuning += complex((amplitudes * np.exp(2j * np.pi * semitones)).sum())
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


def _mean_around(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.cumsum(np.pad(level_db, ((0, 0), (1, 0))), axis=1)
    width = 2 * _REACH + 1
    means: NDArray[np.float64] = (sums[:, width:] - sums[:, :-width]) / width
    return means


def key_likeness(chroma: NDArray[np.float64]) -> list[tuple[float, str]]:
    """The Pearson correlation of each key's profile with a chroma from A up, and the key's name."""
    return [
        (float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]), f"{pitch} {mode}")
        for mode, profile in _PROFILES.items()
        for tonic, pitch in enumerate(_PITCHES)
    ]
