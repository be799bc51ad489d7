"""Loads models for classification: manifest and weights are checked first; weights are safetensors, never unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from phonoscope.catalogue import MANIFEST, Manifest, check_weights, read_manifest
from phonoscope.errors import InvalidManifest, WeightsMismatch
from phonoscope_ml.frontends import FrontEnd, build_front_end, read_settings
from phonoscope_ml.networks import EMBEDDING_DIM, AudioResNet


@dataclass(frozen=True)
class Model:
    """A loaded model: its manifest, front end and network on a device."""

    manifest: Manifest
    front_end: FrontEnd
    network: AudioResNet
    device: torch.device

    @property
    def digest(self) -> str:
        return f"sha256:{self.manifest.digest}"

    @torch.inference_mode()
    def spectrograms(self, samples: Tensor) -> Tensor:
        """The spectrograms of windows, as the network takes them.

        Shape:
            - input: ``(windows, samples)``, float32 on the model's device
            - output: ``(windows, 1, mels, frames)``
        """
        spectrograms: Tensor = self.front_end(samples)
        return spectrograms.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Runs a silent window, so that the first recording does not wait for lazy set-up."""
        silence = torch.zeros(1, self.front_end.settings.window_samples, device=self.device)
        self.network(self.spectrograms(silence))


def load_model(folder: Path, device: torch.device) -> Model:
    """Reads, checks and loads a model's folder.

    Raises:
        InvalidManifest: the manifest is missing or incomplete, or a name in it is unknown.
        WeightsMismatch: the weights are missing, or differ from the manifest in digest or shape.
    """
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, Manifest):
        raise InvalidManifest(f"{folder / MANIFEST}: kind: {manifest.kind} is not a classifier's")
    try:
        front_end = build_front_end(read_settings(manifest.front_end))
        network = AudioResNet(manifest.architecture, len(manifest.labels))
    except (TypeError, ValueError) as error:
        raise InvalidManifest(f"{folder / MANIFEST}: {error}") from error
    if manifest.embedding_dim != EMBEDDING_DIM:
        raise InvalidManifest(f"{folder / MANIFEST}: embedding_dim: {manifest.embedding_dim} is not {EMBEDDING_DIM}")
    _load_weights(network, manifest, folder)
    network = network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(manifest, front_end.eval().on(device), network, device)


def _load_weights(network: AudioResNet, manifest: Manifest, folder: Path) -> None:
    (path,) = check_weights(manifest, folder)
    try:
        weights = load_file(path)
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
        )
    except (SafetensorError, RuntimeError) as error:
        raise WeightsMismatch(f"{path} does not fit {manifest.architecture}: {error}") from error
