"""Streams cut and added up."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.audio.samples import Samples
from phonoscope_ml.separation.overlap import Grid, OverlapAdd, cut, triangle


def noise(length: int) -> Samples:
    return np.random.default_rng(length).standard_normal((2, length)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(2, 90), st.integers(1, 60))
def test_what_is_not_changed_comes_back(length: int, segment: int, block: int) -> None:
    """Segments handed on as they are add up to the stream, whatever its length and however it comes in."""
    samples, grid = noise(length), Grid(length, segment, max(1, 3 * segment // 4))
    overlap = OverlapAdd(grid, 1)
    blocks = [samples[:, start : start + block] for start in range(0, length, block)]
    out = [overlap.add(one.offset, one.samples[None]) for one in cut(blocks, grid)]
    whole = np.concatenate(out, axis=-1)[0]
    assert whole.shape == samples.shape
    np.testing.assert_allclose(whole, samples, atol=1e-5)


def test_the_last_segments_are_moved_back() -> None:
    """So that what is left of the recording stands in their middle, with what came before it in front."""
    samples = np.arange(1.0, 41.0, dtype=np.float32) * np.ones((2, 1), np.float32)
    segments = list(cut([samples], Grid(40, 16, 12)))
    assert [one.offset for one in segments] == [0, 12, 24, 36]
    assert segments[2].samples[0].tolist() == list(range(25, 41))
    assert segments[3].samples[0].tolist() == [*range(31, 41), *[0] * 6]


def test_a_stream_that_ends_early_is_filled_with_zeros() -> None:
    """As many segments as were announced."""
    segments = list(cut([np.ones((2, 10), np.float32)], Grid(30, 8, 6)))
    assert len(segments) == 5
    assert segments[0].samples.all()
    assert not segments[-1].samples.any()


def test_silence_needs_no_estimate() -> None:
    """``None`` counts as zeros, with its weight."""
    overlap = OverlapAdd(Grid(20, 8, 6), 1)
    ones = np.ones((1, 2, 8), np.float32)
    out = np.concatenate([overlap.add(offset, None if offset == 6 else ones) for offset in (0, 6, 12, 18)], axis=-1)
    assert out.shape == (1, 2, 20)
    assert out[0, 0, 3] == 1.0
    assert 0.0 < out[0, 0, 6] < 1.0
    assert out[0, 0, 9] == 0.0


@pytest.mark.parametrize("segment", [2, 5, 8, 343_980])
def test_weights_are_a_triangle(segment: int) -> None:
    """Above 0 everywhere, 1 in the middle."""
    weights = triangle(segment)
    assert weights.shape == (segment,)
    assert (weights.min() > 0.0, weights.max()) == (True, 1.0)
    np.testing.assert_array_equal(weights, weights[::-1])


def test_memory_does_not_grow_with_the_stream() -> None:
    """An hour holds no more than a minute."""

    def peak(blocks: int) -> int:
        def stream() -> Iterator[Samples]:
            for _ in range(blocks):
                yield np.zeros((2, 1_000), np.float32)

        grid = Grid(blocks * 1_000, 3_000, 2_250)
        overlap = OverlapAdd(grid, 4)
        tracemalloc.start()
        for one in cut(stream(), grid):
            overlap.add(one.offset, None)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(5)
    assert peak(2_000) < 1.2 * peak(30)
