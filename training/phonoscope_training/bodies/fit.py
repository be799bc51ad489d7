"""Fine-tunes a network end to end from a published one, whose embedding anchors it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from torchaudio.functional import mask_along_axis_iid

from phonoscope_ml.conversion import mobilenet_from_efficientat
from phonoscope_ml.frontends import FrontEnd, build_front_end
from phonoscope_ml.networks import MobileNet, Network
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.errors import TrainingError
from phonoscope_training.heads.linear import fit_linear
from phonoscope_training.sounds import Sounds, alter
from phonoscope_training.training import Callback, Training, train_epochs

BodyTraining: TypeAlias = Training[BodyRecipe, Network]
_HEAD_DECAY = 1e-2
_AT_ONCE = 16


def published_body(path: Path, recipe: BodyRecipe) -> dict[str, Tensor]:
    """The weights that a fine-tuning starts from, without the last layer, by our names.

    Args:
        path: a safetensors file with the published names or with ours.

    Raises:
        TrainingError: the file cannot be read.
    """
    try:
        tensors = load_file(path)
    except OSError as error:
        raise TrainingError(f"{path}: {error}") from error
    if "stem.conv.weight" not in tensors:
        tensors = mobilenet_from_efficientat(tensors, recipe.arguments.get("width", 0.4))
    return {name: value for name, value in tensors.items() if not name.startswith("fc.")}


def new_training(sounds: Sounds, recipe: BodyRecipe, published: dict[str, Tensor]) -> BodyTraining:
    """A training that starts at the published weights and at the linear head fitted on their embedding.

    Raises ``TrainingError`` when there are fewer recordings than a batch holds.
    """
    torch.manual_seed(recipe.seed)
    if len(sounds) < recipe.schedule.batch:
        raise TrainingError(f"{len(sounds)} recordings are fewer than a batch of {recipe.schedule.batch}")
    network = MobileNet(labels=len(sounds.labels), **recipe.arguments).eval()
    network.load_state_dict(network.state_dict() | published)
    labelled = sounds.part(sounds.targets >= 0)
    units = features_of(network, labelled, build_front_end(recipe.front_end))[:, -network.penultimate.out_features :]
    head = fit_linear(units, labelled.targets, len(sounds.labels), _HEAD_DECAY)
    with torch.no_grad():
        network.fc.weight.copy_(head.weight)  # type: ignore[operator]
        network.fc.bias.copy_(head.bias)  # type: ignore[operator]
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Training(recipe, network, len(sounds) // recipe.schedule.batch)


def fit(
    sounds: Sounds, training: BodyTraining, published: dict[str, Tensor], callbacks: Sequence[Callback] = ()
) -> Network:
    """Trains up to the recipe's last epoch; returns the network with averaged weights, in evaluation mode.

    Batch statistics stay those of the published network: batches are few and small beside what it has heard.
    """
    teacher = copy.deepcopy(training.network).eval()
    teacher.load_state_dict(teacher.state_dict() | published)
    training.network.eval()
    train_epochs(training, lambda: _losses(sounds, training, teacher), callbacks)
    averaged = training.average.module if training.recipe.schedule.ema_decay else training.network
    return cast(Network, averaged.eval())


def features_of(network: Network, sounds: Sounds, front_end: FrontEnd) -> Tensor:
    """The features of recordings as they are. Shape: ``(recordings, features)``, float32."""
    with torch.inference_mode():
        parts = torch.split(torch.arange(len(sounds)), _AT_ONCE)
        features = [network(front_end(sounds.wave(part))).features for part in parts]
    return torch.cat(features).clone()


def interpolated(published: dict[str, Tensor], tuned: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights on the line from the published ones to the tuned ones (Wortsman et al., 2022, arXiv 2109.01903)."""
    return {
        name: torch.lerp(start, tuned[name].to(start.dtype), share) if start.is_floating_point() else start
        for name, start in published.items()
    }


def _losses(sounds: Sounds, training: BodyTraining, teacher: Network) -> Iterator[Tensor]:
    recipe, schedule = training.recipe, training.recipe.schedule
    front_end, rate = build_front_end(recipe.front_end), recipe.front_end.sample_rate_hz
    wanted = functional.one_hot(sounds.targets.clamp_min(0), len(sounds.labels)) * (sounds.targets >= 0)[:, None]
    donors = torch.tensor([each.full_band for each in recipe.sounds])[sounds.sets].nonzero()[:, 0]
    smooth = schedule.label_smoothing / len(sounds.labels)
    for chosen in torch.split(torch.randperm(len(sounds)), schedule.batch):
        if len(chosen) < schedule.batch:
            return
        lent = sounds.wave(donors[torch.randint(len(donors), (len(chosen),))] if len(donors) else chosen)
        wave, targets = alter(sounds.wave(chosen), wanted[chosen].float(), lent, recipe.augmentation, rate)
        with torch.no_grad():
            spectrograms = _masked(front_end(wave), recipe).contiguous(memory_format=torch.channels_last)
            anchor = teacher(spectrograms).embedding
        output = training.network(spectrograms)
        known = targets.sum(1, keepdim=True)
        targets = (1.0 - schedule.label_smoothing) * targets + smooth * known
        entropy = -(targets * output.logits.log_softmax(1)).sum() / known.sum().clamp_min(1.0)
        yield entropy + schedule.anchor * functional.mse_loss(output.embedding, anchor) / anchor.var().clamp_min(1e-6)


def _masked(spectrograms: Tensor, recipe: BodyRecipe) -> Tensor:
    """Spectrograms in which a stripe of bands and one of frames are set to the mean (Park et al., 2019)."""
    mean = spectrograms.mean().item()
    for axis, widest in ((2, recipe.augmentation.bands), (3, recipe.augmentation.frames)):
        if widest:
            spectrograms = mask_along_axis_iid(spectrograms, widest, mean, axis)
    return spectrograms
