"""Cuts a stream into overlapping segments, and adds estimates of segments up to a stream, as Demucs does.

Segments start every ``stride`` samples. A segment that reaches past the recording's end is centred on the samples that
are left, and filled with those before them or with zeros. Estimates are weighted by a triangle over the segment
(Défossez et al., 2019, arXiv 1911.13254, with linear transitions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples

_OVERLAP = 0.25


@dataclass(frozen=True)
class Grid:
    """The grid by which a recording is cut into segments; all in samples."""

    length: int
    segment: int
    stride: int

    @classmethod
    def overlapping(cls, length: int, segment: int) -> Grid:
        """A grid with Demucs' own overlap, a quarter of a segment."""
        return cls(length, segment, int((1.0 - _OVERLAP) * segment))

    @property
    def offsets(self) -> range:
        """The starts of the segments."""
        return range(0, self.length, self.stride)

    def covered(self, offset: int) -> int:
        """The number of new samples of the recording in the segment at an offset."""
        return min(self.segment, self.length - offset)

    def padding(self, offset: int) -> int:
        """The number of samples before a segment's offset that it also has."""
        return (self.segment - self.covered(offset)) // 2


@dataclass(frozen=True)
class Segment:
    """A segment of the recording, padded with what is around it.

    Shape:
        - samples: ``(2, segment)``, float32
    """

    offset: int
    samples: Samples


def cut(blocks: Iterable[Samples], grid: Grid) -> Iterator[Segment]:
    """Cuts a stream into segments; buffers at most about one and a half of them.

    Shape:
        - blocks: ``(2, samples)``; together ``grid.length`` samples; further ones are left out, missing ones are zeros
    """
    stream, buffer = iter(blocks), StreamBuffer(channels=2)
    for offset in grid.offsets:
        first = offset - grid.padding(offset)
        end = min(first + grid.segment, grid.length)
        while buffer.end < end and (block := next(stream, None)) is not None:
            buffer.append(block)
        shown = buffer.between(first, end)
        yield Segment(offset, np.pad(shown, ((0, 0), (0, grid.segment - shown.shape[1]))))
        buffer.drop_before(offset + grid.stride - grid.segment // 2)


class OverlapAdd:
    """Adds up the estimates of consecutive segments to a stream.

    Args:
        sources: the number of stems of an estimate.
    """

    def __init__(self, grid: Grid, sources: int) -> None:
        self._grid = grid
        self._sum = np.zeros((sources, 2, grid.segment), dtype=np.float32)
        self._weights = np.zeros(grid.segment, dtype=np.float32)
        self._triangle = triangle(grid.segment)

    def add(self, offset: int, estimate: Samples | None) -> Samples:
        """Adds an estimate; returns the samples that no later segment changes.

        Args:
            estimate: of the padded segment; ``None`` for silence.

        Shape:
            - estimate: ``(sources, 2, segment)``
            - output: ``(sources, 2, stride)``, or what is left of the recording
        """
        grid = self._grid
        covered, padding = grid.covered(offset), grid.padding(offset)
        weights = self._triangle[:covered]
        if estimate is not None:
            self._sum[..., :covered] += weights * estimate[..., padding : padding + covered]
        self._weights[:covered] += weights
        ready = min(grid.stride, grid.length - offset)
        out = self._sum[..., :ready] / self._weights[:ready]
        self._sum = np.concatenate([self._sum[..., ready:], np.zeros_like(self._sum[..., :ready])], axis=-1)
        self._weights = np.concatenate([self._weights[ready:], np.zeros_like(self._weights[:ready])])
        return out


def triangle(segment: int) -> Samples:
    """A triangular window with 1 in the middle.

    >>> triangle(5)
    array([0.33333334, 0.6666667 , 1.        , 0.6666667 , 0.33333334],
          dtype=float32)
    """
    half = segment // 2
    rising, falling = np.arange(1, half + 1), np.arange(segment - half, 0, -1)
    steps = np.concatenate([rising, falling]).astype(np.float32)
    weights: Samples = steps / steps.max()
    return weights
