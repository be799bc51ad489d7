"""Separates a stream: normalises it, runs segments through an estimator and adds the estimates up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope.batches import batched
from phonoscope_ml.separation.overlap import Grid, OverlapAdd, Segment, cut

_LEAST_DEVIATION = 1e-8


@dataclass(frozen=True)
class Scale:
    """A recording's length in samples, and mean and deviation of its middle, by which Demucs normalises it."""

    length: int
    mean: float
    deviation: float


class Estimator(Protocol):
    """Takes segments apart.

    Args:
        offset: where the first of them starts in the recording, in samples.

    Shape:
        - input: ``(segments, 2, segment)``, normalised
        - output: ``(segments, sources, 2, segment)``
    """

    sources: tuple[str, ...]
    sample_rate_hz: int
    segment: int
    batch: int

    def __call__(self, segments: Samples, offset: int) -> Samples: ...


def measure(blocks: Iterable[Samples]) -> Scale:
    """A pass over the recording before the one that separates. Shape: ``(2, samples)`` each."""
    length, total, squares = 0, 0.0, 0.0
    for block in blocks:
        middle: NDArray[np.float64] = block.mean(axis=0, dtype=np.float64)
        length += len(middle)
        total += float(middle.sum())
        squares += float(middle @ middle)
    mean = total / max(1, length)
    spread = max(0.0, squares - length * mean * mean) / max(1, length - 1)
    return Scale(length, mean, sqrt(spread) + _LEAST_DEVIATION)


def separate(
    estimate: Estimator,
    blocks: Iterable[Samples],
    scale: Scale,
    report: Callable[[float], None] = lambda _: None,
    *,
    skip_silence: bool = True,
) -> Iterator[Samples]:
    """The stems, piece by piece, together as long as the recording.

    Args:
        scale: from ``measure`` of the same recording.
        report: called with the share that is done, in [0, 1], after each batch of segments; may raise to stop.
        skip_silence: digital silence is silence in every stem, and costs nothing.

    Shape:
        - blocks: ``(2, samples)`` each
        - output: ``(sources, 2, samples)`` each
    """
    grid = Grid.overlapping(scale.length, estimate.segment)
    overlap = OverlapAdd(grid, len(estimate.sources))
    normalised = ((block - np.float32(scale.mean)) / np.float32(scale.deviation) for block in blocks)
    for some in batched(cut(normalised, grid), estimate.batch):
        for segment, found in zip(some, _estimates(estimate, some, scale, skip_silence=skip_silence), strict=True):
            yield overlap.add(segment.offset, found)
        report(min(1.0, (some[-1].offset + grid.stride) / scale.length))


def _estimates(estimate: Estimator, some: list[Segment], scale: Scale, *, skip_silence: bool) -> list[Samples | None]:
    silence = np.array([0.0, -np.float32(scale.mean) / np.float32(scale.deviation)], dtype=np.float32)
    heard = [place for place, one in enumerate(some) if not (skip_silence and np.isin(one.samples, silence).all())]
    found: list[Samples | None] = [None] * len(some)
    if heard:
        estimates = estimate(np.stack([some[place].samples for place in heard]), some[heard[0]].offset)
        for place, stems in zip(heard, estimates, strict=True):
            found[place] = stems * np.float32(scale.deviation) + np.float32(scale.mean)
    return found
