"""The tempogram: how well each tempo explains how onsets repeat."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonoscope_cpu.measure.onsets import Values

Scores = NDArray[np.float64]

_SLOWEST_BPM, _FASTEST_BPM = 38.0, 264.0
STEP = 1.005
_WIDE, _NARROW = (115.0, 1.1), (112.0, 0.6)
"""The middle in BPM and the deviation in octaves."""
_NEAR = 0.03
"""What is an octave away, in octaves."""
_LONGEST = 0.75
"""Beats further apart than this share of a window are too few to count."""
_FAINT, _THREES = 0.03, 0.1

_SLOWEST_PULSE_BPM = {3: 125.0, 5: 110.0}
"""Slower pulses are beats that nobody takes in pairs."""
_CLEAR = 0.06


@cache
def tempos_bpm() -> Scores:
    """The tempos of a tempogram, 0.5 % apart."""
    count = int(np.log(_FASTEST_BPM / _SLOWEST_BPM) / np.log(STEP)) + 1
    return _SLOWEST_BPM * np.power(STEP, np.arange(count), dtype=np.float64)


def tempogram(repeats: Values, rate_hz: float, duration_s: float) -> Scores:
    """How well each tempo explains how onsets repeat, and, in wide limits, how usual it is.

    Where a recording is played a little faster, this moves by as much and changes little.

    Shape:
        - repeats: ``(windows, 6, lags)``, of ``Onsets.repeats``
        - output: ``(windows, tempos)``
    """
    found: Scores = _explained(repeats, rate_hz, duration_s, (2, 4)) + _usual(_WIDE)
    return found


def best_octave(repeats: Values, rate_hz: float, duration_s: float, tempo: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tempo of each window, its half or its double: what repeats and is near to 112 BPM.

    There people tap most readily (after Moelants, "Preferred tempo reconsidered", 2002). That weighs much: music at its
    limits, 79 and 158 BPM, is rarer, so that fewer recordings change to another octave where they are played a little
    faster. What repeats after one beat counts besides, so that nothing is doubled between whose beats nothing sounds.
    Beats that are divided into three are not doubled, and those that come in threes not halved.

    Shape:
        - repeats: ``(windows, 6, lags)``
        - tempo, output: ``(windows,)``, indices of ``tempos_bpm``
    """
    scores = _explained(repeats, rate_hz, duration_s, (1, 2, 4)) + _usual(_NARROW)
    apart = np.log2(tempos_bpm() / tempos_bpm()[tempo][:, None])
    octaves = np.round(apart)
    halved, paired = (each[np.arange(len(tempo)), tempo, None] for each in _in_two(repeats, rate_hz))
    allowed = (octaves == 0.0) | ((octaves == 1.0) & halved) | ((octaves == -1.0) & paired)
    near = np.abs(apart - octaves) < _NEAR
    found: NDArray[np.int64] = np.where(near & allowed, scores, -np.inf).argmax(axis=1)
    return found


def beat_strength(repeats: Values, rate_hz: float, duration_s: float, beats: int) -> Scores:
    """How strongly windows repeat after one beat of each tempo to that many, on average.

    Args:
        duration_s: of a window.

    Shape:
        - repeats: ``(windows, 6, lags)``
        - output: ``(windows, 2, tempos)``: of all bands together, and the mean of the registers
    """
    both, counts = _both(repeats), np.arange(1, beats + 1)
    heard = counts[:, None] * 60.0 / tempos_bpm() <= _LONGEST * duration_s
    heard[0] = True
    each = np.stack([_after(both, float(count), rate_hz) for count in counts])
    found: Scores = np.where(heard[:, None, None], each, 0.0).sum(axis=0) / np.count_nonzero(heard, axis=0)
    return found


def grouped_pulses(repeats: Values, rate_hz: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where pulses clearly come in groups of three or five: the size of the group (0 elsewhere) and the pulses' tempo.

    Pulses that come in pairs repeat after two or four as they do after one. Where they repeat after three and six or
    after five, and less after each other number, two of them are no beat. Between pulses nothing repeats.

    Shape:
        - repeats: ``(windows, 6, lags)``
        - output: twice ``(windows,)``; the second are indices of ``tempos_bpm``
    """
    both = _both(repeats).mean(axis=1, keepdims=True)
    after = {count: _after(both, count, rate_hz)[:, 0] for count in (0.5, 1, 1.5, 2, 3, 4, 5, 6)}
    between = np.maximum(np.maximum(after[0.5], after[1.5]), 0.0)
    threes = np.minimum(after[3], after[6]) - np.maximum.reduce([after[1], after[2], after[4]])
    fives = after[5] - np.maximum.reduce([after[1], after[2], after[3], after[4], after[6]])

    def pulse(*counts: int) -> Scores:
        found: Scores = np.minimum.reduce([after[count] for count in counts])
        return found

    clear = np.stack(
        [
            np.where(tempos_bpm() > _SLOWEST_PULSE_BPM[size], np.minimum(each - between, groups), -1.0)
            for size, each, groups in ((3, pulse(1, 2, 4), threes), (5, pulse(1, 2, 3, 4), fives))
        ]
    )
    which, tempo = clear.max(axis=2).argmax(axis=0), clear.max(axis=0).argmax(axis=1)
    sizes = np.where(clear.max(axis=(0, 2)) > _CLEAR, np.array([3, 5])[which], 0)
    return sizes, tempo


def _both(repeats: Values) -> Values:
    """The autocorrelation of all bands together, and the mean of the registers' that sound: ``(windows, 2, lags)``."""
    registers = repeats[:, 1:-1]
    sounding = np.maximum(registers[..., :1].sum(axis=1), 1.0)
    return np.stack([repeats[:, -1], registers.sum(axis=1) / sounding], axis=1)


def _after(repeats: Values, beats: float, rate_hz: float) -> Scores:
    """The autocorrelation that many beats of each tempo apart, 0 beyond the longest lag: ``(..., tempos)``."""
    at = beats * 60.0 * rate_hz / tempos_bpm()
    whole = np.minimum(at.astype(int), repeats.shape[-1] - 2)
    part = at - whole
    between = (1.0 - part) * repeats[..., whole] + part * repeats[..., whole + 1]
    found: Scores = np.where(part <= 1.0, between, 0.0)
    return found


def _explained(repeats: Values, rate_hz: float, duration_s: float, beats: tuple[int, ...]) -> Scores:
    """The mean logarithm of ``beat_strength`` over those numbers of beats: ``(windows, tempos)``."""
    strengths = np.stack([beat_strength(repeats, rate_hz, duration_s, each) for each in beats])
    found: Scores = np.log(np.maximum(strengths, 0.0) + _FAINT).mean(axis=(0, 2))
    return found


def _in_two(repeats: Values, rate_hz: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where onsets repeat not clearly more after thirds of a beat than after half of it, and where not more after three
    beats than after two: twice ``(windows, tempos)``.
    """
    both = _both(repeats).mean(axis=1, keepdims=True)
    third, half, thirds, two, three, four, six = (
        _after(both, beats, rate_hz)[:, 0] for beats in (1 / 3, 1 / 2, 2 / 3, 2, 3, 4, 6)
    )
    return np.minimum(third, thirds) - half < _THREES, np.minimum(three, six) - np.maximum(two, four) < _THREES


def _usual(about: tuple[float, float]) -> Scores:
    middle_bpm, octaves = about
    found: Scores = -0.5 * np.square(np.log2(tempos_bpm() / middle_bpm) / octaves)
    return found
