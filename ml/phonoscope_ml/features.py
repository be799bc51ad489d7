"""What each depth of a network sees, from the pass that classified."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from phonoscope.catalogue.architectures import DEPTHS, layer_names
from phonoscope.errors import UnknownLayer
from phonoscope_ml.network import AudioResNet, Output

STRONGEST = 16


@dataclass(frozen=True)
class FeatureMaps:
    """One depth or block.

    Shape:
        - shape: ``(channels, rows, columns)`` of one window's map
        - mean: ``(windows, rows, columns)``, over all channels
        - channels: ``(windows, 16)``, indices of those with the highest mean, the highest first
        - strongest: ``(windows, 16, rows, columns)``, their maps
    """

    name: str
    shape: tuple[int, int, int]
    mean: NDArray[np.float32]
    channels: NDArray[np.int64]
    strongest: NDArray[np.float32]


class FeatureTap:
    """While entered, the maps of the layers named are kept from a network's passes, each pass replacing the last's.

    Whole depths come with every pass; blocks (``layer3.2``) are caught by hooks, which are removed on leaving.

    Args:
        layers: of :func:`~phonoscope.catalogue.architectures.layer_names`; by default the five depths.

    Raises:
        UnknownLayer: the network has no such layer; the error names those it has.

    >>> import torch
    >>> from phonoscope_ml.network import AudioResNet
    >>> with FeatureTap(network := AudioResNet("resnet18", labels=10).eval(), ["conv1", "layer3.1"]) as tap:
    ...     [(found.name, found.shape) for found in tap.features(network(torch.rand(1, 1, 128, 126)))]
    [('conv1', (64, 64, 63)), ('layer3.1', (256, 8, 8))]
    """

    def __init__(self, network: AudioResNet, layers: Sequence[str] = DEPTHS) -> None:
        known = layer_names(network.architecture)
        for layer in layers:
            if layer not in known:
                raise UnknownLayer.choice("layers", layer, known)
        self.network = network
        self.layers = tuple(layers)
        self._caught: dict[str, Tensor] = {}
        self._hooks = ExitStack()

    def __enter__(self) -> Self:
        for layer in self.layers:
            if layer not in DEPTHS:
                hook = self.network.get_submodule(layer).register_forward_hook(_Keeper(self._caught, layer))
                self._hooks.callback(hook.remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        self._caught.clear()

    def features(self, output: Output) -> list[FeatureMaps]:
        """The maps of the last pass, which gave this output, in the order asked for."""
        maps = {**output.maps, **self._caught}
        return [summarise(layer, maps[layer]) for layer in self.layers]


def summarise(name: str, maps: Tensor) -> FeatureMaps:
    """The mean and the strongest channels; all channels where there are fewer than 16.

    Shape:
        - maps: ``(windows, channels, rows, columns)``
    """
    maps = maps.detach().float()
    channels = maps.mean(dim=(2, 3)).topk(min(STRONGEST, maps.shape[1]), dim=1).indices
    strongest = maps.gather(1, channels[:, :, None, None].expand(-1, -1, *maps.shape[2:]))
    count, rows, columns = maps.shape[1:]
    return FeatureMaps(
        name=name,
        shape=(count, rows, columns),
        mean=maps.mean(dim=1).cpu().numpy(),
        channels=channels.cpu().numpy(),
        strongest=strongest.cpu().numpy(),
    )


@dataclass(frozen=True)
class _Keeper:
    """A forward hook that files a layer's output, without tying the tap to the network."""

    caught: dict[str, Tensor]
    layer: str

    def __call__(self, _module: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> None:
        self.caught[self.layer] = output.detach()
