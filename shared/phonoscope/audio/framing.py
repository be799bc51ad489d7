"""Cuts a recording's blocks into overlapping frames, for a Fourier transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Block, Samples

_SLAB_VALUES = 1 << 20


class Meter(Protocol):
    """Measures a recording block by block, in constant memory."""

    def add(self, block: Block) -> None: ...

    def finish(self) -> None: ...


class Framer:
    """Cuts a stream into overlapping frames; buffers less than a frame.

    When the number of channels changes, the buffered channels are repeated or dropped to match it.

    Args:
        size: samples in a frame, even.
        hop: samples from one frame to the next.
        channels: the number of channels; ``None`` for a stream of plain samples.
        first: the index of the sample on which the first frame is centred.

    Shape:
        - input: ``(samples,)`` or ``(channels, samples)``, float32
        - output: ``(frames, size)`` or ``(channels, frames, size)``, float32

    >>> Framer(4, 2)(np.ones(5, dtype=np.float32))
    array([[0., 0., 1., 1.],
           [1., 1., 1., 1.]], dtype=float32)
    """

    def __init__(self, size: int, hop: int, channels: int | None = None, first: int = 0) -> None:
        self._size = size
        self._hop = hop
        self._buffer = StreamBuffer(channels)
        before = size // 2 - first
        self._buffer.append(np.zeros((before,) if channels is None else (channels, before), dtype=np.float32))

    def __call__(self, samples: Samples) -> Samples:
        self._buffer.append(samples)
        count = max(0, (len(self._buffer) - self._size) // self._hop + 1)
        if not count:
            return np.zeros((*samples.shape[:-1], 0, self._size), dtype=np.float32)
        held = self._buffer.samples
        self._buffer.drop_before(self._buffer.start + count * self._hop)
        return sliding_window_view(held, self._size, axis=-1)[..., : count * self._hop : self._hop, :]

    def flush(self) -> Samples:
        """The frames that reach past the end, padded with silence."""
        return self(np.zeros((*self._buffer.samples.shape[:-1], self._size - 1), dtype=np.float32))


class Place(NamedTuple):
    """Where a sample of a recording lies.

    Args:
        position: how many samples are before it, at the recording's first rate.
        rate_hz: its own rate.
        in_run: how many samples are before it since the rate changed.
        in_form: how many since rate, speakers or type changed, from where hops of the mix to mono are counted.
    """

    position: int
    rate_hz: int
    in_run: int
    in_form: int

    def after(self, samples: int, first_rate_hz: int) -> Self:
        """The place so many samples later, where nothing changes."""
        before, end = (at_rate(count, self.rate_hz, first_rate_hz) for count in (self.in_run, self.in_run + samples))
        return self._replace(
            position=self.position + end - before, in_run=self.in_run + samples, in_form=self.in_form + samples
        )


class AtRate:
    """Brings a stream to one rate by repeating or dropping samples: durations are right, the sound is not.

    What comes out depends on the samples alone, not on how they are cut into pieces.

    Args:
        rate_hz: that rate; the stream's first one when left out.
        place: where the stream begins.
        start: the position of the first sample that is wanted, at that rate.
        stop: where those that are wanted end; ``None`` for all.

    Attributes:
        position: of the next sample, at that rate.

    Shape:
        - input: ``(..., samples)``, float32
        - output: pieces of the same shape; of another rate 2^20 values at most each, however low it is
    """

    def __init__(self, rate_hz: int = 0, place: Place | None = None, start: int = 0, stop: int | None = None) -> None:
        self.rate_hz = rate_hz
        self.position, self._source, self._given, _ = place or (0, 0, 0, 0)
        self._start, self._stop = start, stop

    def __call__(self, samples: Samples, rate_hz: int) -> Iterator[Samples]:
        self.rate_hz = self.rate_hz or rate_hz
        if rate_hz != self._source:
            self._source, self._given = rate_hz, 0
        before = self._given
        self._given += samples.shape[-1]
        first, end = (at_rate(count, rate_hz, self.rate_hz) for count in (before, self._given))
        ahead = first - self.position
        self.position += end - first
        wanted = range(max(first, self._start + ahead), end if self._stop is None else min(end, self._stop + ahead))
        if rate_hz == self.rate_hz:
            return iter([samples[..., wanted.start - before : wanted.stop - before]] if wanted else [])
        return _slabs(samples, before, wanted, rate_hz, self.rate_hz)


def _slabs(samples: Samples, before: int, wanted: range, rate_hz: int, wanted_hz: int) -> Iterator[Samples]:
    most = max(1, _SLAB_VALUES // (len(samples) if samples.ndim > 1 else 1))
    for first in range(wanted.start, wanted.stop, most):
        yield samples[..., np.arange(first, min(first + most, wanted.stop)) * rate_hz // wanted_hz - before]


def at_rate(samples: int, rate_hz: int, wanted_hz: int) -> int:
    """How many samples there are at another rate."""
    return -(-samples * wanted_hz // rate_hz)


def hann(size: int) -> Samples:
    """A periodic Hann window.

    Shape:
        - output: ``(size,)``, float32
    """
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
