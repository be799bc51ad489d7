"""Musically motivated convolutions (Pons and Serra, 2019, arXiv 1909.06654): two networks side by side in one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from phonoscope_ml.networks.network import Network, last_layer
from phonoscope_ml.networks.output import EMBEDDING_DIM, Output

NETWORKS = 2
"""Side by side, as two groups of every convolution: the first taught on MSD's tags, the second on MTT's."""
MELS = 96
TIMBRAL, TEMPORAL = (38, 67), (128, 64, 32)
"""The timbral filters' heights in mel bands, and the temporal filters' lengths in frames."""
TIMBRAL_CHANNELS, TEMPORAL_CHANNELS, MIDDLE_CHANNELS = 204, 51, 64
UNITS = 200
"""Penultimate units of each network."""
_FRAMES = 7
"""The timbral and middle filters' length in frames."""
_FRONT_CHANNELS = len(TIMBRAL) * TIMBRAL_CHANNELS + len(TEMPORAL) * TEMPORAL_CHANNELS
_DENSE_CHANNELS = _FRONT_CHANNELS + 3 * MIDDLE_CHANNELS
_EPSILON = 1e-3


class FrequencyMaximum(nn.Module):
    """A convolution over bands and frames, ReLU, batch normalisation, then each channel's maximum over frequency.

    Shape:
        - input: ``(batch, 2, mels, frames)``; output: ``(batch, 2, channels, 1, frames)``
    """

    def __init__(self, channels: int, mels: int, frames: int) -> None:
        super().__init__()
        self.channels = channels
        self.padding = ((frames - 1) // 2, frames // 2)
        self.conv = nn.Conv2d(NETWORKS, NETWORKS * channels, (mels, frames), groups=NETWORKS)
        self.bn = nn.BatchNorm2d(NETWORKS * channels, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, self.padding)
        if not self.training:
            return self._highest(x)
        highest: Tensor = self.bn(functional.relu(self.conv(x))).amax(dim=2, keepdim=True)
        return highest.reshape(len(x), NETWORKS, self.channels, 1, -1)

    def _highest(self, x: Tensor) -> Tensor:
        """The same in evaluation, where ReLU and normalisation are monotonic: they follow the maximum.

        Where a channel's normalisation falls, its maximum is at the convolution's minimum.
        """
        signs = self.bn.weight.sign()
        weights = (self.conv.weight[:, 0] * signs[:, None, None]).chunk(NETWORKS)
        # One window and one network at a time: grouped convolutions are several times slower, and a batch's outputs
        # do not fit into a processor's cache.
        found = [
            torch.stack([_highest_outputs(plane, weight) for plane, weight in zip(window, weights, strict=True)])
            for window in x
        ]
        bias = self.conv.get_parameter("bias")[:, None, None]
        highest = torch.stack(found).flatten(1, 2)[:, :, None] * signs[:, None, None] + bias
        y: Tensor = self.bn(functional.relu(highest))
        return y.reshape(len(x), NETWORKS, self.channels, 1, -1)


def _highest_outputs(plane: Tensor, weight: Tensor) -> Tensor:
    """The maximum over frequency of a convolution of one plane.

    Shape:
        - plane: ``(mels, frames)``; weight: ``(channels, kernel mels, kernel frames)``
        - output: ``(channels, frames - kernel frames + 1)``
    """
    if weight.shape[1] == 1:
        return functional.conv1d(plane[:, None], weight).amax(dim=0)
    # The bands under the kernel are channels, and its positions rows: it moves over frames alone.
    positions = plane.unfold(0, weight.shape[1], 1).permute(2, 0, 1)[None]
    y = functional.conv2d(
        positions.contiguous(memory_format=torch.channels_last),
        weight[:, :, None].contiguous(memory_format=torch.channels_last),
    )
    # With channels last, as it lies in memory, the maximum is ten times faster.
    highest: Tensor = y[0].permute(1, 2, 0).amax(dim=0)
    return highest.T


class Front(nn.Module):
    """Timbral and temporal filters side by side. Shape: ``(batch, 1, 96, frames)`` to ``(batch, 1122, 1, frames)``."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(NETWORKS, eps=_EPSILON)
        self.timbral = nn.ModuleList(FrequencyMaximum(TIMBRAL_CHANNELS, mels, _FRAMES) for mels in TIMBRAL)
        self.temporal = nn.ModuleList(FrequencyMaximum(TEMPORAL_CHANNELS, 1, frames) for frames in TEMPORAL)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(x.expand(-1, NETWORKS, -1, -1))
        found = [filters(x) for filters in (*self.timbral, *self.temporal)]
        return torch.cat(found, dim=2).flatten(1, 2)


class Middle(nn.Module):
    """A convolution over frames, ReLU and batch normalisation, with a shortcut where the channels agree."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        channels = NETWORKS * MIDDLE_CHANNELS
        padding = (0, _FRAMES // 2)
        self.conv = nn.Conv2d(NETWORKS * channels_in, channels, (1, _FRAMES), padding=padding, groups=NETWORKS)
        self.bn = nn.BatchNorm2d(channels, eps=_EPSILON)
        self.shortcut = channels_in == MIDDLE_CHANNELS

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(functional.relu(self.conv(x)))
        return x + y if self.shortcut else y


class MusicNet(Network):
    """The networks ``MSD_musicnn`` and ``MTT_musicnn`` as one: their units and tags follow one another.

    Its front end takes each filter's maximum over frequency, so that the maps of all depths have one row: they show
    evidence over time, which belongs to all bands alike.

    Args:
        labels: 100 for the tags of both networks, 50 each; 0 for a body without them.

    Shape:
        - input: ``(batch, 1, 96, frames)``, of any length; it was taught on 187 frames
        - output: :class:`~phonoscope_ml.networks.output.Output`; the features are the two networks' 200 units, the
          embedding is a learned projection of them: before it is learned, the 400 numbers followed by zeros

    Raises:
        ValueError: ``labels`` is odd.

    >>> output = MusicNet(labels=100).eval()(torch.zeros(2, 1, 96, 187))
    >>> output.features.shape, output.maps["front"].shape
    (torch.Size([2, 400]), torch.Size([2, 1122, 1, 187]))
    """

    def __init__(self, labels: int = 0) -> None:
        if labels % NETWORKS:
            raise ValueError(f"musicnn has as many labels in each of its {NETWORKS} networks; {labels} is odd")
        super().__init__("musicnn", NETWORKS * UNITS, labels)
        self.front = Front()
        self.middle1 = Middle(_FRONT_CHANNELS)
        self.middle2 = Middle(MIDDLE_CHANNELS)
        self.middle3 = Middle(MIDDLE_CHANNELS)
        pooled = NETWORKS * 2 * _DENSE_CHANNELS
        self.pooled_bn = nn.BatchNorm1d(pooled, eps=_EPSILON)
        self.dense = nn.Conv1d(pooled, NETWORKS * UNITS, 1, groups=NETWORKS)
        self.dense_bn = nn.BatchNorm1d(NETWORKS * UNITS, eps=_EPSILON)
        self.projection = nn.Linear(NETWORKS * UNITS, EMBEDDING_DIM)
        nn.init.eye_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        self.fc: nn.Module = (
            nn.Conv1d(NETWORKS * UNITS, labels, 1, groups=NETWORKS) if labels else last_layer(NETWORKS * UNITS, 0)
        )

    def forward(self, x: Tensor) -> Output:
        maps: dict[str, Tensor] = {}
        for name in self.depths.depths:
            x = maps[name] = getattr(self, name)(x)
        units = self.dense_bn(functional.relu(self.dense(self.pooled_bn(_pooled(maps))[..., None])))
        features = units.flatten(1)
        return Output(self.classify(features), self.projection(features), features, maps)

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(features[..., None])
        return logits.flatten(1)


def _pooled(maps: dict[str, Tensor]) -> Tensor:
    """Each channel's maximum and mean over time, next to one another.

    Shape:
        - output: ``(batch, 2 * 1506)``
    """
    by_network = [found.reshape(len(found), NETWORKS, -1, found.shape[-1]) for found in maps.values()]
    columns = torch.cat(by_network, dim=2)
    return torch.stack([columns.amax(dim=3), columns.mean(dim=3)], dim=3).flatten(1)
