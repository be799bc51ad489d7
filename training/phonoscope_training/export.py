"""A trained network as a folder that the service can serve: ``manifest.json`` and ``weights.safetensors``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from phonoscope.ml.network import AudioResNet


def half_precision(network: AudioResNet) -> dict[str, Tensor]:
    """The weights as they are shipped: float16, but for the counters."""
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }


def round_weights(network: AudioResNet) -> AudioResNet:
    """The network as it will be served, so that its figures are those of the shipped weights."""
    network.load_state_dict({name: value.float() for name, value in half_precision(network).items()})
    return network


def export(network: AudioResNet, manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the folder; returns the manifest completed with the weights' digest."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.safetensors"
    save_file(half_precision(network), weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    complete = manifest | {"weights": {"file": weights.name, "sha256": digest, "dtype": "float16"}}
    (folder / "manifest.json").write_text(json.dumps(complete, indent=2) + "\n")
    return complete


def environment() -> dict[str, str]:
    return {"torch": torch.__version__, "cpu_capability": torch.backends.cpu.get_cpu_capability()}
