"""The architectures of networks by name, to check a request without loading a network."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Architecture: TypeAlias = Literal["resnet18", "resnet34"]
Layer: TypeAlias = Literal["layer1", "layer2", "layer3", "layer4"]
Method: TypeAlias = Literal["grad-cam", "grad-cam++", "hirescam"]

LAYERS: tuple[Layer, ...] = get_args(Layer)
"""The four groups of residual blocks; each can show evidence."""
DEPTHS = ("conv1", *LAYERS)
"""The first convolution and the groups, from input to output."""
METHODS: tuple[Method, ...] = get_args(Method)
"""The methods of attribution."""
BLOCKS: dict[str, tuple[int, ...]] = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
"""The number of residual blocks in each group."""


def layer_names(architecture: str) -> list[str]:
    """The five layers, each group followed by its blocks.

    >>> layer_names("resnet18")[:6]
    ['conv1', 'layer1', 'layer1.0', 'layer1.1', 'layer2', 'layer2.0']
    """
    names = [DEPTHS[0]]
    for layer, blocks in zip(LAYERS, BLOCKS[architecture], strict=True):
        names += [layer, *(f"{layer}.{block}" for block in range(blocks))]
    return names
