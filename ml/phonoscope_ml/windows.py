"""A stream of samples cut into overlapping windows, holding little more than one window at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phonoscope.audio.decode import Samples

_SHORTEST_REST = 0.1
_SILENT_PEAK = 1e-4
"""-80 dB below full scale: under this a window has nothing to say about the recording."""


@dataclass(frozen=True)
class Window:
    """What a classifier sees at once.

    Shape:
        - samples: ``(window,)``, float32, silence behind where the recording is shorter than a window
    """

    start_s: float
    end_s: float
    samples: Samples

    @cached_property
    def silent(self) -> bool:
        return bool(np.abs(self.samples).max() < _SILENT_PEAK)


def cut_windows(blocks: Iterable[Samples], sample_rate_hz: int, window: int, hop: int) -> Iterator[Window]:
    """Windows of ``window`` samples every ``hop``; the last one ends with the recording.

    A rest that no window has seen is left out when it is shorter than a tenth of a window. A recording shorter than
    a window gives one window, padded with silence.
    """
    held = np.zeros(0, dtype=np.float32)
    start = 0
    any_yet = False
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= window + (hop if any_yet else 0):
            if any_yet:
                held, start = held[hop:], start + hop
            yield _window(held[:window], start, sample_rate_hz)
            any_yet = True
    if not any_yet and len(held):
        padded = np.pad(held, (0, window - len(held)))
        yield Window(0.0, len(held) / sample_rate_hz, padded)
    elif len(held) - window > _SHORTEST_REST * window:
        yield _window(held[-window:], start + len(held) - window, sample_rate_hz)


def _window(samples: Samples, start: int, sample_rate_hz: int) -> Window:
    return Window(start / sample_rate_hz, (start + len(samples)) / sample_rate_hz, samples)
