"""Spectrograms as pictures."""

from __future__ import annotations

import io
import zlib

import numpy as np

from phonoscope.audio.spectrogram import MelLevels, MelSpectrogram, decibels
from phonoscope.contract import SpectrogramLook
from phonoscope.drawing.palette import palette
from phonoscope_gateway.pictures.service import span_dbfs

_LEVELS = 256
_DEFLATE = {"compress_level": 1, "compress_type": zlib.Z_RLE}
"""A spectrogram hardly ever repeats itself: to look for it takes three times as long and saves nothing."""


def draw(spectrogram: MelSpectrogram, look: SpectrogramLook) -> bytes:
    """A bare PNG of the whole recording, time from left to right, low frequencies at the bottom."""
    # A picture is asked for now and then; a gateway that draws none needs no library for it.
    from PIL import Image

    across, levels = _columns(spectrogram, look.width)
    picture = Image.fromarray(np.ascontiguousarray(levels[::-1])).resize(
        (look.width, look.height), Image.Resampling.BILINEAR, box=(0.0, 0.0, across, float(len(levels)))
    )
    picture.putpalette(_palette(spectrogram, look))
    file = io.BytesIO()
    picture.save(file, "PNG", **_DEFLATE)
    return file.getvalue()


def _columns(spectrogram: MelSpectrogram, width: int) -> tuple[float, MelLevels]:
    """The levels to be stretched to a width, and how many of their columns the recording takes up."""
    if spectrogram.levels.shape[1] > width:
        return float(width), spectrogram.coarser(width)
    return spectrogram.samples / spectrogram.column_samples, spectrogram.levels


def _palette(spectrogram: MelSpectrogram, look: SpectrogramLook) -> bytes:
    """A colour for each level, three bytes each."""
    floor_dbfs, ceiling_dbfs = span_dbfs(spectrogram, look.range_db)
    above_db = decibels(np.arange(_LEVELS, dtype=np.uint8)) - floor_dbfs
    return palette(look.colour_map, above_db / max(ceiling_dbfs - floor_dbfs, 1.0))
