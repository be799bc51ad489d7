"""The training loop on a small set."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from phonoscope.ml.network import AudioResNet
from phonoscope_training.data import Clips
from phonoscope_training.fit import Recipe, augment, fit, predict

RECIPE = Recipe(architecture="resnet18", epochs=4, batch=16, ema_decay=0.6, dropout=0.1)


@pytest.fixture(scope="module")
def fitted(clips: Clips) -> tuple[AudioResNet, list[str]]:
    """A network trained on the set, and what the training said."""
    said: list[str] = []
    return fit(clips, RECIPE, said.append), said


def test_it_learns_what_can_be_learned(clips: Clips, fitted: tuple[AudioResNet, list[str]]) -> None:
    """After a few epochs every picture of a separable set has its label."""
    network, _ = fitted
    probabilities = predict(network, clips.pictures)
    assert (probabilities.argmax(1) == clips.targets).all()
    torch.testing.assert_close(probabilities.sum(1), torch.ones(48))


def test_it_generalises_to_pictures_it_never_saw(clips: Clips, fitted: tuple[AudioResNet, list[str]]) -> None:
    """Other noise, shifted in time and at another gain, changes no label: it learned bands, not pictures."""
    network, _ = fitted
    others = (clips.pictures - 0.1 * torch.rand_like(clips.pictures)).clamp(0, 1).roll(5, dims=-1)
    assert (predict(network, others).argmax(1) == clips.targets).float().mean() > 0.95


def test_it_reports_every_epoch(fitted: tuple[AudioResNet, list[str]]) -> None:
    """One line an epoch, with a loss that falls."""
    _, said = fitted
    assert [line.partition(":")[0] for line in said] == [f"epoch {epoch}/4" for epoch in range(1, 5)]
    losses = [float(line.rpartition(" ")[2]) for line in said]
    assert losses[-1] < losses[0]


def test_the_network_comes_ready_for_use(fitted: tuple[AudioResNet, list[str]]) -> None:
    """In evaluation mode, with finite weights and statistics measured on the clips."""
    network, _ = fitted
    assert not any(module.training for module in network.modules())
    assert all(value.isfinite().all() for value in network.state_dict().values())


def test_the_same_seed_gives_the_same_weights(clips: Clips) -> None:
    """Training can be repeated: the seed decides everything, whatever was drawn before."""
    recipe, few = replace(RECIPE, epochs=1), clips.part(clips.folds <= 3)
    torch.manual_seed(100)
    first = fit(few, recipe, lambda _: None).state_dict()
    torch.manual_seed(200)
    second = fit(few, recipe, lambda _: None).state_dict()
    torch.testing.assert_close(first, second, rtol=0.0, atol=0.0)
    other = fit(few, replace(recipe, seed=2), lambda _: None).state_dict()
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_augmentation_keeps_pictures_and_targets_together(clips: Clips) -> None:
    """A batch goes in and comes out with the same shapes, its targets still probabilities."""
    targets = torch.nn.functional.one_hot(clips.targets, 3).float()
    pictures, wanted = augment(clips.pictures, targets)
    assert pictures.shape == clips.pictures.shape
    torch.testing.assert_close(wanted.sum(1), torch.ones(48))


def test_a_loss_that_is_no_number_stops_the_training(clips: Clips) -> None:
    """A broken network is never returned as if it were a trained one."""
    broken = replace(clips, pictures=clips.pictures * float("nan")).part(clips.folds == 1)
    with pytest.raises(FloatingPointError, match="epoch 1: the loss is nan"):
        fit(broken, replace(RECIPE, batch=12), lambda _: None)
