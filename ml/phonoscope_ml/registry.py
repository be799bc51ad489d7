"""Loads bodies, heads and whole models: manifests and weights are checked first; weights are safetensors alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor, nn

from phonoscope.catalogue import (
    MANIFEST,
    BodyManifest,
    Catalogue,
    Classifier,
    HeadedManifest,
    Manifest,
    Weights,
    check_file,
    read_manifest,
)
from phonoscope.errors import InvalidManifest, WeightsMismatch
from phonoscope.work import Space
from phonoscope_ml.bodies import Body
from phonoscope_ml.frontends import FrontEnd, build_front_end, read_settings
from phonoscope_ml.heads import Head, HeadedNetwork, Placing
from phonoscope_ml.networks import EMBEDDING_DIM, Network, build_network


@dataclass(frozen=True)
class Model:
    """A loaded model: a head with the bodies that it was taught on.

    Args:
        body: the first of its bodies, whose windows and evidence are the model's.
        network: the first body's with the head's logits; it is differentiated for evidence.
        others: its further bodies.
        own: whether it is an owner's, and not a model of the service.
    """

    manifest: Classifier
    body: Body
    network: Network
    others: tuple[Body, ...] = ()
    own: bool = False

    @property
    def digest(self) -> str:
        return f"sha256:{self.manifest.digest}"

    @property
    def several(self) -> bool:
        """Whether several labels can hold at once."""
        return self.manifest.several

    @property
    def reads(self) -> Literal["features", "embedding"]:
        """What its network's ``classify`` takes: its bodies' features, or vectors of its body's space."""
        return self.manifest.head.reads if isinstance(self.manifest, HeadedManifest) else "features"

    @property
    def space(self) -> Space:
        """The space of its embeddings."""
        return self.manifest.space

    @property
    def bodies(self) -> tuple[Body, ...]:
        return (self.body, *self.others)

    @property
    def front_end(self) -> FrontEnd:
        return self.body.front_end

    @property
    def device(self) -> torch.device:
        return self.body.device

    @property
    def thresholds(self) -> list[float]:
        """The probability from which a label counts as heard: one for all labels, or one for each."""
        manifest = self.manifest
        return manifest.choice.thresholds if isinstance(manifest, HeadedManifest) else [manifest.unknown_below]

    def spectrograms(self, samples: Tensor) -> Tensor:
        """The spectrograms of windows, as the first body takes them; see ``Body.spectrograms``."""
        return self.body.spectrograms(samples)

    def warm_up(self) -> None:
        """Runs a silent window through each body, so that the first recording does not wait for lazy set-up."""
        for body in self.bodies:
            body.warm_up()


def load_model(folder: Path, device: torch.device) -> Model:
    """Reads, checks and loads the folder of a model that is body and head in one.

    Raises:
        InvalidManifest: the manifest is missing or incomplete, or a name in it is unknown.
        WeightsMismatch: the weights are missing, or differ from the manifest in digest or shape.
    """
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, Manifest):
        raise InvalidManifest(f"{folder / MANIFEST}: kind: {manifest.kind} is not a classifier's")
    if manifest.embedding_dim != EMBEDDING_DIM:
        raise InvalidManifest(f"{folder / MANIFEST}: embedding_dim: {manifest.embedding_dim} is not {EMBEDDING_DIM}")
    arguments: dict[str, Any] = getattr(manifest, "arguments", {})
    body = _body(manifest, arguments, len(manifest.labels), folder, device)
    return Model(manifest, body, body.network)


def load_body(manifest: BodyManifest, folder: Path, device: torch.device) -> Body:
    """Checks and loads a body. Raises as ``load_model`` does."""
    return _body(manifest, manifest.arguments, 0, folder, device)


def read_head(manifest: HeadedManifest, folder: Path) -> bytes:
    """The weights in a head's folder. Raises ``WeightsMismatch`` when they are missing, or not the manifest's."""
    return check_file(manifest.choice.weights, folder).read_bytes()


def load_head(manifest: HeadedManifest, weights: bytes, bodies: list[Body]) -> Model:
    """Checks and loads a head onto its bodies' device.

    Args:
        weights: a file in the format of safetensors.
        bodies: in the order of the head's choice.

    Raises:
        WeightsMismatch: the weights differ from the manifest in digest or shape, or are not finite.
    """
    choice, (body, *others) = manifest.choice, bodies
    placing = Placing(_tensor(body.centre)) if manifest.head.reads == "embedding" else None
    features = EMBEDDING_DIM if placing else sum(body.network.features for body in bodies)
    head = Head(features, len(manifest.labels), manifest.head.activation, choice.temperature, choice.thresholds)
    if hashlib.sha256(weights).hexdigest() != choice.weights.sha256:
        raise WeightsMismatch(f"the weights of {manifest.name} differ from those its manifest names")
    try:
        _fill(head, load(weights))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsMismatch(f"{choice.weights.file} does not fit {manifest.name}: {error}") from error
    if not all(bool(value.isfinite().all()) for value in head.state_dict().values()):
        raise WeightsMismatch(f"the weights of {manifest.name} are not finite")
    network = HeadedNetwork(body.network, head.requires_grad_(False), placing=placing)
    return Model(manifest, body, network.eval().to(body.device), tuple(others))


def load_named(
    catalogue: Catalogue, name: str, body_of: Callable[[BodyManifest, Path], Body], device: torch.device
) -> Model:
    """Loads a model of the catalogue.

    Args:
        body_of: gives a loaded body, so that heads share it.

    Raises:
        UnknownModel: there is no such model.
        BodyAbsent: it is a head whose bodies are not there.
        InvalidManifest, WeightsMismatch: it cannot be served.
    """
    manifest = catalogue.get(name)
    if isinstance(manifest, Manifest):
        return load_model(catalogue.folder(name), device)
    bodies = [body_of(body, catalogue.folder(body.name)) for body in manifest.bodies]
    return load_head(manifest, read_head(manifest, catalogue.folder(name)), bodies)


def _body(
    manifest: Manifest | BodyManifest, arguments: dict[str, Any], labels: int, folder: Path, device: torch.device
) -> Body:
    try:
        front_end = build_front_end(read_settings(manifest.front_end))
        # All of its weights are in the file: here they need neither memory nor random numbers.
        with torch.device("meta"):
            network = build_network(manifest.architecture, arguments, labels)
    except (TypeError, ValueError) as error:
        raise InvalidManifest(f"{folder / MANIFEST}: {error}") from error
    _load_weights(network, manifest.weights, folder, manifest.architecture)
    network = network.eval().requires_grad_(False)
    network.fold()
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    centre = None if manifest.centre is None else np.array(manifest.centre.mean, dtype=np.float32)
    return Body(manifest.name, manifest.identity, front_end.eval().on(device), network, device, centre)


def _load_weights(module: nn.Module, weights: Weights, folder: Path, name: str) -> None:
    path = check_file(weights, folder)
    try:
        _fill(module, load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsMismatch(f"{path} does not fit {name}: {error}") from error


def _fill(module: nn.Module, found: Mapping[str, Tensor]) -> None:
    """Raises ``RuntimeError`` where names or shapes differ."""
    module.load_state_dict({name: _own(value) for name, value in found.items()}, assign=True)


def _tensor(values: NDArray[np.float32] | None) -> Tensor | None:
    return None if values is None else torch.from_numpy(values)


def _own(value: Tensor) -> Tensor:
    """A copy, which stays as it is when the file changes; in single precision."""
    return value.to(torch.float32 if value.is_floating_point() else value.dtype, copy=True)
