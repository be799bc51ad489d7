"""Fits the weights of a key's features by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from music_fitting.instruments import RATE_HZ
from music_fitting.minimise import minimise
from music_fitting.progressions import progression
from phonoscope_cpu.measure.keys import MODES
from phonoscope_cpu.measure.tonality import Tonality

_DECAY = 0.01
_TRUST = 4.0
"""What is added to the weight of a key's profile: in mixes, triads are less clear than they are here. Without it, 39
of 47 excerpts of songs have a key that follows when they are played three semitones higher, with it 45, and as many
progressions are right."""


@dataclass(frozen=True)
class Example:
    """The features of each key, ``(2, 12, features)``, and which is right."""

    features: NDArray[np.float64]
    tonic: int
    mode: int


def example(seed: int) -> Example:
    """Plays and measures a progression."""
    played = progression(seed)
    tonality = Tonality(RATE_HZ)
    for start in range(0, len(played.samples), RATE_HZ):
        tonality.add(played.samples[start : start + RATE_HZ])
    tonality.finish()
    return Example(tonality.features(), played.tonic, played.mode)


def fit(examples: Sequence[Example], held_out: Sequence[Example], report: Callable[[str], None]) -> dict[str, Any]:
    """The weights as ``key.json`` has them. Reports how often the held-out examples are right."""
    features, right = _tensors(examples)
    mean, spread = features.mean(dim=(0, 1, 2)), features.std(dim=(0, 1, 2))
    weights, bias = torch.zeros(2, len(mean), requires_grad=True), torch.zeros(2, requires_grad=True)

    def scores(features: torch.Tensor) -> torch.Tensor:
        fits = torch.einsum("emtf,mf->emt", (features - mean) / spread, weights)
        return (fits + bias[:, None]).flatten(1)

    def loss() -> torch.Tensor:
        return functional.cross_entropy(scores(features), right) + _DECAY * weights.square().sum()

    minimise([weights, bias], loss)
    others, wanted = _tensors(held_out)
    hits = scores(others).argmax(dim=1) == wanted
    report(f"keys of {len(wanted)} others: {hits.float().mean():.1%}")
    scaled = (weights / spread).detach()
    scaled[:, 0] += _TRUST
    offset = bias.detach() - (weights.detach() / spread * mean).sum(dim=1)
    return {
        mode: {
            "bias": round(float(offset[index] - offset[0]), 4),
            "weights": [round(each, 4) for each in scaled[index].tolist()],
        }
        for index, mode in enumerate(MODES)
    }


def _tensors(examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    features = torch.tensor(np.array([each.features for each in examples])).float()
    return features, torch.tensor([12 * each.mode + each.tonic for each in examples])
