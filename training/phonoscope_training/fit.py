"""The training loop: AdamW under a one-cycle schedule, label smoothing, and an average of the weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import cast

import torch
from torch import Tensor
from torch.cpu import get_capabilities as _cpu_capabilities
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from phonoscope.ml.network import AudioResNet, Output
from phonoscope_training.augment import augment, roll_in_time
from phonoscope_training.convolution import quicken
from phonoscope_training.data import Clips
from phonoscope_training.errors import TrainingError
from phonoscope_training.recipe import Recipe

_GOLDEN = 0x9E3779B1
_PREDICTED_AT_ONCE = 32
_LEAST_SIDE = 64


@dataclass(frozen=True)
class Epoch:
    """What a callback is told after each pass over the clips."""

    number: int
    of: int
    loss: float
    rate: float
    seconds: float
    training: Training


Callback = Callable[[Epoch], None]


@dataclass
class Training:
    """A network on its way: what a checkpoint has to hold."""

    recipe: Recipe
    network: AudioResNet
    steps_per_epoch: int
    epochs_done: int = 0
    average: AveragedModel = field(init=False)
    optimiser: torch.optim.AdamW = field(init=False)
    schedule: torch.optim.lr_scheduler.OneCycleLR = field(init=False)

    def __post_init__(self) -> None:
        settings = self.recipe.schedule
        averaging = get_ema_multi_avg_fn(settings.ema_decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.peak_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.peak_rate,
            total_steps=settings.epochs * self.steps_per_epoch,
            pct_start=settings.warm_up,
        )

    def finished(self, clips: Clips) -> AudioResNet:
        """The averaged network in evaluation mode, the statistics of its activations measured on ``clips``.

        The averaged weights never saw a batch; without an average the network's own statistics stand.
        """
        if not self.recipe.schedule.ema_decay:
            return self.network.eval()
        network = cast(AudioResNet, self.average.module)
        torch.manual_seed(self.recipe.seed)
        update_bn(torch.split(roll_in_time(clips.pictures), _PREDICTED_AT_ONCE), network)
        return network.eval()


def fit(clips: Clips, training: Training, callbacks: Sequence[Callback] = ()) -> AudioResNet:
    """Goes on with ``training`` to its recipe's last epoch; the network, with averaged weights, in evaluation mode.

    Each epoch draws its chance from the recipe's seed and its own number, so that a run that was stopped and resumed
    ends with the very weights of one that was not.

    Raises ``TrainingError`` when the loss is no longer a number, rather than going on for nothing.
    """
    recipe, settings = training.recipe, training.recipe.schedule
    targets = functional.one_hot(clips.targets, len(clips.labels)).float()
    network = training.network.train()
    while training.epochs_done < settings.epochs:
        torch.manual_seed((recipe.seed * _GOLDEN + training.epochs_done) % 2**63)
        started, losses = time.monotonic(), []
        for chosen in _batches(len(clips), settings.batch):
            pictures, wanted = augment(
                clips.pictures[chosen], targets[chosen], recipe.augmentation, recipe.front_end.range_db
            )
            with _mixed_precision(pictures):
                logits = network(pictures.to(memory_format=torch.channels_last)).logits
            loss = functional.cross_entropy(logits.float(), wanted, label_smoothing=settings.label_smoothing)
            training.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
            training.optimiser.step()
            training.schedule.step()
            if settings.ema_decay:
                training.average.update_parameters(network)
            losses.append(loss.detach())
        training.epochs_done += 1
        mean_loss = torch.stack(losses).mean().item()
        if not isfinite(mean_loss):
            raise TrainingError(f"epoch {training.epochs_done}: the loss is not a number")
        rate, seconds = training.optimiser.param_groups[0]["lr"], time.monotonic() - started
        for callback in callbacks:
            callback(Epoch(training.epochs_done, settings.epochs, mean_loss, rate, seconds, training))
    return training.finished(clips)


def begin(clips: Clips, recipe: Recipe, start_from: dict[str, Tensor] | None = None) -> Training:
    """A fresh network on the clips' device, its body from ``start_from`` where that is given, its last layer new.

    Raises ``TrainingError`` when there are fewer clips than a batch holds, or when ``start_from`` does not fit.
    """
    torch.manual_seed(recipe.seed)
    settings = recipe.network
    network = AudioResNet(settings.architecture, len(clips.labels), settings.dropout)
    if start_from is not None:
        _start_from(network, start_from, settings.architecture)
    if len(clips) < recipe.schedule.batch:
        raise TrainingError(f"{len(clips)} windows to learn from are fewer than a batch of {recipe.schedule.batch}")
    if clips.pictures.device.type == "cpu":
        quicken(network)
    network = network.to(clips.pictures.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Training(recipe, network, len(clips) // recipe.schedule.batch)


def predict(network: AudioResNet, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and embeddings, as the served model would give them.

    Shape:
        - input: ``(windows, 1, mels, frames)``
        - output: ``(windows, labels)`` and ``(windows, 512)``, float32 on the CPU
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        outputs: list[Output] = [network(batch.to(device)) for batch in torch.split(pictures, _PREDICTED_AT_ONCE)]
    return torch.cat([output.logits.cpu() for output in outputs]), torch.cat(
        [output.embedding.cpu() for output in outputs]
    )


def _start_from(network: AudioResNet, weights: dict[str, Tensor], architecture: str) -> None:
    own = {name: value for name, value in network.state_dict().items() if name.startswith("fc.")}
    body = {name: value.float() for name, value in weights.items() if not name.startswith("fc.")}
    try:
        network.load_state_dict(own | body)
    except RuntimeError as error:
        raise TrainingError(f"start_from does not fit {architecture}: {error}") from error


def _batches(clips: int, batch: int) -> list[Tensor]:
    """Whole batches in random order; the rest that would make a smaller one waits for another epoch."""
    return [chosen for chosen in torch.split(torch.randperm(clips), batch) if len(chosen) == batch]


def _mixed_precision(pictures: Tensor) -> torch.autocast:
    """bfloat16 where the device computes in it: unlike float16 it needs no scaling of the loss."""
    device = pictures.device.type
    able = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        capabilities = _cpu_capabilities()
        # On pictures smaller than this the last layers are one or two points wide, and oneDNN's kernels give NaN.
        able = min(pictures.shape[-2:]) >= _LEAST_SIDE and any(
            capabilities.get(kind) for kind in ("avx512_bf16", "bf16")
        )
    return torch.autocast(device, dtype=torch.bfloat16, enabled=able)
