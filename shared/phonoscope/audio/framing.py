"""Cuts a recording's blocks into overlapping frames, for a Fourier transform."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Block, Samples


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


def at_rate(samples: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """Changes the rate by repeating or dropping samples: durations are right, the sound is not.

    Shape:
        - input: ``(..., samples)``, float32
        - output: ``(..., samples)``, at least one
    """
    if rate_hz == wanted_hz:
        return samples
    count = max(1, samples.shape[-1] * wanted_hz // rate_hz)
    return samples[..., np.arange(count) * rate_hz // wanted_hz]


def hann(size: int) -> Samples:
    """A periodic Hann window.

    Shape:
        - output: ``(size,)``, float32
    """
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
