"""Removes what lies below hearing from what networks hear: steady offsets, drifts, rumble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfilt_zi
from scipy.signal.windows import hann

from phonoscope.audio.samples import Samples

LOWEST_HZ = 20.0
SILENT_PEAK = 1e-4
"""-80 dBFS: what has a lower peak is silent."""
_ORDER = 8
_FIRST_S = 0.1
_PAUSE_S = 0.05
_ROUNDING = 1e-9
"""What a filter makes of a constant; without it, equal windows are computed once."""


def audible(blocks: Iterable[Samples], sample_rate_hz: int) -> Iterator[Samples]:
    """A stream without what lies below 20 Hz, by a Butterworth filter of the eighth order.

    All front ends scale a spectrogram by its own levels, where an offset that nobody hears would count. The filter
    starts as if the offset of the first 100 ms had always been there, so that it is no thump. Silence at a block's end
    stays as it is: the filter's own decay after a sound is no sound.

    Args:
        sample_rate_hz: above 40 Hz.

    Shape:
        - blocks: ``(samples,)``, float32, to the same

    >>> float(np.abs(next(audible([np.full(8_000, 0.5, dtype=np.float32)], 8_000))).max()) < 1e-6
    True
    """
    sections, steady = _filter(sample_rate_hz)
    pause = max(1, int(_PAUSE_S * sample_rate_hz))
    state = None
    for block in blocks:
        if not len(block):
            continue
        if state is None:
            state = steady * _offset(block[: max(1, int(_FIRST_S * sample_rate_hz))])
        end = _end_of_sound(block, pause)
        found = block.copy()
        if end:
            filtered, state = sosfilt(sections, block[:end], zi=state)
            if abs(filtered[-1]) < _ROUNDING:
                filtered[np.abs(filtered) < _ROUNDING] = 0.0
            found[:end] = filtered
        if end < len(block):
            state = np.zeros_like(steady)
        yield found


@cache
def _filter(sample_rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Second-order sections, and their state after a constant of 1 without end."""
    sections = butter(_ORDER, LOWEST_HZ, "highpass", fs=sample_rate_hz, output="sos")
    return sections, sosfilt_zi(sections)


def _end_of_sound(block: Samples, pause: int) -> int:
    """The position after the last sample that is not silent; the block's end where silence is shorter than a pause."""
    if (np.abs(block[-pause:]) >= SILENT_PEAK).any():
        return len(block)
    loud = np.flatnonzero(np.abs(block) >= SILENT_PEAK)
    end = int(loud[-1]) + 1 if len(loud) else 0
    return end if len(block) - end >= pause else len(block)


def _offset(first: Samples) -> float:
    """The mean of the first samples, weighted so that no tone above 20 Hz counts."""
    return float(np.average(first, weights=hann(len(first) + 2)[1:-1]))
