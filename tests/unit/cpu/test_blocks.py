"""Frames to blocks, and blocks to overlapping frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from phonoscope_cpu.measure.blocks import Blocks, Framer, hann


def _frame(array: NDArray[Any], kind: str, layout: str = "stereo", rate_hz: int = 8_000) -> AudioFrame:
    frame = AudioFrame.from_ndarray(array, format=kind, layout=layout)
    frame.sample_rate = rate_hz
    return frame


@pytest.mark.parametrize(
    ("kind", "dtype", "quarter"),
    [("u8", "u1", 128 + 32), ("s16", "i2", 2**13), ("s32", "i4", 2**29), ("flt", "f4", 0.25), ("dbl", "f8", 0.25)],
)
def test_full_scale_is_one(kind: str, dtype: str, quarter: float) -> None:
    """A quarter of full scale is 0.25 in every sample format, packed and planar."""
    blocks = Blocks()
    packed = np.full((1, 20), quarter, dtype=dtype)
    found = [*blocks.add(_frame(packed, kind)), *blocks.add(_frame(packed.reshape(2, 10), kind + "p"))]
    found += blocks.flush()
    assert [block.samples.shape for block in found] == [(2, 10), (2, 10)]
    assert all(np.all(block.samples == 0.25) for block in found)


def test_blocks_end_after_a_second_and_at_a_change() -> None:
    """Frames are gathered to a second; another rate or layout starts a new block; nothing is lost."""
    blocks = Blocks()
    frames = [_frame(np.zeros((1, 2_000), np.float32), "flt") for _ in range(10)]
    frames += [_frame(np.zeros((1, 300), np.float32), "flt", "mono", 16_000)]
    found = [block for frame in frames for block in blocks.add(frame)] + list(blocks.flush())
    assert [(block.samples.shape, block.sample_rate_hz) for block in found] == [
        ((2, 8_000), 8_000),
        ((2, 2_000), 8_000),
        ((1, 300), 16_000),
    ]


def test_what_is_no_number_is_silenced() -> None:
    """Not a number and infinities become finite."""
    blocks = Blocks()
    list(blocks.add(_frame(np.array([[np.nan, np.inf, -np.inf, 1e30, 0.5]], np.float32), "flt", "mono")))
    (block,) = blocks.flush()
    assert block.samples.tolist() == [[0.0, 32.0, -32.0, 32.0, 0.5]]


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 0, 30, 13]])
def test_frames_do_not_depend_on_blocks(sizes: list[int]) -> None:
    """The same stream gives the same frames however it is cut, the first centred on the first sample."""
    stream = np.arange(1, 51, dtype=np.float32)
    framer = Framer(8, 4)
    parts = [framer(part) for part in np.split(stream, np.cumsum(sizes)[:-1])]
    frames = np.concatenate([*parts, framer.flush()])
    padded = np.concatenate([np.zeros(4), stream, np.zeros(8)])
    expected = np.stack([padded[start : start + 8] for start in range(0, 52, 4)])
    np.testing.assert_array_equal(frames[: len(expected)], expected)
    assert frames[-1].any()


def test_frames_of_several_channels() -> None:
    """Channels are framed alike."""
    stream = np.stack([np.arange(20.0), -np.arange(20.0)]).astype(np.float32)
    frames = Framer(8, 4, 2)(stream)
    assert frames.shape == (2, 5, 8)
    np.testing.assert_array_equal(frames[0], -frames[1])


def test_hann_overlaps_to_one() -> None:
    """Windows half a frame apart add to 1, so that no sample weighs more than another."""
    window = hann(64)
    np.testing.assert_allclose(window[:32] + window[32:], 1.0, atol=1e-6)
