"""Small bodies and heads with random weights, in folders as pulled and trained ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from phonoscope_ml.heads import Head
from phonoscope_ml.networks import build_network
from phonoscope_training.export import write_model
from tests.classifiers import SMALL

DESCRIPTION = {"version": 1, "metrics": {}, "data": "none", "licence": "none", "limits": ["It has learned nothing."]}
MUSIC = {
    "kind": "log10",
    "sample_rate_hz": 16_000,
    "n_fft": 512,
    "hop_length": 256,
    "n_mels": 96,
    "f_min_hz": 0.0,
    "f_max_hz": 8_000.0,
    "most_frames": 187,
    "window_s": 1.0,
    "window_hop_s": 1.0,
}


def write_body(folder: Path, architecture: str, front_end: dict[str, Any] | None = None, seed: int = 1) -> str:
    """Writes a body's folder; returns the digest of its weights."""
    torch.manual_seed(seed)
    network = build_network(architecture, {})
    for name, parameter in network.named_parameters():
        if "penultimate" in name:
            torch.nn.init.normal_(parameter, 0.0, 0.5)
    manifest = {
        **DESCRIPTION,
        "name": folder.name,
        "kind": "body",
        "architecture": architecture,
        "arguments": {},
        "embedding_dim": 512,
        "front_end": front_end or SMALL.as_dict(),
    }
    digest: str = write_model(network.state_dict(), manifest, folder)["weights"]["sha256"]
    return digest


def write_head(folder: Path, bodies: dict[str, str], features: int, **changes: Any) -> dict[str, Any]:
    """Writes a head's folder on bodies by name and digest; returns the manifest."""
    torch.manual_seed(5)
    head = Head(features, 3)
    torch.nn.init.normal_(head.linear.weight, 0.0, 0.3)
    weights = write_model(head.state_dict(), {}, folder)["weights"]
    choice = {
        "bodies": [{"name": name, "digest": digest} for name, digest in bodies.items()],
        "weights": weights,
        "temperature": 2.0,
        "thresholds": [0.5],
    }
    manifest = {
        **DESCRIPTION,
        "name": folder.name,
        "kind": "test sound",
        "labels": ["bell", "rain", "saw"],
        "activation": "softmax",
        "on": [choice],
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return manifest
