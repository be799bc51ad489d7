"""A trained network's way into service."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from phonoscope.ml.frontend import FrontEndSettings
from phonoscope.ml.network import AudioResNet
from phonoscope.ml.registry import load_model
from phonoscope_training.export import environment, export, half_precision, round_weights

MANIFEST: dict[str, Any] = {
    "name": "exported",
    "version": 1,
    "kind": "test sound",
    "architecture": "resnet18",
    "embedding_dim": 512,
    "labels": ["high", "low", "middle"],
    "front_end": FrontEndSettings(n_mels=32).as_dict(),
    "unknown_below": 0.4,
    "metrics": {},
    "data": "none",
    "licence": "none",
    "limits": [],
}


@pytest.fixture
def network() -> AudioResNet:
    """A network with random weights in every layer."""
    torch.manual_seed(6)
    network = AudioResNet("resnet18", labels=3).eval().requires_grad_(False)
    for name, value in network.state_dict().items():
        if name.endswith(("bn1.weight", "bn2.weight", "running_var")):
            value.uniform_(0.5, 1.5)
    return network


def test_what_is_served_is_what_was_exported(network: AudioResNet, tmp_path: Path) -> None:
    """Loaded again, the network gives the same logits to half precision."""
    export(network, MANIFEST, tmp_path / "exported")
    served = load_model(tmp_path / "exported", torch.device("cpu"))
    pictures = torch.rand(4, 1, 32, 40)
    wanted = network(pictures)
    found = served.network(pictures)
    torch.testing.assert_close(found.logits, wanted.logits, rtol=0.02, atol=0.02 * float(wanted.logits.abs().max()))
    torch.testing.assert_close(found.embedding, wanted.embedding, rtol=0.02, atol=0.02)
    assert served.manifest.labels == MANIFEST["labels"]


def test_rounded_weights_are_the_served_ones(network: AudioResNet, tmp_path: Path) -> None:
    """Figures taken from a rounded network are those of the shipped weights, bit by bit."""
    rounded = round_weights(network)
    export(rounded, MANIFEST, tmp_path / "exported")
    served = load_model(tmp_path / "exported", torch.device("cpu")).network
    torch.testing.assert_close(served.state_dict(), rounded.state_dict(), rtol=0.0, atol=0.0)


def test_weights_are_half_precision_but_for_counters(network: AudioResNet, tmp_path: Path) -> None:
    """The file has half the size; the counters of batches, which are whole numbers, stay whole."""
    shipped = half_precision(network)
    assert {value.dtype for value in shipped.values()} == {torch.float16, torch.int64}
    assert all(name.endswith("num_batches_tracked") for name, value in shipped.items() if value.dtype == torch.int64)
    export(network, MANIFEST, tmp_path / "exported")
    with safe_open(tmp_path / "exported" / "weights.safetensors", "pt") as file:
        assert set(file.keys()) == set(network.state_dict())


def test_the_manifest_names_the_digest_of_the_weights(network: AudioResNet, tmp_path: Path) -> None:
    """The manifest is what was given, and the weights' file, digest and type."""
    export(network, MANIFEST, tmp_path / "exported")
    manifest = json.loads((tmp_path / "exported" / "manifest.json").read_text())
    weights = manifest.pop("weights")
    digest = hashlib.sha256((tmp_path / "exported" / "weights.safetensors").read_bytes()).hexdigest()
    assert manifest == MANIFEST
    assert weights == {"file": "weights.safetensors", "sha256": digest, "dtype": "float16"}


def test_the_environment_says_what_trained() -> None:
    """Whoever repeats a training run knows with which torch and which instructions it ran."""
    assert environment()["torch"] == torch.__version__
    assert environment()["cpu_capability"]
