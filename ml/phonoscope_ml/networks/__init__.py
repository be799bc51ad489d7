"""The networks: each gives logits, an embedding, the features that heads use, and maps by depth."""

from __future__ import annotations

from typing import Any

from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope_ml.networks.mobilenet import MobileNet
from phonoscope_ml.networks.musicnn import MusicNet
from phonoscope_ml.networks.network import Network
from phonoscope_ml.networks.output import EMBEDDING_DIM, Output
from phonoscope_ml.networks.residual import AudioResNet

__all__ = ["EMBEDDING_DIM", "AudioResNet", "MobileNet", "MusicNet", "Network", "Output", "build_network"]


def build_network(architecture: str, arguments: dict[str, Any], labels: int = 0) -> Network:
    """A network with fresh weights.

    Args:
        architecture: one of :data:`~phonoscope.catalogue.architectures.ARCHITECTURES`.
        arguments: the constructor's further arguments.
        labels: how many classes the last layer has; 0 leaves it out, for a body whose heads are elsewhere.

    Raises:
        ValueError: there is no such architecture, or an argument is out of range; the error names what there is.
        TypeError: an argument is unknown.

    >>> build_network("mobilenet", {"width": 0.4}).features
    896
    """
    if architecture == "clap":
        # What it is made of takes seconds to import, and is an extra.
        from phonoscope_ml.networks.clap import ClapAudio

        return ClapAudio(labels=labels, **arguments)
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}; known: {', '.join(ARCHITECTURES)}")
    if architecture == "mobilenet":
        return MobileNet(labels=labels, **arguments)
    if architecture == "musicnn":
        return MusicNet(labels=labels, **arguments)
    return AudioResNet(architecture, labels, **arguments)
