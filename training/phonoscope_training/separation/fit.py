"""Trains separation networks, by the mean absolute error of the stems' waveforms."""

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
from phonoscope_training.training import Callback, Training, train_epochs

SeparationTraining: TypeAlias = Training[SeparationRecipe, HTDemucs]


def new_training(recipe: SeparationRecipe, device: torch.device) -> SeparationTraining:
    """A new network for a recipe, on a device."""
    torch.manual_seed(recipe.seed)
    return Training(recipe, training_network(recipe.network).to(device), recipe.schedule.steps)


def fit(
    songs: list[Song],
    training: SeparationTraining,
    callbacks: Sequence[Callback] = (),
    measure: Callable[[int], Mapping[str, float]] = lambda _: {},
    *,
    compiled: bool = False,
) -> dict[str, Tensor]:
    """Trains up to the recipe's last epoch; returns the averaged weights.

    Args:
        compiled: compiles the network's kernels first, which takes minutes and saves a quarter of each step.

    Raises ``TrainingError`` when the loss is no longer a number.
    """
    forward: Callable[[Tensor], Tensor] = torch.compile(training.network) if compiled else training.network
    training.network.train()
    train_epochs(training, lambda: _losses(songs, training, forward), callbacks, measure)
    return learned_weights(training)


def learned_weights(training: SeparationTraining) -> dict[str, Tensor]:
    """The averaged weights, or the network's own when its recipe does not average; float32 on the CPU."""
    averaged = training.recipe.schedule.ema_decay > 0.0
    network = training.average.module if averaged else training.network
    return {name: value.detach().cpu() for name, value in network.state_dict().items()}


def _losses(songs: list[Song], training: SeparationTraining, forward: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    recipe, device = training.recipe, next(training.network.parameters()).device
    for _ in range(recipe.schedule.steps):
        stems = draw_examples(songs, recipe.schedule.batch, recipe.network.samples, recipe.mixing).to(device)
        # In single precision: in bfloat16 the loss climbs within ten steps.
        yield functional.l1_loss(forward(stems.sum(1)), stems)
