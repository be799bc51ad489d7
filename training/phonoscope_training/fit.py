"""The training loop: AdamW under a one-cycle schedule, label smoothing, and an average of the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from phonoscope.ml.network import AudioResNet
from phonoscope_training.augment import change_gain, keep_a_part, mixup, roll_in_time, spec_augment
from phonoscope_training.data import Clips


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Fixed before any test fold is scored."""

    architecture: str = "resnet34"
    epochs: int = 40
    batch: int = 16
    peak_rate: float = 1e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    dropout: float = 0.2
    ema_decay: float = 0.98
    seed: int = 1


def fit(clips: Clips, recipe: Recipe, report: Callable[[str], None] = print) -> AudioResNet:
    """A network trained on all of ``clips`` for the recipe's epochs, with averaged weights, in evaluation mode.

    Raises ``FloatingPointError`` when the loss is no longer a number, rather than going on for nothing.
    """
    torch.manual_seed(recipe.seed)
    network = AudioResNet(recipe.architecture, len(clips.labels), recipe.dropout)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay), use_buffers=True)  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * (len(clips.targets) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.peak_rate, total_steps=steps, pct_start=0.2)
    targets = functional.one_hot(clips.targets, len(clips.labels)).float()
    for epoch in range(recipe.epochs):
        total = torch.zeros(())
        batches = torch.split(torch.randperm(len(clips.targets)), recipe.batch)
        for chosen in (batch for batch in batches if len(batch) == recipe.batch):
            pictures, wanted = augment(clips.pictures[chosen], targets[chosen])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(pictures.to(memory_format=torch.channels_last)).logits
            loss = functional.cross_entropy(logits.float(), wanted, label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            total += loss.detach()
        if not total.isfinite():
            raise FloatingPointError(f"epoch {epoch + 1}: the loss is {total.item()}")
        report(f"epoch {epoch + 1}/{recipe.epochs}: loss {total.item() / len(batches):.3f}")
    # The averaged weights never saw a batch: the statistics that normalise their activations are measured anew.
    update_bn(torch.split(roll_in_time(clips.pictures), recipe.batch * 2), average.module)
    return cast(AudioResNet, average.module.eval())


def augment(pictures: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    pictures = spec_augment(change_gain(keep_a_part(roll_in_time(pictures))))
    return mixup(pictures, targets)


def predict(network: AudioResNet, pictures: Tensor) -> Tensor:
    """Probabilities.

    Shape:
        - input: ``(clips, 1, mels, frames)``
        - output: ``(clips, labels)``, rows summing to 1
    """
    with torch.inference_mode():
        return torch.cat([network(batch).logits.softmax(-1) for batch in torch.split(pictures, 16)])
