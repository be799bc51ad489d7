"""Fits the weights by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from music_fitting.instruments import RATE_HZ
from music_fitting.minimise import minimise
from music_fitting.performances import perform
from phonoscope_cpu.measure.beats import follow_beats, tick_features
from phonoscope_cpu.measure.metre import grid_bpm, octaves, prepared, sampling
from phonoscope_cpu.measure.onsets import KINDS, REGISTERS, Onsets, Values

STRUCTURES = (
    ("4/4", 4, 1),
    ("4/4", 4, 2),
    ("4/4", 4, 4),
    ("4/4", 4, 3),
    ("3/4", 3, 1),
    ("3/4", 3, 2),
    ("3/4", 3, 3),
    ("6/8", 2, 3),
    ("5/4", 5, 1),
    ("5/4", 5, 2),
)
"""The metre, the beats of a bar and the divisions of a beat of each structure."""

_NEAR = 0.023
_DECAY, _BAR_DECAY = 0.3, 0.02
_TOLERANCE_S, _LEAST_SHARE = 0.07, 0.8


@dataclass(frozen=True)
class Example:
    """What is measured of a performance, and what is known of it.

    Shape:
        - repeats: ``(6, lags)``
        - registers: ``(frames, 4)``
    """

    repeats: Values
    registers: Values
    rate_hz: float
    metre: str
    triple: bool
    swung: bool
    bpm: float
    bars_s: NDArray[np.float64]

    def fits(self, metre: str, divisions: int) -> bool:
        """Whether a structure describes it."""
        if self.metre == "12/8":
            return (metre, divisions) == ("4/4", 3)
        return metre == self.metre and (self.triple or divisions in ((1, 3) if self.swung else (1, 2, 4)))

    @property
    def divisions(self) -> int:
        return 3 if self.triple or self.swung else 2


def example(seed: int) -> Example:
    """Plays and measures a performance."""
    played = perform(seed)
    onsets = Onsets(RATE_HZ)
    for start in range(0, len(played.samples), RATE_HZ):
        onsets.add(played.samples[start : start + RATE_HZ])
    onsets.finish()
    triple = played.metre.divisions == 3
    return Example(
        onsets.repeats.mean(axis=0),
        onsets.registers_db,
        onsets.rate_hz,
        played.metre.name,
        triple,
        played.swung,
        played.bpm,
        played.bars_s,
    )


def fit(examples: Sequence[Example], held_out: Sequence[Example], report: Callable[[str], None]) -> dict[str, Any]:
    """The weights as ``metre.json`` has them. Reports how often the held-out examples are right."""
    scorer = _Scorer(examples[0].repeats.shape[1], examples[0].rate_hz)
    inputs, right = scorer.inputs(examples), _right(examples)
    minimise(scorer.parameters, lambda: scorer.loss(inputs, right, len(examples)))
    with torch.no_grad():
        found = scorer(scorer.inputs(held_out)).flatten(1).argmax(dim=1)
        hits = _right(held_out).flatten(1)[torch.arange(len(found)), found]
    report(f"tempo and metre of {len(held_out)} others: {hits.float().mean():.1%}")
    bars: dict[tuple[str, int], list[list[float]]] = {}
    structures = []
    for index, (metre, beats, divisions) in enumerate(STRUCTURES):
        key = (metre, 3 if divisions == 3 else 2)
        if key not in bars:
            bars[key] = _fit_bar(key, beats * key[1], examples, held_out, report)
        structures.append(scorer.structure(index) | {"bar": bars[key]})
    return {"usual": scorer.usual(), "structures": structures}


class _Scorer:
    """The score of each structure at each tempo: what ``metre.find_metre`` computes, to be differentiated."""

    def __init__(self, lags: int, rate_hz: float) -> None:
        self._samplings = [torch.from_numpy(sampling(beats, parts, lags, rate_hz)) for _, beats, parts in STRUCTURES]
        self._octaves = torch.from_numpy(octaves()).float()
        self._weights = [torch.zeros(each.shape[1], KINDS, requires_grad=True) for each in self._samplings]
        self._bias = torch.zeros(len(STRUCTURES), requires_grad=True)
        self._tilt = torch.zeros(len(STRUCTURES), requires_grad=True)
        self._usual = torch.zeros(2, requires_grad=True)

    @property
    def parameters(self) -> list[Tensor]:
        return [*self._weights, self._bias, self._tilt, self._usual]

    def inputs(self, examples: Sequence[Example]) -> list[Tensor]:
        """The sampled autocorrelations, for each structure ``(examples, tempos, distances, kinds)``."""
        repeats = torch.from_numpy(prepared(np.stack([each.repeats for each in examples])))
        return [torch.einsum("ekl,tdl->etdk", repeats, each) for each in self._samplings]

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores, ``(examples, structures, tempos)``."""
        fits = [torch.einsum("etdk,dk->et", each, weights) for each, weights in zip(inputs, self._weights, strict=True)]
        slope, bend = self._usual[0], functional.softplus(self._usual[1])
        usual = slope * self._octaves - bend * self._octaves**2
        return torch.stack(fits, dim=1) + self._bias[:, None] + self._tilt[:, None] * self._octaves + usual

    def loss(self, inputs: Sequence[Tensor], right: Tensor, count: int) -> Tensor:
        """The mean negative log likelihood of what is right, and the weights' squares."""
        scores = self(inputs).flatten(1)
        likely = scores.masked_fill(~right.flatten(1), -1e9).logsumexp(dim=1) - scores.logsumexp(dim=1)
        squares = torch.stack([weights.square().sum() for weights in self._weights]).sum()
        return _DECAY * squares / count - likely[right.flatten(1).any(dim=1)].mean()

    def usual(self) -> list[float]:
        return [round(float(self._usual[0].detach()), 4), round(float(functional.softplus(self._usual[1]).detach()), 4)]

    def structure(self, index: int) -> dict[str, Any]:
        metre, beats, divisions = STRUCTURES[index]
        return {
            "metre": metre,
            "beats": beats,
            "divisions": divisions,
            "bias": round(float(self._bias[index].detach()), 4),
            "tilt": round(float(self._tilt[index].detach()), 4),
            "weights": _rounded(self._weights[index]),
        }


def _right(examples: Sequence[Example]) -> Tensor:
    """Which structures and tempos are right, ``(examples, structures, tempos)``."""
    off = np.abs(np.log(grid_bpm() / np.array([each.bpm for each in examples])[:, None]))
    fitting = np.array([[each.fits(metre, divisions) for metre, _, divisions in STRUCTURES] for each in examples])
    return torch.from_numpy((off < _NEAR)[:, None, :] & fitting[:, :, None])


def _fit_bar(
    key: tuple[str, int],
    places: int,
    examples: Sequence[Example],
    held_out: Sequence[Example],
    report: Callable[[str], None],
) -> list[list[float]]:
    """How much onsets weigh at each place of a bar, so that bars start where they are known to."""
    inputs, right = _bars(key, places, examples)
    weights = torch.zeros(places, REGISTERS + 1, requires_grad=True)

    def loss() -> Tensor:
        scores = (inputs * weights).sum(dim=(2, 3))
        return functional.cross_entropy(scores, right) + _BAR_DECAY * weights.square().sum()

    if len(right):
        minimise([weights], loss)
    others, wanted = _bars(key, places, held_out)
    hits = (others * weights.detach()).sum(dim=(2, 3)).argmax(dim=1) == wanted
    report(f"bars of {len(wanted)} others in {key[0]}, beats divided by {key[1]}: {hits.float().mean():.1%}")
    return _rounded(weights)


def _bars(key: tuple[str, int], places: int, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """The sums of onsets by place for each possible start of the bar, and which start is right."""
    inputs, right = [], []
    for each in examples:
        if key != ("4/4" if each.metre == "12/8" else each.metre, each.divisions):
            continue
        folded = _folded(each, places)
        if folded is not None:
            inputs.append([np.roll(folded[0], -start, axis=0) for start in range(places)])
            right.append(folded[1])
    shape = (len(right), places, places, REGISTERS + 1)
    return torch.tensor(np.array(inputs).reshape(shape)).float(), torch.tensor(right, dtype=torch.long)


def _folded(each: Example, places: int) -> tuple[NDArray[np.float64], int] | None:
    """Onsets by place in the bar, and where the bar starts; nothing where beats are not followed."""
    period = np.full(len(each.registers), 60.0 * each.rate_hz / each.bpm)
    beats = follow_beats(each.registers, period)
    if len(beats) < 3:
        return None
    steps = np.arange((len(beats) - 1) * each.divisions + 1)
    ticks = np.interp(steps / each.divisions, np.arange(len(beats)), beats)
    features = tick_features(each.registers, ticks)
    sums = np.array([features[steps % places == place].sum(axis=0) for place in range(places)])
    near = [_share_near(ticks[start::places] / each.rate_hz, each.bars_s) for start in range(places)]
    return (sums, int(np.argmax(near))) if max(near) >= _LEAST_SHARE else None


def _share_near(found_s: NDArray[np.float64], known_s: NDArray[np.float64]) -> float:
    """The share of known times with a found one near."""
    if not len(found_s):
        return 0.0
    return float((np.abs(found_s[:, None] - known_s).min(axis=0) < _TOLERANCE_S).mean())


def _rounded(weights: Tensor) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in weights.detach().tolist()]
