"""Follows the beats of a tempo that is known, and finds the bars' first beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_cpu.measure.metre import Structure
from phonoscope_cpu.measure.onsets import Values

Scores = NDArray[np.float64]
Frames = NDArray[np.int64]

_TIGHTNESS = 60.0
"""How much a beat counts that is off by a factor of e, in standard deviations of the envelope."""
_SHORTEST, _LONGEST = 0.75, 1.35
"""The interval between two beats, by the period."""
_REGISTER_WEIGHTS = (1.2, 1.0, 1.0, 0.8)
_REACH = 2
_FAINT = 0.3
_SLIP = 6.0
"""What it costs, in nats, that the bar starts anew."""


@dataclass(frozen=True)
class Grid:
    """Beats, each divided into ticks.

    Attributes:
        ticks: frames, not whole ones.
        places: of each tick within the bar, from 0.
        divisions: ticks in a beat.
    """

    ticks: Scores
    places: NDArray[np.int64]
    divisions: int

    @property
    def beats(self) -> Scores:
        """The frames of the beats."""
        found: Scores = self.ticks[self.places % self.divisions == 0]
        return found

    @property
    def downbeats(self) -> Scores:
        """The frames of the bars' first beats."""
        found: Scores = self.ticks[self.places == 0]
        return found


def follow_beats(registers: Values, period: Scores) -> Frames:
    """The frames at which a listener with this period would tap: on onsets, and evenly (Ellis, "Beat tracking by
    dynamic programming", 2007).

    Frames up to the shortest interval ahead depend only on earlier ones, and are computed together.

    Shape:
        - registers: ``(frames, 4)``, onset envelopes in dB
        - period: ``(frames,)``, frames in a beat
        - output: ``(beats,)``
    """
    envelope = _levelled(registers) @ np.array(_REGISTER_WEIGHTS)
    envelope /= envelope.std() + 1e-9
    score, came = np.zeros(len(envelope)), np.full(len(envelope), -1)
    start = 0
    while start < len(envelope):
        shortest = max(1, round(_SHORTEST * period[start]))
        lags = np.arange(shortest, round(_LONGEST * period[start]) + 1)
        end = min(len(envelope), start + shortest)
        before = np.arange(start, end)[:, None] - lags
        uneven = _TIGHTNESS * np.square(np.log(lags / period[start]))
        scores = np.where(before >= 0, score[np.maximum(before, 0)] - uneven, -np.inf)
        best = scores.argmax(axis=1)
        gained, which = scores[np.arange(len(best)), best], before[np.arange(len(best)), best]
        score[start:end] = envelope[start:end] + np.maximum(gained, 0.0)
        came[start:end] = np.where(gained > 0.0, which, -1)
        start = end
    return _traced(score, came, round(period[-1]))


def place_in_bars(registers: Values, beats: Frames, structure: Structure) -> Grid:
    """Where the ticks are within the bar: by how strong each register's onsets are there.

    The bar goes on from tick to tick and may start anew, at a cost (a Viterbi search; rhythmic patterns of bars follow
    Krebs, Böck and Widmer, "Rhythmic pattern modelling for beat and downbeat tracking", 2013).

    Shape:
        - beats: ``(beats,)``, at least two
    """
    divisions, places = len(structure.bar) // structure.beats, len(structure.bar)
    ticks = np.interp(np.arange((len(beats) - 1) * divisions + 1) / divisions, np.arange(len(beats)), beats)
    scores = tick_features(registers, ticks) @ structure.bar.T
    first = (np.arange(len(ticks))[:, None] + np.arange(places)) % places
    return Grid(ticks, _steadiest(np.take_along_axis(scores, first, axis=1)), divisions)


def tick_features(registers: Values, ticks: Scores) -> Scores:
    """The strength of the registers and of their sum at ticks, compared with the mean of all.

    Shape:
        - output: ``(ticks, 5)``, 0 on average
    """
    levelled = _levelled(registers)
    padded = np.pad(levelled, ((_REACH, _REACH), (0, 0)))
    highest = np.max([padded[step : step + len(levelled)] for step in range(2 * _REACH + 1)], axis=0)
    struck = highest[np.clip(np.round(ticks).astype(int), 0, len(levelled) - 1)]
    compared = struck / (struck.mean(axis=0) + _FAINT)
    features: Scores = np.sqrt(np.concatenate([compared, compared.sum(axis=1, keepdims=True)], axis=1)) - 1.0
    return features


def _levelled(registers: Values) -> Scores:
    found: Scores = registers / (registers.std(axis=0, dtype=np.float64) + 1e-6)
    return found


def _traced(score: Scores, came: Frames, period: int) -> Frames:
    last = max(0, len(score) - period)
    at = last + int(score[last:].argmax())
    beats = []
    while at >= 0:
        beats.append(at)
        at = int(came[at])
    return np.array(beats[::-1])


def _steadiest(scores: Scores) -> NDArray[np.int64]:
    """The place of each tick, from the score of each offset at each tick, shape ``(ticks, offsets)``."""
    ticks, places = scores.shape
    best, came = scores[0].copy(), np.zeros((ticks, places), dtype=np.int64)
    stay = np.arange(places)
    for tick in range(1, ticks):
        highest = int(best.argmax())
        jump = best[highest] - _SLIP
        came[tick] = np.where(best >= jump, stay, highest)
        best = np.maximum(best, jump) + scores[tick]
    offset = int(best.argmax())
    offsets = [offset]
    for tick in range(ticks - 1, 0, -1):
        offset = int(came[tick, offset])
        offsets.append(offset)
    found: NDArray[np.int64] = (np.arange(ticks) + np.array(offsets[::-1])) % places
    return found
