"""Arrays on their way to whoever reads them."""

from __future__ import annotations

import numpy as np

from phonoscope.audio.arrays import packed, unpacked


def test_arrays_travel_row_by_row() -> None:
    """However they lay in memory; their shapes stay, also that of a single number."""
    turned = np.arange(12.0).reshape(3, 4).T
    read = unpacked(packed({"turned": turned, "number": np.float32(2.0)}))
    assert read["turned"].flags.c_contiguous
    assert (read["turned"].shape, read["number"].shape) == ((4, 3), ())
    assert np.array_equal(read["turned"], turned)
