"""Colour maps as the palettes of pictures with 8 bits a pixel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DARKEST, LEVELS, WHITE = 0, 255, 255
"""In a palette with white the colours from dark to bright take all places but the last."""

_STEPS = 256
_TABLES = Path(__file__).with_name("colour_maps.npz")
"""Matplotlib's maps in 256 steps: a gateway that draws need not carry the library."""


def palette(name: str, brightness: NDArray[np.floating]) -> bytes:
    """Red, green and blue for each brightness.

    Shape:
        - brightness: ``(colours,)``, held within [0, 1]
    """
    steps: NDArray[np.uint8] = ramp(name)[(brightness * _STEPS).clip(0, _STEPS - 1).astype(int)]
    return steps.tobytes()


@cache
def ramp(name: str) -> NDArray[np.uint8]:
    """A colour map, by matplotlib's name for it, from dark to bright. Shape: ``(256, 3)``."""
    with np.load(_TABLES, allow_pickle=False) as tables:
        steps: NDArray[np.uint8] = tables[name]
    return steps


@cache
def with_white(name: str) -> bytes:
    """A palette of 255 steps, and white for what is written on them."""
    return palette(name, np.linspace(0.0, 1.0, LEVELS)) + bytes([255, 255, 255])
