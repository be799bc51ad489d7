"""Feature maps: the activations of each layer of a network, from the classifying pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from phonoscope.errors import UnknownLayer
from phonoscope_ml.networks import Network, Output

STRONGEST = 16


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of one layer or block.

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
    """Keeps the maps of the named layers from a network's last pass, inside its ``with`` block.

    The maps of layers are in the network's output; those of blocks (``layer3.2``) come from hooks, which are removed at
    the end of the ``with`` block.

    Args:
        layers: depths or blocks, of the network's ``depths.names``; by default all depths.

    Raises:
        UnknownLayer: the network has no such layer; the error names the existing ones.

    >>> import torch
    >>> from phonoscope_ml.networks import AudioResNet
    >>> with FeatureTap(network := AudioResNet("resnet18", labels=10).eval(), ["conv1", "layer3.1"]) as tap:
    ...     [(found.name, found.shape) for found in tap.features(network(torch.rand(1, 1, 128, 126)))]
    [('conv1', (64, 64, 63)), ('layer3.1', (256, 8, 8))]
    """

    def __init__(self, network: Network, layers: Sequence[str] | None = None) -> None:
        self.layers = network.depths.depths if layers is None else tuple(layers)
        for layer in self.layers:
            if layer not in network.depths.names:
                raise UnknownLayer.choice("layers", layer, network.depths.names)
        self.network = network
        self._outputs: dict[str, Tensor] = {}
        self._hooks = ExitStack()

    def __enter__(self) -> Self:
        for layer in self.layers:
            if layer not in self.network.depths.depths:
                hook = self.network.layer(layer).register_forward_hook(_SaveOutput(self._outputs, layer))
                self._hooks.callback(hook.remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        self._outputs.clear()

    def features(self, output: Output) -> list[FeatureMaps]:
        """The maps of the last pass, in the order of ``layers``; ``output`` is that pass's output."""
        maps = {**output.maps, **self._outputs}
        return [summarise(layer, maps[layer]) for layer in self.layers]


def summarise(name: str, maps: Tensor) -> FeatureMaps:
    """The mean of the maps and the strongest channels; all channels when there are fewer than 16.

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
class _SaveOutput:
    """A forward hook that saves a layer's output, without a reference to the tap."""

    outputs: dict[str, Tensor]
    layer: str

    def __call__(self, _module: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> None:
        self.outputs[self.layer] = output.detach()
