"""Colour maps as the palettes of pictures with 8 bits a pixel."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

DARKEST, LEVELS, WHITE = 0, 255, 255
"""In a palette with white the colours from dark to bright take all places but the last."""


def palette(name: str, brightness: NDArray[np.floating]) -> bytes:
    """Red, green and blue for each brightness, of one of matplotlib's colour maps.

    Shape:
        - brightness: ``(colours,)``, held within [0, 1]
    """
    # Takes a third of a second, which nobody who draws nothing shall wait for.
    from matplotlib import colormaps

    colours = np.asarray(colormaps[name](brightness.clip(0.0, 1.0), bytes=True))
    return colours[:, :3].tobytes()


@cache
def ramp(name: str) -> NDArray[np.uint8]:
    """A colour map in 256 steps from dark to bright. Shape: ``(256, 3)``."""
    return np.frombuffer(palette(name, np.linspace(0.0, 1.0, 256)), np.uint8).reshape(-1, 3)


@cache
def with_white(name: str) -> bytes:
    """A palette of 255 steps, and white for what is written on them."""
    return palette(name, np.linspace(0.0, 1.0, LEVELS)) + bytes([255, 255, 255])
