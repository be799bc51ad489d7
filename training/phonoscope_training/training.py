"""The training loop that all trainings share: AdamW under a one-cycle schedule, averaged weights, resumable epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.cpu import get_capabilities as _cpu_capabilities
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from phonoscope_training.errors import TrainingError
from phonoscope_training.recipe import OneCycleSettings

_GOLDEN = 0x9E3779B1


class ScheduledRecipe(Protocol):
    """The part of a recipe that the loop reads."""

    @property
    def seed(self) -> int: ...

    @property
    def schedule(self) -> OneCycleSettings: ...


RecipeT = TypeVar("RecipeT", bound=ScheduledRecipe)
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass
class Training(Generic[RecipeT, NetworkT]):
    """The state of a training, which a checkpoint saves."""

    recipe: RecipeT
    network: NetworkT
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

    def step(self, loss: Tensor) -> None:
        """Makes one optimiser step, and updates the average."""
        settings = self.recipe.schedule
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimiser.step()
        self.schedule.step()
        if settings.ema_decay:
            self.average.update_parameters(self.network)


@dataclass(frozen=True)
class Epoch:
    """An epoch's outcome, for callbacks; ``figures`` are those measured after it, by name."""

    number: int
    of: int
    loss: float
    rate: float
    seconds: float
    training: Training[Any, Any]
    figures: Mapping[str, float]


Callback = Callable[[Epoch], None]


def train_epochs(
    training: Training[Any, Any],
    losses: Callable[[], Iterable[Tensor]],
    callbacks: Sequence[Callback] = (),
    measure: Callable[[int], Mapping[str, float]] = lambda _: {},
) -> None:
    """Trains up to the recipe's last epoch.

    Each epoch seeds its random numbers from the recipe's seed and its own number, so that a resumed run ends with the
    same weights as an uninterrupted one.

    Args:
        losses: yields the losses of an epoch's steps; the optimiser steps after each, before the next is computed.
        measure: measures the network after the epoch with that number.

    Raises ``TrainingError`` when the loss is not a finite number.
    """
    settings = training.recipe.schedule
    while training.epochs_done < settings.epochs:
        torch.manual_seed((training.recipe.seed * _GOLDEN + training.epochs_done) % 2**63)
        started, seen = time.monotonic(), []
        for loss in losses():
            training.step(loss)
            seen.append(loss.detach())
        training.epochs_done += 1
        mean_loss = torch.stack(seen).mean().item()
        if not isfinite(mean_loss):
            raise TrainingError(f"epoch {training.epochs_done}: the loss is not a number")
        rate, seconds = training.optimiser.param_groups[0]["lr"], time.monotonic() - started
        epoch = Epoch(
            training.epochs_done,
            settings.epochs,
            mean_loss,
            rate,
            seconds,
            training,
            measure(training.epochs_done),
        )
        for callback in callbacks:
            callback(epoch)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16, which unlike float16 needs no scaling of the loss."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = _cpu_capabilities()
    return device.type == "cpu" and any(bool(capabilities.get(kind)) for kind in ("avx512_bf16", "bf16"))
