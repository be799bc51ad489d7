"""What every training shares: AdamW under one cycle, an average of the weights, epochs that can be gone on with."""

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


class Scheduled(Protocol):
    """A recipe, as far as the loop needs to know it."""

    @property
    def seed(self) -> int: ...

    @property
    def schedule(self) -> OneCycleSettings: ...


RecipeT = TypeVar("RecipeT", bound=Scheduled)
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass
class Training(Generic[RecipeT, NetworkT]):
    """A network on its way: what a checkpoint has to hold."""

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
        """One step down the loss' gradient, and one of the average."""
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
    """What a callback is told after each epoch; ``figures`` are those measured after it, by name."""

    number: int
    of: int
    loss: float
    rate: float
    seconds: float
    training: Training[Any, Any]
    figures: Mapping[str, float]


Callback = Callable[[Epoch], None]


def go_on(
    training: Training[Any, Any],
    losses: Callable[[], Iterable[Tensor]],
    callbacks: Sequence[Callback] = (),
    measure: Callable[[int], Mapping[str, float]] = lambda _: {},
) -> None:
    """Goes on with ``training`` to its recipe's last epoch.

    Each epoch draws its chance from the recipe's seed and its own number, so that a run that was stopped and resumed
    ends with the very weights of one that was not.

    Args:
        losses: gives the losses of an epoch's steps, one by one; each is stepped down before the next is asked for.
        measure: figures of the network after the epoch of that number.

    Raises ``TrainingError`` when the loss is no longer a number, rather than going on for nothing.
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
    """Where the device computes in it: unlike float16 it needs no scaling of the loss."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = _cpu_capabilities()
    return device.type == "cpu" and any(bool(capabilities.get(kind)) for kind in ("avx512_bf16", "bf16"))
