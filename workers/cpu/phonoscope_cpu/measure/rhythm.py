"""Measures tempo, metre and beats, from where sounds start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from phonoscope.audio.beats import Beats
from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.beats import follow_beats, place_in_bars
from phonoscope_cpu.measure.metre import Metre, TempoCandidate, find_metre
from phonoscope_cpu.measure.onsets import Onsets, Values

_ONSET_REACH = 4
_ONSET_SURROUNDINGS = 8
_ONSET_RISE_DB = 1.2
_ONSET_SHARE = 0.07

_SHORTEST_S = 2.0
_FEWEST_BEATS = 5
_START_FRAMES = 8
_STRONG_DB, _SHARP_DB = 1.6, 1.15
"""The highest hundredth of the onset envelope reaches this where there is a beat, or this where onsets are sharp."""
_SHARP, _SLOW, _ALIKE_FRAMES = 0.1, 0.37, 5
"""Onsets are sharp where the envelope is as little like itself 58 ms later, and swells where it is more so."""
_STRUCK, _STRUCK_DB = 0.2, 0.7
_FEWEST_BARS = 3
_NEAR, _FINER = 0.08, 0.015
_NO_BEATS = Beats(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute, with what goes with it; nothing of it without a beat.

    Attributes:
        bpm: beats per minute; ``None`` without a beat.
        confidence: how strongly the onsets repeat from beat to beat, in [0, 1].
        candidates: this and other tempos, the likeliest first.
        metre: such as ``3/4``; ``None`` where it is not clear.
        beats: when they are; downbeats where the metre is clear.
    """

    bpm: float | None
    confidence: float
    candidates: tuple[TempoCandidate, ...] = ()
    metre: str | None = None
    beats: Beats = _NO_BEATS


class Rhythm:
    """A recording's onsets, and what repeats in them."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._onsets = Onsets(sample_rate_hz)
        self._rate_hz = self._onsets.rate_hz

    @property
    def onsets(self) -> int:
        """The number of onsets: frames above all their neighbours, and 1.2 dB or more above the mean around them."""
        envelope = self._onsets.envelope_db
        if not len(envelope):
            return 0
        highest = _around(envelope, _ONSET_REACH).max(axis=-1)
        mean = _around(envelope, _ONSET_SURROUNDINGS).mean(axis=-1)
        rise = max(_ONSET_RISE_DB, _ONSET_SHARE * float(envelope[1:].max(initial=0.0)))
        return int(np.count_nonzero((envelope == highest) & (envelope > mean + rise)))

    @cached_property
    def tempo(self) -> Tempo:
        """Tempo, metre and beats; call ``finish`` first.

        There is a beat where onsets are strong and repeat: neither hum, held chords and swells, whose levels never
        rise at once, nor rain, speech and noise, whose onsets come at random.
        """
        onsets = self._onsets
        if len(onsets.envelope_db) < _SHORTEST_S * self._rate_hz:
            return Tempo(None, 0.0)
        seconds = min(onsets.window_frames, len(onsets.envelope_db)) / self._rate_hz
        metre = find_metre(onsets.repeats, onsets.chance, self._strong(), self._rate_hz, seconds)
        if metre is None:
            return Tempo(None, 0.0)
        beats = self._beats(metre)
        if self._struck(beats) < max(_FEWEST_BEATS, _STRUCK * len(beats.beats_s)):
            return Tempo(None, 0.0)
        clear = metre.clear and len(beats.downbeats_s) >= _FEWEST_BARS
        if not clear:
            beats = Beats(beats.beats_s, np.zeros(0))
        name = metre.structure.metre if clear else None
        return Tempo(_refined(metre.bpm, beats), metre.steadiness, metre.candidates, name, beats)

    def add(self, samples: Samples) -> None:
        """Measures mono samples, float32, shape ``(samples,)``."""
        self._onsets.add(samples)

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        self._onsets.finish()

    def _strong(self) -> NDArray[np.bool_]:
        """Which windows have strong onsets, or sharp ones that are less strong, as dense music has; swells are none.

        That at the very start is the recording's own.
        """
        envelope = self._onsets.envelope_db[_START_FRAMES:]
        size = self._onsets.window_frames
        windows = [envelope[start : start + size] for start in self._onsets.window_starts]
        strength_db = np.array([float(np.quantile(each, 0.99)) if len(each) else 0.0 for each in windows])
        alike = self._onsets.repeats[:, 0, _ALIKE_FRAMES]
        return (alike < _SLOW) & (strength_db >= np.where(alike < _SHARP, _SHARP_DB, _STRONG_DB))

    def _beats(self, metre: Metre) -> Beats:
        registers = self._onsets.registers_db
        window = self._window_of(np.arange(len(registers)))
        followed = follow_beats(registers, (60.0 * self._rate_hz / metre.path_bpm)[window])
        if len(followed) < _FEWEST_BEATS:
            return _NO_BEATS
        grid = place_in_bars(registers, followed, metre.structure)
        beats, downbeats = (
            each[metre.pulsing[self._window_of(each)]] / self._rate_hz for each in (grid.beats, grid.downbeats)
        )
        return Beats(beats, downbeats)

    def _struck(self, beats: Beats) -> int:
        """On how many beats there is an onset."""
        highest = _around(self._onsets.envelope_db, _ONSET_REACH).max(axis=-1)
        frames = np.round(beats.beats_s * self._rate_hz).astype(int).clip(0, len(highest) - 1)
        return int(np.count_nonzero(highest[frames] >= _STRUCK_DB))

    def _window_of(self, frames: NDArray[Any]) -> NDArray[np.int64]:
        """The window whose middle is nearest to each frame."""
        middles = self._onsets.window_starts + self._onsets.window_frames // 2
        return np.searchsorted((middles[1:] + middles[:-1]) / 2, frames, side="right")


def _refined(bpm: float, beats: Beats) -> float:
    """The tempo by the intervals between beats that are near it, finer than the grid of hypotheses."""
    intervals_s = np.diff(beats.beats_s)
    near = intervals_s[np.abs(np.log(intervals_s * bpm / 60.0)) < _NEAR]
    if len(near) < _FEWEST_BEATS - 1:
        return bpm
    finer = 60.0 / float(near.mean())
    return finer if abs(finer / bpm - 1.0) < _FINER else bpm


def _around(values: Values, reach: int) -> Values:
    return sliding_window_view(np.pad(values, reach), 2 * reach + 1)
