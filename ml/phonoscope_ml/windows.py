"""Cuts a stream of samples into overlapping windows; buffers little more than one window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples
from phonoscope_ml.audible import SILENT_PEAK

_SHORTEST_REST = 0.1
Filling: TypeAlias = Literal["silence", "repetition", "whole repetitions"]
"""What follows a recording that is shorter than a window: silence; itself again and again until the window ends; or
itself as often as it fits, and then silence."""


@dataclass(frozen=True)
class Window:
    """The stretch of a recording that a classifier sees at once.

    Shape:
        - samples, audible: ``(window,)``, float32; of a recording shorter than a window what ``Filling`` says
    """

    start_s: float
    end_s: float
    samples: Samples
    audible: Samples | None = None
    """The samples without what nobody hears, where they are not so already."""

    @cached_property
    def silent(self) -> bool:
        heard = self.samples if self.audible is None else self.audible
        return bool(np.abs(heard).max() < SILENT_PEAK)


def cut_windows(
    blocks: Iterable[Samples], sample_rate_hz: int, window: int, hop: int, filling: Filling = "silence"
) -> Iterator[Window]:
    """Yields windows of ``window`` samples every ``hop``; the last one ends with the recording.

    A remainder shorter than a tenth of a window is left out. A recording shorter than a window is one window.

    Args:
        filling: what follows a recording shorter than a window.
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
        yield Window(0.0, buffer.end / sample_rate_hz, _filled(buffer.between(0, buffer.end), window, filling))
    elif buffer.end - seen > _SHORTEST_REST * window:
        yield _window(buffer, buffer.end - window, buffer.end, sample_rate_hz)


def _filled(recording: Samples, window: int, filling: Filling) -> Samples:
    if filling == "repetition":
        return np.resize(recording, window)
    times = window // len(recording) if filling == "whole repetitions" else 1
    filled = np.zeros(window, dtype=recording.dtype)
    filled[: times * len(recording)] = np.tile(recording, times)
    return filled


def _window(buffer: StreamBuffer, start: int, end: int, sample_rate_hz: int) -> Window:
    return Window(start / sample_rate_hz, end / sample_rate_hz, buffer.between(start, end))
