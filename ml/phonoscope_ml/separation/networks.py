"""Loads separation models from their folders. Weights are safetensors; nothing is unpickled."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from demucs.htdemucs import HTDemucs
from safetensors import SafetensorError
from safetensors.torch import load_file

from phonoscope.catalogue import MANIFEST, StemManifest, check_weights, read_manifest
from phonoscope.errors import InvalidManifest, WeightsMismatch


def open_manifest(folder: Path) -> StemManifest:
    """Reads a model's manifest. Raises ``InvalidManifest`` when it is missing, incomplete or of another kind."""
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, StemManifest):
        raise InvalidManifest(f"{folder / MANIFEST}: kind: {manifest.kind} is not separation")
    return manifest


def open_model(folder: Path) -> tuple[StemManifest, list[HTDemucs]]:
    """Loads a model's manifest and its networks, on the CPU, in evaluation mode.

    Raises:
        InvalidManifest: the manifest is missing, incomplete or of another kind, or an argument is unknown.
        WeightsMismatch: a file of weights is missing, or differs from the manifest in digest or shape.
    """
    manifest = open_manifest(folder)
    check_weights(manifest, folder)
    return manifest, [load_network(manifest, folder, index) for index in range(len(manifest.weights))]


def load_network(manifest: StemManifest, folder: Path, index: int) -> HTDemucs:
    """Loads the network with that index; the caller has checked its file. Raises ``InvalidManifest``,
    ``WeightsMismatch``.
    """
    network, path = blank_network(manifest, folder), folder / manifest.weights[index].file
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsMismatch(f"{path} does not fit {manifest.architecture}: {error}") from error
    return network


def blank_network(manifest: StemManifest, folder: Path) -> HTDemucs:
    """Makes a network from the manifest, in evaluation mode, without weights. Raises ``InvalidManifest``."""
    try:
        network = HTDemucs(
            manifest.sources,
            samplerate=manifest.sample_rate_hz,
            segment=Fraction(manifest.segment_s),
            **manifest.arguments,
        )
    except (TypeError, ValueError, AssertionError, ZeroDivisionError, RuntimeError) as error:
        raise InvalidManifest(f"{folder / MANIFEST}: arguments: {error}") from error
    ready: HTDemucs = network.eval().requires_grad_(requires_grad=False)
    return ready
