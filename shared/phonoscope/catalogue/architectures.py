"""The architectures of networks by name, to check a request without loading a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Residual: TypeAlias = Literal["resnet18", "resnet34"]
Method: TypeAlias = Literal["grad-cam", "grad-cam++", "hirescam"]
METHODS: tuple[Method, ...] = get_args(Method)
"""The methods of attribution."""
DEFAULT_METHOD: Method = "grad-cam++"
"""The one whose maps lie least where nothing sounds, as measured in docs/evidence.md."""


@dataclass(frozen=True)
class Architecture:
    """The depths of a network, from input to output.

    Args:
        first: the depth before the layers; it has feature maps, and shows no evidence.
        blocks: the layers that can show evidence, and the number of blocks in each; 0 for a layer that is one block.
        evidence: the layer whose evidence is shown unless another is named: of those measured in docs/evidence.md the
            one whose maps pass their checks best.
        strides: how many frames of the spectrogram one cell of each layer spans: the more, the coarser it sees.
    """

    first: str | None
    blocks: dict[str, int]
    evidence: str
    strides: dict[str, int]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that can show evidence."""
        return tuple(self.blocks)

    @property
    def depths(self) -> tuple[str, ...]:
        """All named depths: those whose maps are in a network's output."""
        return (self.first, *self.blocks) if self.first else self.layers

    @property
    def names(self) -> list[str]:
        """The depths, each followed by its blocks.

        >>> ARCHITECTURES["resnet18"].names[:6]
        ['conv1', 'layer1', 'layer1.0', 'layer1.1', 'layer2', 'layer2.0']
        """
        names = [self.first] if self.first else []
        for layer, blocks in self.blocks.items():
            names += [layer, *(f"{layer}.{block}" for block in range(blocks))]
        return names


def _residual(*blocks: int) -> Architecture:
    layers = {f"layer{1 + index}": count for index, count in enumerate(blocks)}
    return Architecture("conv1", layers, "layer4", {name: 4 << index for index, name in enumerate(layers)})


EMBEDDERS = frozenset({"clap"})
"""Architectures of bodies that only embed: they show no evidence, and no head is served on them."""
ARCHITECTURES: dict[str, Architecture] = {
    "resnet18": _residual(2, 2, 2, 2),
    "resnet34": _residual(3, 4, 6, 3),
    "mobilenet": Architecture(
        "stem",
        {"stage1": 1, "stage2": 2, "stage3": 3, "stage4": 4, "stage5": 2, "stage6": 3, "last": 0},
        "last",
        {"stage1": 2, "stage2": 4, "stage3": 8, "stage4": 16, "stage5": 16, "stage6": 32, "last": 32},
    ),
    "musicnn": Architecture(
        None,
        {"front": 0, "middle1": 0, "middle2": 0, "middle3": 0},
        "middle3",
        {"front": 1, "middle1": 1, "middle2": 1, "middle3": 1},
    ),
}
