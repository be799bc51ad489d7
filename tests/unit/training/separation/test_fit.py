"""The training loop of stems, on tones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from phonoscope_training.checkpoint import load_checkpoint, save_checkpoint
from phonoscope_training.errors import InvalidRun, TrainingError
from phonoscope_training.separation.fit import fit, learned_weights, new_training
from phonoscope_training.separation.recipe import MixingSettings, SeparationRecipe
from phonoscope_training.separation.songs import Song
from phonoscope_training.training import Epoch

CPU = torch.device("cpu")


def with_schedule(recipe: SeparationRecipe, **schedule: Any) -> SeparationRecipe:
    """The recipe with another schedule."""
    return recipe.model_copy(update={"schedule": recipe.schedule.model_copy(update=schedule)})


def test_it_learns_to_tell_tones_apart(recipe: SeparationRecipe, songs: list[Song]) -> None:
    """The error falls well below what it was, and callbacks are told of every epoch."""
    told: list[Epoch] = []
    plain = with_schedule(recipe, epochs=4, steps=8, peak_rate=2e-2).model_copy(update={"mixing": MixingSettings()})
    fit(songs, new_training(plain, CPU), [told.append])
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[-1].loss < 0.6 * told[0].loss


def test_a_resumed_run_ends_where_an_unbroken_one_does(
    recipe: SeparationRecipe, songs: list[Song], tmp_path: Path
) -> None:
    """Stopped after an epoch and gone on with from its checkpoint: the very same weights, averaged or not."""
    path = tmp_path / "checkpoint.safetensors"

    def keep(epoch: Epoch) -> None:
        if epoch.number == 2:
            save_checkpoint(epoch.training, path)

    unbroken = new_training(recipe, CPU)
    whole = fit(songs, unbroken, [keep])
    resumed = new_training(recipe, CPU)
    load_checkpoint(resumed, path)
    assert resumed.epochs_done == 2
    torch.testing.assert_close(fit(songs, resumed), whole, rtol=0.0, atol=0.0)
    torch.testing.assert_close(resumed.network.state_dict(), unbroken.network.state_dict(), rtol=0.0, atol=0.0)


def test_figures_are_measured_without_touching_the_run(recipe: SeparationRecipe, songs: list[Song]) -> None:
    """Callbacks are told them; the weights are those of a run that measured nothing."""
    told: list[Epoch] = []

    def measure(epoch: int) -> dict[str, float]:
        return {"SDR": float(torch.rand(())) + epoch} if epoch == 2 else {}

    measured = fit(songs, new_training(recipe, CPU), [told.append], measure)
    torch.testing.assert_close(measured, fit(songs, new_training(recipe, CPU)), rtol=0.0, atol=0.0)
    assert [list(epoch.figures) for epoch in told] == [[], ["SDR"], []]


def test_without_an_average_the_networks_own_weights_are_learned(recipe: SeparationRecipe, songs: list[Song]) -> None:
    """With one they lag behind."""
    plain = new_training(with_schedule(recipe, epochs=1, ema_decay=0.0), CPU)
    torch.testing.assert_close(fit(songs, plain), dict(plain.network.state_dict()))
    averaged = new_training(with_schedule(recipe, epochs=1), CPU)
    weights = fit(songs, averaged)
    torch.testing.assert_close(learned_weights(averaged), weights)
    own = averaged.network.state_dict()
    assert not all(torch.equal(weights[name], own[name]) for name in weights)


def test_a_checkpoint_of_another_network_is_refused(recipe: SeparationRecipe, tmp_path: Path) -> None:
    """It is named."""
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(new_training(recipe, CPU), path)
    wider = recipe.model_copy(update={"network": recipe.network.model_copy(update={"channels": 12})})
    with pytest.raises(InvalidRun, match=r"checkpoint\.safetensors is not a checkpoint of this recipe"):
        load_checkpoint(new_training(wider, CPU), path)


def test_a_loss_that_is_no_number_stops_the_training(recipe: SeparationRecipe, songs: list[Song]) -> None:
    """A broken network is never returned as if it were a trained one."""
    broken = new_training(recipe, CPU)
    next(broken.network.parameters()).data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="epoch 1: the loss is not a number"):
        fit(songs, broken)
