"""Trains classifiers on augmented spectrograms, by cross entropy with smoothed labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from phonoscope_ml.networks import AudioResNet, Output
from phonoscope_training.augment import augment, roll_in_time
from phonoscope_training.convolution import speed_up_convolutions
from phonoscope_training.data import Clips
from phonoscope_training.errors import TrainingError
from phonoscope_training.recipe import Recipe
from phonoscope_training.training import Callback, Training, computes_bfloat16, train_epochs

_PREDICTED_AT_ONCE = 32
_LEAST_SIDE = 64

ClassifierTraining: TypeAlias = Training[Recipe, AudioResNet]


def fit(clips: Clips, training: ClassifierTraining, callbacks: Sequence[Callback] = ()) -> AudioResNet:
    """Trains up to the recipe's last epoch; returns the network with averaged weights, in evaluation mode.

    Raises ``TrainingError`` when the loss is no longer a number.
    """
    targets = functional.one_hot(clips.targets, len(clips.labels)).float()
    training.network.train()
    train_epochs(training, lambda: _losses(clips, targets, training), callbacks)
    return averaged_network(clips, training)


def averaged_network(clips: Clips, training: ClassifierTraining) -> AudioResNet:
    """The averaged network in evaluation mode, with batch statistics measured on ``clips``.

    No batch has passed through the averaged weights before. Without averaging it is the network itself.
    """
    if not training.recipe.schedule.ema_decay:
        return training.network.eval()
    network = cast(AudioResNet, training.average.module)
    torch.manual_seed(training.recipe.seed)
    update_bn(torch.split(roll_in_time(clips.spectrograms), _PREDICTED_AT_ONCE), network)
    return network.eval()


def new_training(clips: Clips, recipe: Recipe, start_from: dict[str, Tensor] | None = None) -> ClassifierTraining:
    """A new network on the clips' device; its body is initialised from ``start_from`` where given.

    Raises ``TrainingError`` when there are fewer clips than a batch holds, or when ``start_from`` does not fit.
    """
    torch.manual_seed(recipe.seed)
    settings = recipe.network
    network = AudioResNet(settings.architecture, len(clips.labels), settings.dropout)
    if start_from is not None:
        _start_from(network, start_from, settings.architecture)
    if len(clips) < recipe.schedule.batch:
        raise TrainingError(f"{len(clips)} windows are fewer than a batch of {recipe.schedule.batch}")
    if clips.spectrograms.device.type == "cpu":
        speed_up_convolutions(network)
    network = network.to(clips.spectrograms.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Training(recipe, network, len(clips) // recipe.schedule.batch)


def predict(network: AudioResNet, spectrograms: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and embeddings, as the served model would give them.

    Shape:
        - input: ``(windows, 1, mels, frames)``
        - output: ``(windows, labels)`` and ``(windows, 512)``, float32 on the CPU
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        outputs: list[Output] = [network(batch.to(device)) for batch in torch.split(spectrograms, _PREDICTED_AT_ONCE)]
    return torch.cat([output.logits.cpu() for output in outputs]), torch.cat(
        [output.embedding.cpu() for output in outputs]
    )


def _start_from(network: AudioResNet, weights: dict[str, Tensor], architecture: str) -> None:
    """Copies the body's weights; from a deeper network those of the first blocks of each group."""
    last = {name: value for name, value in network.state_dict().items() if name.startswith("fc.")}
    body = {name: weights[name].float() for name in network.state_dict() if name in weights and name not in last}
    try:
        network.load_state_dict(last | body)
    except RuntimeError as error:
        raise TrainingError(f"start_from does not fit {architecture}: {error}") from error


def _losses(clips: Clips, targets: Tensor, training: ClassifierTraining) -> Iterator[Tensor]:
    recipe, network = training.recipe, training.network
    for chosen in _batches(len(clips), recipe.schedule.batch):
        spectrograms, wanted = augment(
            clips.spectrograms[chosen], targets[chosen], recipe.augmentation, recipe.front_end.range_db
        )
        with _mixed_precision(spectrograms):
            logits = network(spectrograms.to(memory_format=torch.channels_last)).logits
        yield functional.cross_entropy(logits.float(), wanted, label_smoothing=recipe.schedule.label_smoothing)


def _batches(clips: int, batch: int) -> list[Tensor]:
    """Full batches in random order; the remaining windows wait for another epoch."""
    return [chosen for chosen in torch.split(torch.randperm(clips), batch) if len(chosen) == batch]


def _mixed_precision(spectrograms: Tensor) -> torch.autocast:
    device = spectrograms.device
    able = computes_bfloat16(device)
    if device.type == "cpu":
        # On spectrograms smaller than this the last layers are one or two points wide, and oneDNN's kernels give NaN.
        able = able and min(spectrograms.shape[-2:]) >= _LEAST_SIDE
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)
