"""Residual networks on one-channel spectrograms (He et al., 2016, arXiv 1512.03385, basic blocks)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope_ml.networks.network import Network, last_layer
from phonoscope_ml.networks.output import EMBEDDING_DIM, Output

_CHANNELS = (64, 128, 256, 512)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class AudioResNet(Network):
    """A ResNet whose stem takes one channel and whose penultimate layer has 512 units.

    Args:
        architecture: ``resnet18`` (2-2-2-2 blocks) or ``resnet34`` (3-4-6-3 blocks), 64-128-256-512 channels.
        labels: how many classes.
        dropout: before the last layer, in training only.

    Shape:
        - input: ``(batch, 1, mels, frames)``
        - output: :class:`~phonoscope_ml.networks.output.Output`; features and embedding are the same

    >>> import torch
    >>> AudioResNet("resnet18", labels=10).eval()(torch.zeros(2, 1, 128, 100)).embedding.shape
    torch.Size([2, 512])
    """

    def __init__(self, architecture: str, labels: int, dropout: float = 0.0) -> None:
        if not architecture.startswith("resnet") or architecture not in ARCHITECTURES:
            known = ", ".join(name for name in ARCHITECTURES if name.startswith("resnet"))
            raise ValueError(f"unknown architecture {architecture!r}; known: {known}")
        super().__init__(architecture, EMBEDDING_DIM, labels)
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels_in = 64
        for (name, blocks), channels in zip(self.depths.blocks.items(), _CHANNELS, strict=True):
            first = ResidualBlock(channels_in, channels, 1 if channels == channels_in else 2)
            others = [ResidualBlock(channels, channels, 1) for _ in range(blocks - 1)]
            setattr(self, name, nn.Sequential(first, *others))
            channels_in = channels
        self.dropout = nn.Dropout(dropout)
        self.fc = last_layer(EMBEDDING_DIM, labels)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Output:
        maps = {"conv1": functional.relu(self.bn1(self.conv1(x)))}
        y = functional.max_pool2d(maps["conv1"], 3, 2, 1)
        for name in self.depths.layers:
            y = maps[name] = getattr(self, name)(y)
        embedding = y.mean(dim=(2, 3))
        return Output(self.classify(embedding), embedding, embedding, maps)

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.dropout(features))
        return logits


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, ResidualBlock):
        nn.init.zeros_(module.bn2.weight)
