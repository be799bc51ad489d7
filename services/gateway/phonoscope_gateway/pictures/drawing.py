"""Draws spectrograms as images."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.spectrogram import MelLevels, MelSpectrogram, decibels
from phonoscope.contract import SpectrogramLook
from phonoscope.drawing.palette import palette
from phonoscope_gateway.pictures.service import span_dbfs

_LEVELS = 256
_DEFLATE = {"compress_level": 1, "compress_type": zlib.Z_RLE}
"""Spectrograms have hardly any repetitions: a search for them takes three times as long and saves nothing."""


def draw(spectrogram: MelSpectrogram, look: SpectrogramLook) -> bytes:
    """A PNG of the whole recording without axes, time from left to right, low frequencies at the bottom."""
    # Imported here, since images are seldom requested.
    from PIL import Image

    filled, levels = _columns(spectrogram, look.width)
    image = Image.fromarray(np.ascontiguousarray(levels[::-1])).resize(
        (look.width, look.height), Image.Resampling.BILINEAR, box=(0.0, 0.0, filled, float(len(levels)))
    )
    image.putpalette(_palette(spectrogram, look))
    file = io.BytesIO()
    image.save(file, "PNG", **_DEFLATE)
    return file.getvalue()


def grey(columns: NDArray[Any]) -> bytes:
    """A PNG with a pixel for each level, the first band at the bottom.

    Shape:
        - columns: ``(columns, bands)``, uint8
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(columns.T[::-1])).save(file, "PNG", **_DEFLATE)
    return file.getvalue()


def _columns(spectrogram: MelSpectrogram, width: int) -> tuple[float, MelLevels]:
    """The levels to stretch to a width, and the number of their columns that the recording fills."""
    if spectrogram.levels.shape[1] > width:
        return float(width), spectrogram.coarser(width)
    return spectrogram.samples / spectrogram.column_samples, spectrogram.levels


def _palette(spectrogram: MelSpectrogram, look: SpectrogramLook) -> bytes:
    """The colour of each level, three bytes each."""
    floor_dbfs, ceiling_dbfs = span_dbfs(spectrogram, look.range_db)
    above_db = decibels(np.arange(_LEVELS, dtype=np.uint8)) - floor_dbfs
    return palette(look.colour_map, above_db / max(ceiling_dbfs - floor_dbfs, 1.0))
