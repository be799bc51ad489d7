"""Separation models from their folders. Weights are safetensors; nothing is unpickled."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from demucs.htdemucs import HTDemucs
from safetensors import SafetensorError
from safetensors.torch import load_file

from phonoscope.catalogue import MANIFEST, StemManifest, check_weights, read_manifest
from phonoscope.errors import InvalidManifest, WeightsMismatch


def open_manifest(folder: Path) -> StemManifest:
    """A model's manifest. Raises ``InvalidManifest``: it is missing, incomplete or of another kind."""
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, StemManifest):
        raise InvalidManifest(f"{folder / MANIFEST}: kind: {manifest.kind} is not separation")
    return manifest


def open_model(folder: Path) -> tuple[StemManifest, list[HTDemucs]]:
    """A model's manifest and its networks, on the processor, in evaluation mode.

    Raises:
        InvalidManifest: the manifest is missing, incomplete, of another kind, or names what the network does not know.
        WeightsMismatch: a file of weights is missing, or differs from the manifest in digest or shape.
    """
    manifest = open_manifest(folder)
    check_weights(manifest, folder)
    return manifest, [load_network(manifest, folder, place) for place in range(len(manifest.weights))]


def load_network(manifest: StemManifest, folder: Path, place: int) -> HTDemucs:
    """The network at that place, whose file the caller has checked. Raises ``InvalidManifest``, ``WeightsMismatch``."""
    network, path = blank_network(manifest, folder), folder / manifest.weights[place].file
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsMismatch(f"{path} does not fit {manifest.architecture}: {error}") from error
    return network


def blank_network(manifest: StemManifest, folder: Path) -> HTDemucs:
    """A network of the manifest's shape, in evaluation mode. Raises ``InvalidManifest``."""
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
