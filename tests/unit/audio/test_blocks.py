"""Decoded frames gathered to blocks at full scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from phonoscope.audio.samples import Joined, blocks, piece_of
from phonoscope.audio.speakers import speakers_of


def _frame(array: NDArray[Any], kind: str, layout: str = "stereo", rate_hz: int = 8_000) -> Joined:
    frame = AudioFrame.from_ndarray(array, format=kind, layout=layout)
    frame.sample_rate = rate_hz
    return piece_of(frame, speakers_of(frame.layout))


@pytest.mark.parametrize(
    ("kind", "dtype", "quarter"),
    [("u8", "u1", 128 + 32), ("s16", "i2", 2**13), ("s32", "i4", 2**29), ("flt", "f4", 0.25), ("dbl", "f8", 0.25)],
)
def test_full_scale_is_one(kind: str, dtype: str, quarter: float) -> None:
    """A quarter of full scale is 0.25 in every sample format, packed and planar."""
    packed = np.full((1, 20), quarter, dtype=dtype)
    found = list(blocks([_frame(packed, kind), _frame(packed.reshape(2, 10), kind + "p")]))
    assert [block.samples.shape for block in found] == [(2, 20)]
    assert all(np.all(block.samples == 0.25) and block.samples.dtype == np.float32 for block in found)


def test_blocks_end_after_a_second_and_at_a_change() -> None:
    """Frames are gathered to a second; another rate or layout starts a new block; nothing is lost."""
    frames = [_frame(np.zeros((1, 2_000), np.float32), "flt") for _ in range(10)]
    frames += [_frame(np.zeros((1, 300), np.float32), "flt", "mono", 16_000)]
    assert [(block.samples.shape, block.sample_rate_hz) for block in blocks(frames)] == [
        ((2, 8_000), 8_000),
        ((2, 2_000), 8_000),
        ((1, 300), 16_000),
    ]


def test_what_is_no_number_is_silenced() -> None:
    """Not a number and infinities become finite."""
    (block,) = blocks([_frame(np.array([[np.nan, np.inf, -np.inf, 1e30, 0.5]], np.float32), "flt", "mono")])
    assert block.samples.tolist() == [[0.0, 32.0, -32.0, 32.0, 0.5]]
