"""A small network of inverted residuals: MobileNetV3-Large (Howard et al., 2019, arXiv 1905.02244) on one channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from phonoscope_ml.networks.network import Network, last_layer
from phonoscope_ml.networks.output import EMBEDDING_DIM, Output

_Activation = Callable[[Tensor], Tensor]
_STEM_CHANNELS = 16
_LAST_EXPANSION = 6
_MULTIPLE = 8
"""Numbers of channels are multiples of it."""


class BlockShape(NamedTuple):
    """A row of the paper's table 1, at width 1."""

    kernel: int
    expanded: int
    channels: int
    squeezes: bool
    activation: _Activation
    stride: int


_STAGES: dict[str, list[BlockShape]] = {
    "stage1": [BlockShape(3, 16, 16, False, functional.relu, 1)],
    "stage2": [
        BlockShape(3, 64, 24, False, functional.relu, 2),
        BlockShape(3, 72, 24, False, functional.relu, 1),
    ],
    "stage3": [
        BlockShape(5, 72, 40, True, functional.relu, 2),
        BlockShape(5, 120, 40, True, functional.relu, 1),
        BlockShape(5, 120, 40, True, functional.relu, 1),
    ],
    "stage4": [
        BlockShape(3, 240, 80, False, functional.hardswish, 2),
        BlockShape(3, 200, 80, False, functional.hardswish, 1),
        BlockShape(3, 184, 80, False, functional.hardswish, 1),
        BlockShape(3, 184, 80, False, functional.hardswish, 1),
    ],
    "stage5": [
        BlockShape(3, 480, 112, True, functional.hardswish, 1),
        BlockShape(3, 672, 112, True, functional.hardswish, 1),
    ],
    "stage6": [
        BlockShape(5, 672, 160, True, functional.hardswish, 2),
        BlockShape(5, 960, 160, True, functional.hardswish, 1),
        BlockShape(5, 960, 160, True, functional.hardswish, 1),
    ],
}


class NormalisedConv(nn.Module):
    """A convolution without bias, padded to keep its input's size, then batch normalisation and an activation."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: _Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv(x))
        return self.activation(y) if self.activation else y

    def fold(self) -> None:
        """Moves the normalisation's constants into the convolution, for evaluation."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the means of all (Hu et al., 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, rounded(channels / 4))
        self.restore = nn.Linear(self.reduce.out_features, channels)

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = self.restore(functional.relu(self.reduce(x.mean(dim=(2, 3))))).sigmoid()
        return x * gates[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expands the channels, filters each by itself, gates them and projects them to few, with a shortcut."""

    def __init__(self, channels_in: int, shape: BlockShape, width: float) -> None:
        super().__init__()
        expanded, channels = rounded(shape.expanded * width), rounded(shape.channels * width)
        self.expand: nn.Module = nn.Identity()
        if expanded != channels_in:
            self.expand = NormalisedConv(channels_in, expanded, activation=shape.activation)
        self.depthwise = NormalisedConv(expanded, expanded, shape.kernel, shape.stride, expanded, shape.activation)
        self.gate: nn.Module = SqueezeExcitation(expanded) if shape.squeezes else nn.Identity()
        self.project = NormalisedConv(expanded, channels)
        self.shortcut = shape.stride == 1 and channels_in == channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.gate(self.depthwise(self.expand(x))))
        return x + y if self.shortcut else y


class MobileNet(Network):
    """Inverted residuals with squeeze-and-excitation, whose penultimate layer has 512 units.

    Args:
        width: all numbers of channels are multiplied by it and rounded to multiples of 8; from 0.1 up.
        labels: how many classes; 0 for a body without its own last layer.
        dropout: before the last layer, in training only.

    Shape:
        - input: ``(batch, 1, mels, frames)``, of any length
        - output: :class:`~phonoscope_ml.networks.output.Output`; the features are the last map's means (384 at width
          0.4) followed by the 512 units, which are the embedding

    Raises:
        ValueError: the width is below 0.1.

    >>> import torch
    >>> MobileNet(width=0.4, labels=527).eval()(torch.zeros(2, 1, 128, 500)).features.shape
    torch.Size([2, 896])
    """

    short_operations = True

    def __init__(self, width: float = 0.4, labels: int = 0, dropout: float = 0.0) -> None:
        if not width >= 0.1:  # noqa: PLR2004 - the docstring says it
            raise ValueError("width must be 0.1 or more")
        channels = rounded(_STEM_CHANNELS * width)
        pooled = rounded(_LAST_EXPANSION * rounded(160 * width))
        super().__init__("mobilenet", pooled + EMBEDDING_DIM, labels)
        self.stem = NormalisedConv(1, channels, 3, 2, activation=functional.hardswish)
        for name, shapes in _STAGES.items():
            blocks = []
            for shape in shapes:
                blocks.append(InvertedResidual(channels, shape, width))
                channels = rounded(shape.channels * width)
            setattr(self, name, nn.Sequential(*blocks))
        self.last = NormalisedConv(channels, pooled, activation=functional.hardswish)
        self.penultimate = nn.Linear(pooled, EMBEDDING_DIM)
        self.dropout = nn.Dropout(dropout)
        self.fc = last_layer(EMBEDDING_DIM, labels)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Output:
        maps: dict[str, Tensor] = {}
        for name in self.depths.depths:
            x = maps[name] = getattr(self, name)(x)
        pooled = x.mean(dim=(2, 3))
        embedding = functional.hardswish(self.penultimate(pooled))
        features = torch.cat([pooled, embedding], dim=1)
        return Output(self.classify(features), embedding, features, maps)

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.dropout(features[:, -EMBEDDING_DIM:]))
        return logits

    def fold(self) -> None:
        for module in self.modules():
            if isinstance(module, NormalisedConv):
                module.fold()


def rounded(channels: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth below; at least 8.

    >>> [rounded(channels) for channels in (3.2, 9.6, 28.8, 44.8)]
    [8, 16, 32, 48]
    """
    nearest = max(_MULTIPLE, int(channels + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE)
    return nearest + _MULTIPLE if nearest < 0.9 * channels else nearest


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.01)
        nn.init.zeros_(module.bias)
