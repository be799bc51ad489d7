"""The training loop on a small set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.networks import AudioResNet
from phonoscope_training.checkpoint import load_checkpoint, save_checkpoint, save_tensors
from phonoscope_training.data import Clips
from phonoscope_training.errors import InvalidRun, TrainingError
from phonoscope_training.fit import fit, new_training, predict
from phonoscope_training.recipe import (
    AugmentationSettings,
    DataSettings,
    NetworkSettings,
    Recipe,
    ScheduleSettings,
)
from phonoscope_training.training import Epoch

RECIPE = Recipe(
    data=DataSettings(source="folders", path=Path("nowhere")),
    front_end=DecibelSettings(n_mels=48),
    network=NetworkSettings(architecture="resnet18", dropout=0.1),
    augmentation=AugmentationSettings(roll=True, time_mask=8, gain=0.05, mixup_alpha=0.2),
    schedule=ScheduleSettings(epochs=4, batch=16, peak_rate=1e-3, ema_decay=0.6),
)


def recipe(**schedule: Any) -> Recipe:
    """The recipe above with another schedule."""
    return RECIPE.model_copy(update={"schedule": RECIPE.schedule.model_copy(update=schedule)})


@pytest.fixture(scope="module")
def fitted(clips: Clips) -> tuple[AudioResNet, list[Epoch]]:
    """A network trained on the set, and what a callback was told."""
    told: list[Epoch] = []
    return fit(clips, new_training(clips, RECIPE), [told.append]), told


def test_it_learns_what_can_be_learned(clips: Clips, fitted: tuple[AudioResNet, list[Epoch]]) -> None:
    """After a few epochs every spectrogram of a separable set has its label."""
    logits, embeddings = predict(fitted[0], clips.spectrograms)
    assert (logits.argmax(1) == clips.targets).all()
    assert embeddings.shape == (48, 512)


def test_it_generalises_to_pictures_it_never_saw(clips: Clips, fitted: tuple[AudioResNet, list[Epoch]]) -> None:
    """Other noise, shifted in time and at another gain, changes no label: it learned bands, not spectrograms."""
    others = (clips.spectrograms - 0.1 * torch.rand_like(clips.spectrograms)).clamp(0, 1).roll(5, dims=-1)
    assert (predict(fitted[0], others)[0].argmax(1) == clips.targets).float().mean() > 0.95


def test_callbacks_are_told_of_every_epoch(fitted: tuple[AudioResNet, list[Epoch]]) -> None:
    """Number, a loss that falls, and a rate that rises and falls to almost nothing."""
    _, told = fitted
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[-1].loss < told[0].loss
    assert max(epoch.rate for epoch in told) > 20 * told[-1].rate


def test_the_network_comes_ready_for_use(fitted: tuple[AudioResNet, list[Epoch]]) -> None:
    """Dropout and batch statistics are off: the same spectrogram gives the same answer."""
    assert not any(module.training for module in fitted[0].modules())


def test_the_same_seed_gives_the_same_network(clips: Clips) -> None:
    """Twice the same run is bit by bit the same; another seed is another network."""
    few, short = clips.part(clips.folds < 3), recipe(epochs=2, batch=12)
    first = fit(few, new_training(few, short)).state_dict()
    second = fit(few, new_training(few, short)).state_dict()
    torch.testing.assert_close(first, second, rtol=0.0, atol=0.0)
    reseeded = short.model_copy(update={"seed": 2})
    other = fit(few, new_training(few, reseeded)).state_dict()
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_a_resumed_run_ends_where_an_unbroken_one_does(clips: Clips, tmp_path: Path) -> None:
    """Stopped after any epoch and gone on with from its checkpoint: the very same weights."""
    few, short = clips.part(clips.folds < 3), recipe(epochs=3, batch=12)
    path = tmp_path / "checkpoint.safetensors"

    def keep(epoch: Epoch) -> None:
        if epoch.number == 2:
            save_checkpoint(epoch.training, path)

    unbroken = fit(few, new_training(few, short), [keep]).state_dict()
    resumed = new_training(few, short)
    load_checkpoint(resumed, path)
    assert resumed.epochs_done == 2
    torch.testing.assert_close(fit(few, resumed).state_dict(), unbroken, rtol=0.0, atol=0.0)


def test_whoever_may_read_the_folder_may_read_the_weights(tmp_path: Path) -> None:
    """A container serves them under another user than the one who trained."""
    beside = tmp_path / "beside"
    beside.touch()
    save_tensors({"a": torch.zeros(1)}, tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").stat().st_mode == beside.stat().st_mode


def test_a_checkpoint_of_another_network_is_refused(clips: Clips, tmp_path: Path) -> None:
    """So is a file that is no checkpoint at all; both are named."""
    other = RECIPE.model_copy(update={"network": NetworkSettings(architecture="resnet34")})
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(new_training(clips, RECIPE), path)
    with pytest.raises(InvalidRun, match=r"checkpoint\.safetensors"):
        load_checkpoint(new_training(clips, other), path)
    path.write_bytes(b"no tensors")
    with pytest.raises(InvalidRun, match=r"checkpoint\.safetensors"):
        load_checkpoint(new_training(clips, RECIPE), path)


@pytest.mark.parametrize("architecture", ["resnet18", "resnet34"])
def test_a_training_may_start_from_another_networks_body(clips: Clips, architecture: str) -> None:
    """All layers but the last are taken over, of a deeper network the first blocks of each group."""
    torch.manual_seed(99)
    given = AudioResNet(architecture, labels=7).state_dict()
    training = new_training(clips, RECIPE, given)
    taken = {name: value for name, value in training.network.state_dict().items() if not name.startswith("fc.")}
    assert {name.split(".")[1] for name in taken if name.startswith("layer3.")} == {"0", "1"}
    assert all(torch.equal(value, given[name]) for name, value in taken.items())
    assert training.network.fc.out_features == 3


def test_a_body_that_lacks_a_layer_is_refused(clips: Clips) -> None:
    """A shallower network's body, or a file of something else."""
    donor = AudioResNet("resnet18", labels=7)
    deeper = RECIPE.model_copy(update={"network": NetworkSettings(architecture="resnet34")})
    with pytest.raises(TrainingError, match="start_from does not fit resnet34"):
        new_training(clips, deeper, donor.state_dict())
    with pytest.raises(TrainingError, match=r"Missing key.*conv1\.weight"):
        new_training(clips, RECIPE, {"layer1.0.conv1.weight": donor.state_dict()["layer1.0.conv1.weight"]})


def test_without_an_average_the_networks_own_weights_are_the_result(clips: Clips) -> None:
    """Recipes may leave the average out."""
    plain = recipe(epochs=1, ema_decay=0.0)
    training = new_training(clips, plain)
    assert fit(clips, training) is training.network


def test_fewer_windows_than_a_batch_are_refused(clips: Clips) -> None:
    """A training without a single step would return a random network."""
    with pytest.raises(TrainingError, match="12 windows are fewer than a batch of 16"):
        new_training(clips.part(clips.folds == 1), RECIPE)


def test_a_loss_that_is_no_number_stops_the_training(clips: Clips) -> None:
    """A broken network is never returned as if it were a trained one."""
    broken = replace(clips, spectrograms=clips.spectrograms * float("nan"))
    with pytest.raises(TrainingError, match="epoch 1: the loss is not a number"):
        fit(broken, new_training(broken, RECIPE))
