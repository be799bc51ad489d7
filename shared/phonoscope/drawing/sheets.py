"""Draws feature maps as a sheet of tiles, pixel by pixel: a plotting library is slow with this many maps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from phonoscope.drawing.palette import DARKEST, LEVELS, WHITE, with_white

MEDIA_TYPE = "image/png"
_COLUMNS = 6
_TILE = (240, 124)
_MARGIN, _CAPTION = 8, 18
_TEXT = 12
_FASTEST = 1
"""The compression level; the images are small."""


def draw_sheet(title: str, captions: Sequence[str], maps: Sequence[NDArray[np.float32]]) -> bytes:
    """Draws a PNG of all maps, each from its lowest value (dark) to its highest (bright), low frequencies at the
    bottom.

    Args:
        captions: the text above each map.

    Shape:
        - maps: ``(rows, columns)`` each, rows from low to high
    """
    width, height = (size + _MARGIN for size in _TILE)
    rows = ceil(len(maps) / _COLUMNS)
    top = _CAPTION + _MARGIN
    size = (_COLUMNS * width + _MARGIN, top + rows * (height + _CAPTION))
    sheet = Image.new("P", size, DARKEST)
    sheet.putpalette(with_white("magma"))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    draw.fontmode = "1"
    draw.text((_MARGIN, _MARGIN), title, WHITE, font)
    for place, (caption, values) in enumerate(zip(captions, maps, strict=True)):
        x, y = _MARGIN + place % _COLUMNS * width, top + place // _COLUMNS * (height + _CAPTION)
        draw.text((x, y), caption, WHITE, font)
        tile = Image.fromarray(_levels(values)[::-1])
        sheet.paste(tile.resize(_TILE, Image.Resampling.NEAREST), (x, y + _CAPTION))
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=_FASTEST)
    return file.getvalue()


def _levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full(values.shape, DARKEST, dtype=np.uint8)
    levels: NDArray[np.uint8] = ((values - low) * ((LEVELS - 1) / (high - low))).astype(np.uint8)
    return levels
