"""Colour maps as palettes of images with 8 bits a pixel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DARKEST, LEVELS, WHITE = 0, 255, 255
"""The index of white in a palette with white; the colours from dark to bright have the indices before it."""

_STEPS = 256
_TABLES = Path(__file__).with_name("colour_maps.npz")
"""Matplotlib's maps in 256 steps, so that the gateway does not need the library."""


def palette(name: str, brightness: NDArray[np.floating]) -> bytes:
    """The red, green and blue of each brightness.

    Shape:
        - brightness: ``(colours,)``, clipped to [0, 1]
    """
    steps: NDArray[np.uint8] = ramp(name)[(brightness * _STEPS).clip(0, _STEPS - 1).astype(int)]
    return steps.tobytes()


@cache
def ramp(name: str) -> NDArray[np.uint8]:
    """A colour map from dark to bright, by matplotlib's name for it. Shape: ``(256, 3)``."""
    with np.load(_TABLES, allow_pickle=False) as tables:
        steps: NDArray[np.uint8] = tables[name]
    return steps


@cache
def with_white(name: str) -> bytes:
    """A palette of a colour map in 255 steps and white, for text."""
    return palette(name, np.linspace(0.0, 1.0, LEVELS)) + bytes([255, 255, 255])
