"""The training of separating networks: mean absolute errors of the stems' waveforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import torch
from demucs.htdemucs import HTDemucs
from torch import Tensor
from torch.nn import functional

from phonoscope_training.separation.mixing import draw_examples
from phonoscope_training.separation.network import training_network
from phonoscope_training.separation.recipe import SeparationRecipe
from phonoscope_training.separation.songs import Song
from phonoscope_training.training import Callback, Training, go_on

Separating: TypeAlias = Training[SeparationRecipe, HTDemucs]


def begin(recipe: SeparationRecipe, device: torch.device) -> Separating:
    """A fresh network."""
    torch.manual_seed(recipe.seed)
    return Training(recipe, training_network(recipe.network).to(device), recipe.schedule.steps)


def fit(
    songs: list[Song],
    training: Separating,
    callbacks: Sequence[Callback] = (),
    measure: Callable[[int], Mapping[str, float]] = lambda _: {},
    *,
    compiled: bool = False,
) -> dict[str, Tensor]:
    """Goes on with ``training`` to its recipe's last epoch; the averaged weights.

    Args:
        compiled: the network's kernels are compiled first, which takes minutes and saves a quarter of each step.

    Raises ``TrainingError`` when the loss is no longer a number.
    """
    forward: Callable[[Tensor], Tensor] = torch.compile(training.network) if compiled else training.network
    training.network.train()
    go_on(training, lambda: _losses(songs, training, forward), callbacks, measure)
    return learned_weights(training)


def learned_weights(training: Separating) -> dict[str, Tensor]:
    """The averaged weights, or the network's own where its recipe keeps no average; float32 on the CPU."""
    averaged = training.recipe.schedule.ema_decay > 0.0
    network = training.average.module if averaged else training.network
    return {name: value.detach().cpu() for name, value in network.state_dict().items()}


def _losses(songs: list[Song], training: Separating, forward: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    recipe, device = training.recipe, next(training.network.parameters()).device
    for _ in range(recipe.schedule.steps):
        stems = draw_examples(songs, recipe.schedule.batch, recipe.network.samples, recipe.mixing).to(device)
        # In single precision: in bfloat16 the loss climbs within ten steps.
        yield functional.l1_loss(forward(stems.sum(1)), stems)
