"""What the networks are made of, by name, for whoever has to check a request without loading one."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Architecture: TypeAlias = Literal["resnet18", "resnet34"]
Layer: TypeAlias = Literal["layer1", "layer2", "layer3", "layer4"]
Method: TypeAlias = Literal["grad-cam", "grad-cam++", "hirescam"]

LAYERS: tuple[Layer, ...] = get_args(Layer)
"""The four groups of residual blocks, for each of which evidence can be shown."""
DEPTHS = ("conv1", *LAYERS)
"""The stem and the groups, from the picture inwards."""
METHODS: tuple[Method, ...] = get_args(Method)
"""Ways to find the evidence."""
BLOCKS: dict[str, tuple[int, ...]] = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
"""How many residual blocks each group has."""


def layer_names(architecture: str) -> list[str]:
    """The five depths, each group followed by its blocks.

    >>> layer_names("resnet18")[:6]
    ['conv1', 'layer1', 'layer1.0', 'layer1.1', 'layer2', 'layer2.0']
    """
    names = [DEPTHS[0]]
    for layer, blocks in zip(LAYERS, BLOCKS[architecture], strict=True):
        names += [layer, *(f"{layer}.{block}" for block in range(blocks))]
    return names
