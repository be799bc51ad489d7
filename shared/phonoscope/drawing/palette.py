"""Colour maps as the palettes of pictures with 8 bits a pixel."""

from __future__ import annotations

from functools import cache

import numpy as np

DARKEST, LEVELS, WHITE = 0, 255, 255
"""In a palette with white the colours from dark to bright take all places but the last."""


@cache
def palette(name: str, levels: int = 256) -> bytes:
    """Red, green and blue of so many steps through one of matplotlib's colour maps."""
    # Takes a third of a second, which nobody who draws nothing shall wait for.
    from matplotlib import colormaps

    colours = colormaps[name](np.linspace(0.0, 1.0, levels), bytes=True)
    return bytes(np.ascontiguousarray(colours[:, :3]))


def with_white(name: str) -> bytes:
    """The same in 255 steps, and white for what is written on them."""
    return palette(name, LEVELS) + bytes([255, 255, 255])
