"""Spectrograms as pictures, and the axes to read them by."""

from __future__ import annotations

import io
from typing import Any, get_args

import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from phonoscope.audio.spectrogram import MelSpectrogram
from phonoscope.contract import ColourMap, SpectrogramLook
from phonoscope_gateway.pictures.drawing import draw
from phonoscope_gateway.pictures.service import axes

GRAY = SpectrogramLook(width=200, height=128, colour_map="gray")
RATE_HZ = 44_100


def spectrogram(columns: int, missing: int = 0) -> MelSpectrogram:
    """Of silence; the last column lacks some samples."""
    return MelSpectrogram(np.zeros((128, columns), dtype=np.uint8), 512, 512 * columns - missing, RATE_HZ)


def pixels(content: bytes) -> NDArray[Any]:
    """Shape: ``(height, width, 3)``."""
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "PNG"
    return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("columns", [50, 200, 1_000, 3_001])
def test_a_spot_is_where_its_time_and_band_are(columns: int) -> None:
    """Time runs to the right, frequency upwards, whether columns are joined or stretched; the axes name both."""
    found = spectrogram(columns, missing=100)
    start, end = columns * 3 // 10, columns * 4 // 10
    found.levels[20, start:end] = 200
    bright = pixels(draw(found, GRAY))[:, :, 0] > 128
    rows, across = np.nonzero(bright.any(axis=1))[0], np.nonzero(bright.any(axis=0))[0]
    assert rows == pytest.approx([127 - 20])
    told = axes("trk_1", found, GRAY)
    assert told.start_s[across[0]] == pytest.approx(start * 512 / RATE_HZ, abs=1.1 * found.duration_s / 200)
    assert told.start_s[across[-1]] == pytest.approx(end * 512 / RATE_HZ, abs=2.1 * found.duration_s / 200)
    assert told.edge_hz[20] < told.centre_hz[20] < told.edge_hz[21]


def test_the_last_column_is_as_wide_as_it_lasts() -> None:
    """Of nine columns and a hundredth the sixth begins at five ninths, not at a half."""
    found = spectrogram(10, missing=507)
    found.levels[:, 5:] = 200
    bright = pixels(draw(found, GRAY))[64, :, 0] > 64
    assert np.flatnonzero(bright)[0] == pytest.approx(200 * 5 / (9 + 5 / 512), abs=8)
    assert bright[-1]
    spread = spectrogram(10)
    spread.levels[:, 5:] = 200
    assert np.flatnonzero(pixels(draw(spread, GRAY))[64, :, 0] > 64)[0] < np.flatnonzero(bright)[0] - 5


@pytest.mark.parametrize(("width", "height"), [(16, 16), (1_000, 256), (4_000, 2_048)])
def test_the_picture_is_as_large_as_is_asked(width: int, height: int) -> None:
    """From the smallest to the largest."""
    look = SpectrogramLook(width=width, height=height)
    assert pixels(draw(spectrogram(300), look)).shape == (height, width, 3)
    assert len(axes("trk_1", spectrogram(300), look).start_s) == width


@pytest.mark.parametrize("colour_map", get_args(ColourMap))
def test_colours_run_from_the_map_s_darkest_to_its_brightest(colour_map: ColourMap) -> None:
    """80 dB below the loudest spot and all that is quieter is the first colour, the loudest the last."""
    found = spectrogram(256)
    found.levels[:] = np.arange(256)
    told = axes("trk_1", found, SpectrogramLook(width=256, height=128, colour_map=colour_map))
    assert (told.floor_dbfs, told.ceiling_dbfs, told.colour_map) == (-80.0, 0.0, colour_map)
    drawn = pixels(draw(found, SpectrogramLook(width=256, height=128, colour_map=colour_map)))[64]
    expected = colormaps[colour_map]((np.arange(256) - 95.0) / 160.0, bytes=True)[:, :3]
    assert np.array_equal(drawn, expected)
    assert np.array_equal(drawn[0], drawn[95])
    assert not np.array_equal(drawn[95], drawn[105])


def test_the_range_can_be_chosen() -> None:
    """What lies further below the loudest spot than that is darkest; what is nearer is not."""
    found = spectrogram(20)
    found.levels[:, :10] = 140
    found.levels[:, 10:] = 200
    narrow, wide = (
        int(pixels(draw(found, GRAY.model_copy(update={"range_db": range_db})))[64, 10, 0]) for range_db in (30.0, 60.0)
    )
    assert narrow == 0
    assert wide == pytest.approx(127, abs=1)


def test_silence_is_dark() -> None:
    """Not divided by nothing, and not as bright as the loudest spot it is."""
    told = axes("trk_1", spectrogram(10), GRAY)
    assert told.floor_dbfs == told.ceiling_dbfs == -127.5
    assert not pixels(draw(spectrogram(10), GRAY)).any()


def test_of_a_faint_recording_silence_is_still_darkest() -> None:
    """The floor does not lie below what can be told."""
    found = spectrogram(20)
    found.levels[:, 10:] = 40
    drawn = pixels(draw(found, GRAY))[64, :, 0]
    assert (drawn[0], drawn[-1]) == (0, 255)
    assert axes("trk_1", found, GRAY).floor_dbfs == -127.5
