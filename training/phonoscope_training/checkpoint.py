"""Checkpoints in safetensors, from which a stopped run continues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from phonoscope_training.errors import InvalidRun
from phonoscope_training.training import Training

_REST = "training"


def save_checkpoint(training: Training[Any, Any], path: Path) -> None:
    """Writes a checkpoint to a temporary file and renames it, so that a kill leaves the last complete one."""
    tensors = {f"network.{name}": value for name, value in training.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in training.average.state_dict().items()}
    for index, state in training.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    rest = {
        "epochs_done": training.epochs_done,
        "groups": training.optimiser.state_dict()["param_groups"],
        "schedule": training.schedule.state_dict(),
    }
    save_tensors(tensors, path, {_REST: json.dumps(rest)})


def load_checkpoint(training: Training[Any, Any], path: Path) -> None:
    """Restores ``training`` from a checkpoint. Raises ``InvalidRun`` when it does not fit."""
    try:
        tensors = load_file(path, device=str(next(training.network.parameters()).device))
        with safe_open(path, "pt") as file:
            rest = json.loads(file.metadata()[_REST])
        training.network.load_state_dict(_under("network.", tensors))
        training.average.load_state_dict(_under("average.", tensors))
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InvalidRun(f"{path} is not a checkpoint of this recipe: {error}") from error
    state: dict[int, dict[str, Tensor]] = {}
    parameters = list(training.network.parameters())
    for name, value in _under("optimiser.", tensors).items():
        index, _, kind = name.partition(".")
        # The same memory layout as in the uninterrupted run: another one rounds differently.
        like = parameters[int(index)] if value.dim() else value
        state.setdefault(int(index), {})[kind] = torch.empty_like(like).copy_(value)
    training.optimiser.load_state_dict({"state": state, "param_groups": rest["groups"]})
    training.schedule.load_state_dict(rest["schedule"])
    training.epochs_done = rest["epochs_done"]


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a safetensors file atomically."""
    partial = path.with_suffix(".partial")
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    # Not by save_file: only their owner can read its files, and a container's user must read them.
    partial.write_bytes(save(whole, metadata))
    partial.replace(path)


def half_precision(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as they are published: float16, except the integer counters."""
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
