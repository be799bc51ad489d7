"""Small classifiers: a front end that costs little, a manifest, and a model's folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.networks import AudioResNet
from phonoscope_training.export import write_model

SMALL = DecibelSettings(
    sample_rate_hz=8_000,
    n_fft=1_024,
    hop_length=200,
    n_mels=32,
    f_min_hz=50.0,
    f_max_hz=4_000.0,
    window_s=1.0,
    window_hop_s=0.5,
)


def classifier_manifest(name: str, labels: list[str], **changes: Any) -> dict[str, Any]:
    """What a manifest says besides the weights, which the export adds."""
    values = {
        "name": name,
        "version": 1,
        "kind": "test sound",
        "architecture": "resnet18",
        "embedding_dim": 512,
        "labels": labels,
        "front_end": SMALL.as_dict(),
        "unknown_below": 0.3,
        "metrics": {},
        "data": "none: the weights are random",
        "licence": "none",
        "limits": ["It has learned nothing."],
    }
    return values | changes


def write_classifier(folder: Path, heard: str, seed: int) -> None:
    """Writes a small network with random weights that hears one label in everything."""
    manifest = classifier_manifest(folder.name, [heard, "anything else"], version=seed, unknown_below=0.0)
    write_model(_weights(seed), manifest, folder)


@cache
def _weights(seed: int) -> dict[str, Tensor]:
    """Those of two labels, in half precision: half as much to write, to hash and to read."""
    torch.manual_seed(seed)
    network = AudioResNet("resnet18", 2)
    with torch.no_grad():
        network.fc.get_parameter("bias").copy_(torch.tensor([20.0, 0.0]))
    return network.half().state_dict()
