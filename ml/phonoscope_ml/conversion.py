"""Converts the tensors of published models to the names and shapes of the networks here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from phonoscope.errors import WeightsMismatch
from phonoscope_ml.networks import MobileNet

_NORMS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def mobilenet_from_efficientat(tensors: Mapping[str, Tensor], width: float = 0.4) -> dict[str, Tensor]:
    """The weights of ``MobileNet(width, labels)`` from those of EfficientAT's ``mn`` models.

    Args:
        tensors: the published ones, by their names (312 of ``mn04_as``).

    Raises:
        WeightsMismatch: a tensor is missing, unknown or of another shape.
    """
    network = MobileNet(width, labels=1)
    names = {ours: theirs for ours, theirs in _efficientat_names(network).items() if ours in network.state_dict()}
    if unknown := sorted(set(tensors) - set(names.values())):
        raise WeightsMismatch(f"the published model has unknown tensors: {', '.join(unknown[:3])}")
    if missing := sorted(set(names.values()) - set(tensors)):
        raise WeightsMismatch(f"the published model lacks tensors: {', '.join(missing[:3])}")
    expected = network.state_dict()
    for ours, theirs in names.items():
        if not ours.startswith("fc.") and tensors[theirs].shape != expected[ours].shape:
            raise WeightsMismatch(f"{theirs} has the shape {tuple(tensors[theirs].shape)}")
    return {ours: tensors[theirs].contiguous() for ours, theirs in names.items()}


def _efficientat_names(network: MobileNet) -> dict[str, str]:
    """The published name of each tensor, by ours."""
    names = _normalised("stem", "features.0")
    place = 1
    for layer, blocks in network.depths.blocks.items():
        for block in range(blocks):
            ours, theirs = f"{layer}.{block}", f"features.{place}.block"
            module = network.get_submodule(ours)
            parts = [
                part
                for part in ("expand", "depthwise", "gate", "project")
                if any(True for _ in module.get_submodule(part).parameters())
            ]
            for index, part in enumerate(parts):
                names |= _published_part(f"{ours}.{part}", f"{theirs}.{index}")
            place += 1
    names |= _normalised("last", f"features.{place}")
    return names | _linear("penultimate", "classifier.2") | _linear("fc", "classifier.5")


def _published_part(ours: str, theirs: str) -> dict[str, str]:
    if not ours.endswith(".gate"):
        return _normalised(ours, theirs)
    layers = f"{theirs}.conc_se_layers.0"
    return _linear(f"{ours}.reduce", f"{layers}.fc1") | _linear(f"{ours}.restore", f"{layers}.fc2")


def _normalised(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.conv.weight": f"{theirs}.0.weight"} | {f"{ours}.bn.{one}": f"{theirs}.1.{one}" for one in _NORMS}


def _linear(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.{one}": f"{theirs}.{one}" for one in ("weight", "bias")}


class _Published(NamedTuple):
    """A layer in musicnn's file: our name and its shape, with a batch normalisation's channels alone."""

    name: str
    shape: tuple[int, ...]


_MUSICNN_NORMS = (
    _Published("front.bn", (1,)),
    _Published("front.timbral.0.bn", (204,)),
    _Published("dense_bn", (200,)),
    _Published("front.timbral.1.bn", (204,)),
    _Published("front.temporal.0.bn", (51,)),
    _Published("front.temporal.1.bn", (51,)),
    _Published("front.temporal.2.bn", (51,)),
    _Published("middle1.bn", (64,)),
    _Published("middle2.bn", (64,)),
    _Published("middle3.bn", (64,)),
    _Published("pooled_bn", (1_506,)),
)
_MUSICNN_LAYERS = (
    _Published("front.timbral.0.conv", (7, 38, 1, 204)),
    _Published("front.timbral.1.conv", (7, 67, 1, 204)),
    _Published("front.temporal.0.conv", (128, 1, 1, 51)),
    _Published("front.temporal.1.conv", (64, 1, 1, 51)),
    _Published("front.temporal.2.conv", (32, 1, 1, 51)),
    _Published("middle1.conv", (7, 561, 1, 64)),
    _Published("middle2.conv", (7, 64, 1, 64)),
    _Published("middle3.conv", (7, 64, 1, 64)),
    _Published("dense", (1_506, 200)),
    _Published("fc", (200, 50)),
)
_MOMENTS = 3
"""A trained tensor is followed by its two moments of Adam."""
_POWERS = 2
"""Adam's two numbers, between the normalisations and the other layers."""


_DENSE = 2
"""Axes of a dense layer's kernel."""


def musicnn_from_published(msd: bytes, mtt: bytes, *, labels: bool = True) -> dict[str, Tensor]:
    """The weights of ``MusicNet``, without those of its projection, from the files of musicnn 0.1.0.

    The files are a TensorFlow checkpoint's data: float32 numbers, the layers in the order of their names
    (``batch_normalization``, ``_1``, ``_10``, ``_2``, ..., then ``conv2d`` and ``dense``). Kernels are frames x bands
    x in x out; they become out x in x bands x frames.

    Args:
        msd, mtt: ``musicnn/MSD_musicnn/.data-00000-of-00001`` and ``musicnn/MTT_musicnn/.data-00000-of-00001``.
        labels: whether the weights of the last layer are wanted.

    Raises:
        WeightsMismatch: a file has another length.
    """
    networks = [_read_musicnn(content) for content in (msd, mtt)]
    joined = {name: torch.cat([network[name] for network in networks]) for name in networks[0]}
    counters = {f"{name}.num_batches_tracked": torch.tensor(0) for name, _ in _MUSICNN_NORMS}
    return counters | {name: value for name, value in joined.items() if labels or not name.startswith("fc.")}


def _read_musicnn(content: bytes) -> dict[str, Tensor]:
    expected = 4 * _musicnn_numbers()
    if len(content) != expected:
        raise WeightsMismatch(f"a file of musicnn has {expected:,} bytes, not {len(content):,}")
    numbers, found, at = torch.frombuffer(bytearray(content), dtype=torch.float32), {}, 0
    for name, (channels,) in _MUSICNN_NORMS:
        for one, stored in (("bias", _MOMENTS), ("weight", _MOMENTS), ("running_mean", 1), ("running_var", 1)):
            found[f"{name}.{one}"] = numbers[at : at + channels]
            at += stored * channels
    at += _POWERS
    for name, shape in _MUSICNN_LAYERS:
        size = torch.Size(shape).numel()
        found[f"{name}.bias"] = numbers[at : at + shape[-1]]
        at += _MOMENTS * shape[-1]
        found[f"{name}.weight"] = _turned(name, numbers[at : at + size].reshape(shape))
        at += _MOMENTS * size
    return found


def _musicnn_numbers() -> int:
    """How many numbers a file has."""
    normalised = sum(shape[0] for _, shape in _MUSICNN_NORMS)
    trained = sum(torch.Size(shape).numel() + shape[-1] for _, shape in _MUSICNN_LAYERS)
    return (2 * _MOMENTS + 2) * normalised + _POWERS + _MOMENTS * trained


def _turned(name: str, kernel: Tensor) -> Tensor:
    """A TensorFlow kernel in torch's layout."""
    if kernel.ndim == _DENSE:
        return kernel.T[..., None].contiguous()
    if name.startswith("middle"):
        # The middle layers' kernels span all channels, which lie where the first layers have their bands.
        return kernel.permute(3, 1, 2, 0).contiguous()
    return kernel.permute(3, 2, 1, 0).contiguous()
