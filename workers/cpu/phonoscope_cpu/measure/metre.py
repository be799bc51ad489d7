"""Finds tempo and metre: which metrical structure explains how the onsets repeat."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from phonoscope_cpu.measure.onsets import Scores, Values
from phonoscope_cpu.measure.tempogram import beat_strength, best_octave, grouped_pulses, tempogram, tempos_bpm

_FILE = "metre.json"
_SLOWEST_BPM, _FASTEST_BPM, _STEP = 38.0, 230.0, 1.015
_FIRST_LAG = 8
_NEAREST_STEPS = 2
_TRIPLE = 3

_JUMP, _DRIFT = 2.0, 0.08
"""What a change of tempo between two windows costs, and one of one step of the tempogram."""
_DRIFTING = 6
_UNLIKELY = 3.0
_CLEAR = 0.6
_SALIENT = 2.15
"""What repeats less than this many times as much as onsets at random would has no beat."""
_REPEATED = 4
_SHARPNESS = 4.0
_CANDIDATES, _SAME, _FAINTEST = 4, 1.05, 0.02


@dataclass(frozen=True)
class Structure:
    """A bar of beats that are divided alike.

    Attributes:
        metre: as it is written; empty where beats are all that is known.
        weights: of the autocorrelation by distance: 0 (whole bars), 1, 2, … divisions from the nearest bar, then two
            kinds of places between the divisions.
        bias: of the score.
        tilt: of the score for each octave of tempo above 110 BPM.
        bar: how much onsets weigh at each place in the bar, by register, the last of all registers.

    Shape:
        - weights: ``(distances, 6)``
        - bar: ``(places, 5)``; a beat has three places where it is divided into three, else two
    """

    metre: str
    beats: int
    divisions: int
    weights: Scores
    bias: float
    tilt: float
    bar: Scores


@dataclass(frozen=True)
class TempoCandidate:
    """A tempo in beats per minute, and how likely it is among all, in [0, 1]."""

    bpm: float
    strength: float


@dataclass(frozen=True)
class Metre:
    """What was found.

    Attributes:
        structure: that of most of the recording.
        clear: whether its metre is likelier than all others together.
        bpm: the tempo of most of the recording.
        candidates: tempos, the likeliest first.
        steadiness: how strongly onsets repeat from beat to beat, in [0, 1].
        path_bpm: the tempo of each window, at the level that is nearest to ``bpm``.
        pulsing: which windows have a beat.
    """

    structure: Structure
    clear: bool
    bpm: float
    candidates: tuple[TempoCandidate, ...]
    steadiness: float
    path_bpm: Scores
    pulsing: NDArray[np.bool_]


@dataclass(frozen=True)
class _Model:
    structures: tuple[Structure, ...]
    usual: tuple[float, float]


def find_metre(
    repeats: Values, chance: Scores, strong: NDArray[np.bool_], rate_hz: float, duration_s: float
) -> Metre | None:
    """The metre and the tempo of windows that follow each other by half a window; ``None`` without a beat.

    The tempo is the highest of the tempogram, along a path through the windows on which it seldom changes (the Viterbi
    algorithm). Bars that are metrical structures explain the same lags (Klapuri et al., "Analysis of the meter of
    acoustic musical signals", 2006): their scores, weighted sums of the autocorrelation at the lags of the bar, its
    beats and divisions, and between them, name the metre at that tempo. Where pulses come in threes, they tell also
    whether one pulse is a beat or all three. The weights were fitted to synthesised rhythms, so that scores are log
    likelihoods up to a constant.

    Args:
        chance: how much onsets at random would repeat.
        strong: the windows whose onsets are strong enough for a beat.
        duration_s: of a window.

    Shape:
        - repeats: ``(windows, 6, lags)``, of ``Onsets.repeats``
        - chance: ``(windows, 2)``
        - strong: ``(windows,)``
    """
    if not strong.any():
        return None
    tempos = tempos_bpm()
    likely, grouped = _tempogram(repeats, rate_hz, duration_s)
    path = _likeliest_path(likely)
    beat = np.where(grouped, path, best_octave(repeats, rate_hz, duration_s, path))
    strength = beat_strength(repeats, rate_hz, duration_s, _REPEATED)
    salience = (strength[np.arange(len(beat)), :, beat] / chance).mean(axis=1)
    pulsing = strong & (salience >= _SALIENT)
    if not pulsing.any():
        return None
    here = pulsing & (np.abs(path - _usual(path[pulsing], len(tempos))) <= _DRIFTING)
    together = repeats[here].mean(axis=0, keepdims=True)
    likely, grouped = _tempogram(together, rate_hz, duration_s)
    tempo = likely.argmax(axis=1)
    tempo = np.where(grouped, tempo, best_octave(together, rate_hz, duration_s, tempo))
    bpm = float(tempos[tempo[0]])
    scores = _scores(together, rate_hz)[0].reshape(len(model().structures), -1)
    near = np.abs(np.log(grid_bpm() / bpm)) < np.log(_SAME)
    structure = model().structures[int(np.where(near, scores, -np.inf).max(axis=1).argmax())]
    alike = [index for index, each in enumerate(model().structures) if each.metre == structure.metre]
    clear = float(np.exp(scores[alike]).sum()) >= _CLEAR
    steady = min(1.0, float(_steadiness(repeats[here, :-1], 60.0 / tempos[path[here]] * rate_hz).mean()))
    path_bpm = tempos[path] * 2.0 ** np.round(np.log2(bpm / tempos[path]))
    return Metre(structure, clear, bpm, _candidates(likely[0], bpm), steady, path_bpm, pulsing)


@cache
def model() -> _Model:
    """The fitted weights in this package."""
    kept = json.loads((files("phonoscope_cpu.measure") / _FILE).read_text())
    arrays = ("weights", "bar")
    structures = [Structure(**each | {name: np.array(each[name]) for name in arrays}) for each in kept["structures"]]
    return _Model(tuple(structures), tuple(kept["usual"]))


@cache
def grid_bpm() -> Scores:
    """The tempos of the hypotheses, 1.5 % apart."""
    count = int(np.log(_FASTEST_BPM / _SLOWEST_BPM) / np.log(_STEP)) + 1
    return _SLOWEST_BPM * np.power(_STEP, np.arange(count), dtype=np.float64)


@cache
def octaves() -> Scores:
    """The tempos' distances from 110 BPM."""
    return np.log2(grid_bpm() / 110.0)


def sampling(beats: int, divisions: int, lags: int, rate_hz: float) -> Values:
    """How the autocorrelation is averaged for the weights of a structure at each tempo.

    Shape:
        - output: ``(tempos, distances, lags)``, each row of sum 1, or 0 where all its lags are too long
    """
    bar = beats * divisions
    ticks = 60.0 / grid_bpm()[:, None] / divisions * rate_hz
    steps = np.arange(1, int(lags / ticks.min()) + 2)
    nearest = np.minimum(steps % bar, bar - steps % bar)
    thirds = (1 / 3, 2 / 3) if divisions != _TRIPLE else (1 / 4, 3 / 4)
    out = np.zeros((len(ticks), bar // 2 + 3, lags), dtype=np.float32)
    _lay(out, nearest, steps * ticks)
    _lay(out, np.full_like(steps, bar // 2 + 1), (steps - 0.5) * ticks)
    for third in thirds:
        _lay(out, np.full_like(steps, bar // 2 + 2), (steps - 1 + third) * ticks)
    found: Values = out / np.maximum(out.sum(axis=2, keepdims=True), 1e-6)
    return found


def prepared(repeats: Values) -> Values:
    """Autocorrelations with mean 0 and deviation 1 over the lags from 93 ms.

    Shape:
        - input, output: ``(..., lags)``
    """
    counted = repeats[..., _FIRST_LAG:]
    centred = repeats - counted.mean(axis=-1, keepdims=True)
    found: Values = (centred / (counted.std(axis=-1, keepdims=True) + 1e-6)).astype(np.float32)
    return found


def _lay(out: Values, rows: NDArray[np.int64], at: Scores) -> None:
    """Adds 1 at each lag, divided between the two frames next to it."""
    tempo, step = np.nonzero((at >= _FIRST_LAG) & (at < out.shape[2] - 1))
    lag = at[tempo, step]
    whole = lag.astype(int)
    np.add.at(out, (tempo, rows[step], whole), 1.0 - (lag - whole))
    np.add.at(out, (tempo, rows[step], whole + 1), lag - whole)


@cache
def _kernel(lags: int, rate_hz: float) -> tuple[Values, Scores]:
    """The weights of all hypotheses, by structure and tempo, and their biases."""
    slope, bend = model().usual
    rows, biases = [], []
    for each in model().structures:
        weights = np.einsum("tdl,dk->tkl", sampling(each.beats, each.divisions, lags, rate_hz), each.weights)
        rows.append(weights.reshape(len(octaves()), -1))
        biases.append(each.bias + (each.tilt + slope) * octaves() - bend * np.square(octaves()))
    return np.concatenate(rows).astype(np.float32), np.concatenate(biases)


def _scores(repeats: Values, rate_hz: float) -> Scores:
    """The log likelihood of each hypothesis in each window: ``(windows, structures * tempos)``."""
    weights, biases = _kernel(repeats.shape[-1], rate_hz)
    scores = prepared(repeats).reshape(len(repeats), -1) @ weights.T + biases
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def _tempogram(repeats: Values, rate_hz: float, duration_s: float) -> tuple[Scores, NDArray[np.bool_]]:
    """The tempogram, and where pulses are grouped in threes or fives: there, a beat is a pulse or, of three, a group.

    Shape:
        - repeats: ``(windows, 6, lags)``
        - output: ``(windows, tempos)`` and ``(windows,)``
    """
    found, tempos = tempogram(repeats, rate_hz, duration_s), tempos_bpm()
    sizes, pulses = grouped_pulses(repeats, rate_hz)
    for window in np.flatnonzero(sizes):
        levels = tempos[pulses[window]] / np.array([1, 3] if sizes[window] == _TRIPLE else [1])
        scores = np.logaddexp.reduce(_scores(repeats[window : window + 1], rate_hz).reshape(-1, len(grid_bpm())))
        bpm = levels[np.interp(np.log(levels), np.log(grid_bpm()), scores).argmax()]
        found[window] -= np.where(np.abs(np.log(tempos / bpm)) < np.log(_SAME) / 2.0, 0.0, _UNLIKELY)
    return found, sizes > 0


def _usual(path: NDArray[np.int64], tempos: int) -> int:
    """The tempo that most windows have, or are near."""
    counts = np.bincount(path, minlength=tempos)
    return int(np.convolve(counts, np.hanning(2 * _DRIFTING + 1), mode="same").argmax())


def _likeliest_path(scores: Scores) -> NDArray[np.int64]:
    """The tempo of each window. Between windows, it may move by a few steps of the tempogram; any may jump.

    Shape:
        - scores: ``(windows, tempos)``
        - output: ``(windows,)``
    """
    best, states = scores[0], np.arange(scores.shape[1])
    came = np.zeros(scores.shape, dtype=np.int16)
    steps = np.arange(-_DRIFTING, _DRIFTING + 1)
    for window in range(1, len(scores)):
        around = sliding_window_view(np.pad(best, _DRIFTING, constant_values=-np.inf), len(steps))
        near = around - _DRIFT * np.abs(steps)
        step = near.argmax(axis=1)
        stay, jump = near[states, step], best.max() - _JUMP
        came[window] = np.where(stay >= jump, states + step - _DRIFTING, best.argmax())
        best = np.maximum(stay, jump) + scores[window]
    path = [int(best.argmax())]
    for window in range(len(scores) - 1, 0, -1):
        path.append(int(came[window, path[-1]]))
    return np.array(path[::-1])


def _steadiness(repeats: Values, period: Scores) -> Scores:
    """How strongly each window repeats after one to four beats, on average, in the register where that is most.

    Shape:
        - repeats: ``(windows, kinds, lags)``; period, in frames: ``(windows,)``
    """
    lags = np.arange(repeats.shape[2])
    found = np.zeros(repeats.shape[:2])
    for (window, kind), _ in np.ndenumerate(found):
        at = period[window] * np.arange(1, _REPEATED + 1)
        found[window, kind] = np.interp(at[at < lags[-1]], lags, repeats[window, kind]).mean()
    strongest: Scores = found.max(axis=1)
    return strongest


def _candidates(likely: Scores, bpm: float) -> tuple[TempoCandidate, ...]:
    """The tempo that was chosen, then others, the likeliest first."""
    tempos, share = tempos_bpm(), np.exp(_SHARPNESS * (likely - likely.max()))
    share = share / share.sum()
    found: list[TempoCandidate] = []
    for index in range(_CANDIDATES):
        at = bpm if index == 0 else float(tempos[share.argmax()])
        near = np.abs(np.log(tempos / at)) < np.log(_SAME)
        found.append(TempoCandidate(at, float(share[near].sum())))
        share = np.where(near, 0.0, share)
    others = [each for each in found[1:] if each.strength >= _FAINTEST]
    return (found[0], *sorted(others, key=lambda each: each.strength, reverse=True))
