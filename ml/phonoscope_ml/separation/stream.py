"""Separates a stream: normalises it, runs an estimator over segments and adds the estimates up."""

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
    """A recording's length in samples, and its mono mean and standard deviation, by which Demucs normalises it."""

    length: int
    mean: float
    deviation: float


class Estimator(Protocol):
    """Estimates the stems of segments.

    Args:
        offset: the start of the first segment in the recording, in samples.

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
    """Measures a recording, in a pass before the separation. Shape: blocks of ``(2, samples)``."""
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
    """Yields the stems piece by piece, together as long as the recording.

    Args:
        scale: from ``measure`` of the same recording.
        report: called with the progress, in [0, 1], after each batch of segments; may raise to stop.
        skip_silence: takes the stems of digital silence as silence, without the network.

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
    audible = [index for index, one in enumerate(some) if not (skip_silence and np.isin(one.samples, silence).all())]
    found: list[Samples | None] = [None] * len(some)
    if audible:
        estimates = estimate(np.stack([some[index].samples for index in audible]), some[audible[0]].offset)
        for index, stems in zip(audible, estimates, strict=True):
            found[index] = stems * np.float32(scale.deviation) + np.float32(scale.mean)
    return found
