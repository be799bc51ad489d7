"""The bodies that heads are taught on, from their served folders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from phonoscope.catalogue import MANIFEST
from phonoscope_ml.frontends import FrontEnd, build_front_end, read_settings
from phonoscope_ml.networks import Network, build_network
from phonoscope_training.errors import InvalidRun

_AT_ONCE = 16


@dataclass(frozen=True)
class Body:
    """A body: its front end, its network and what it is known by."""

    name: str
    digest: str
    front_end: FrontEnd
    network: Network

    @property
    def sample_rate_hz(self) -> int:
        return self.front_end.settings.sample_rate_hz

    def hear(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """The features and the embeddings of windows.

        Shape:
            - input: ``(windows, samples)``, float32 in [-1, 1]
            - output: ``(windows, features)`` and ``(windows, 512)``, float32
        """
        with torch.inference_mode():
            outputs = [self.network(self.front_end(part)) for part in torch.split(waves, _AT_ONCE)]
        return torch.cat([out.features for out in outputs]).clone(), torch.cat(
            [out.embedding for out in outputs]
        ).clone()


def load_body(folder: Path) -> Body:
    """Loads a body from its folder. Raises ``InvalidRun``, which names the file and what is wrong with it."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        network = build_network(
            manifest["architecture"], manifest.get("arguments", {}), len(manifest.get("labels", []))
        )
        weights = load_file(folder / manifest["weights"]["file"])
        network.load_state_dict(
            {name: value.to(torch.float32) if value.is_floating_point() else value for name, value in weights.items()}
        )
        settings = read_settings(manifest["front_end"])
        return Body(folder.name, manifest["weights"]["sha256"], build_front_end(settings), network.eval())
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InvalidRun(f"{path} is not the manifest of a body that is there: {error}") from error
