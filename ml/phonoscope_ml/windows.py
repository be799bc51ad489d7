"""Cuts a stream of samples into overlapping windows; buffers little more than one window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples
from phonoscope_ml.audible import SILENT_PEAK

_SHORTEST_REST = 0.1


@dataclass(frozen=True)
class Window:
    """The stretch of a recording that a classifier sees at once.

    Shape:
        - samples: ``(window,)``, float32; of a recording shorter than a window followed by silence, or repeated
    """

    start_s: float
    end_s: float
    samples: Samples

    @cached_property
    def silent(self) -> bool:
        return bool(np.abs(self.samples).max() < SILENT_PEAK)


def cut_windows(
    blocks: Iterable[Samples], sample_rate_hz: int, window: int, hop: int, *, repeat: bool = False
) -> Iterator[Window]:
    """Yields windows of ``window`` samples every ``hop``; the last one ends with the recording.

    A remainder shorter than a tenth of a window is left out. A recording shorter than a window is one window.

    Args:
        repeat: a recording shorter than a window is repeated to fill it, not followed by silence.
    """
    buffer, start = StreamBuffer(), 0
    for block in blocks:
        buffer.append(block)
        while buffer.end >= start + window:
            yield _window(buffer, start, start + window, sample_rate_hz)
            # The last window is buffered until the next one is complete: the remainder may need its end.
            buffer.drop_before(start)
            start += hop
    seen = start - hop + window
    if not start and buffer.end:
        whole = np.resize(buffer.between(0, buffer.end), window) if repeat else buffer.between(0, window)
        yield Window(0.0, buffer.end / sample_rate_hz, whole)
    elif buffer.end - seen > _SHORTEST_REST * window:
        yield _window(buffer, buffer.end - window, buffer.end, sample_rate_hz)


def _window(buffer: StreamBuffer, start: int, end: int, sample_rate_hz: int) -> Window:
    return Window(start / sample_rate_hz, end / sample_rate_hz, buffer.between(start, end))
