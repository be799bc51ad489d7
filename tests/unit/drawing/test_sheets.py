"""Feature maps as a sheet of tiles."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from phonoscope.drawing.sheets import draw_sheet


def drawn(maps: list[NDArray[np.float32]]) -> NDArray[np.int64]:
    """The pixels, ``(rows, columns, 3)``."""
    sheet = draw_sheet("layer1", [f"channel {place}" for place in range(len(maps))], maps)
    with Image.open(io.BytesIO(sheet)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def test_low_frequencies_lie_at_the_bottom() -> None:
    """A map that is strong in its first row is bright below and dark above."""
    values = np.zeros((8, 4), np.float32)
    values[0] = 1.0
    tile = drawn([values])[44:168, 8:248]
    assert (tile[-10:].sum(axis=2) > 600).all()
    assert (tile[:60].sum(axis=2) < 20).all()


def test_each_tile_has_its_own_scale() -> None:
    """A faint map shows as much as a loud one."""
    pattern = np.arange(12, dtype=np.float32).reshape(3, 4)
    pixels = drawn([pattern, pattern * 2.0**-20])
    np.testing.assert_array_equal(pixels[44:168, 8:248], pixels[44:168, 256:496])


def test_a_flat_map_is_dark() -> None:
    """And no division by zero."""
    assert (drawn([np.full((3, 3), 7.0, np.float32)])[44:168, 8:248].sum(axis=2) < 20).all()


def test_every_tile_has_a_caption() -> None:
    """Seventeen tiles in three rows, white words above each."""
    pixels = drawn([np.zeros((4, 4), np.float32)] * 17)
    assert pixels.shape[1] == 6 * 248 + 8
    for place in range(17):
        x, y = 8 + place % 6 * 248, 26 + place // 6 * 150
        assert (pixels[y : y + 18, x : x + 80] == 255).all(axis=2).any()
