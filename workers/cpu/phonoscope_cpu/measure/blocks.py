"""Decoded frames of any format as blocks of channels, and blocks as overlapping frames for a Fourier transform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from av.audio.frame import AudioFrame
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from phonoscope.audio.samples import LOUDEST, Samples, channel_samples

_BLOCK_S = 1.0
_BLOCK_VALUES = 1 << 21


@dataclass(frozen=True)
class Block:
    """A second or so of a recording with all its channels.

    Shape:
        - samples: ``(channels, samples)``, float32, full scale at 1.0, finite and within [-32, 32]
    """

    samples: Samples
    sample_rate_hz: int
    layout: str


class Meter(Protocol):
    """Something that is shown a recording block by block and keeps sums, never samples."""

    def add(self, block: Block) -> None: ...

    def finish(self) -> None: ...


class Blocks:
    """Decoded frames gathered to blocks; a block ends early where the format changes."""

    def __init__(self) -> None:
        self._held: list[NDArray[Any]] = []
        self._kind = ("", "", 0)
        self._room = 0

    def add(self, frame: AudioFrame) -> Iterator[Block]:
        """The block that this frame completes, if it does."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._room <= 0 or kind != self._kind:
            yield from self.flush()
            self._kind = kind
            self._room = min(round(frame.sample_rate * _BLOCK_S), _BLOCK_VALUES // frame.layout.nb_channels)
        self._held.append(channel_samples(frame))
        self._room -= frame.samples

    def flush(self) -> Iterator[Block]:
        """What is held, as a last block."""
        if self._held:
            _, layout, rate = self._kind
            yield Block(_full_scale(np.concatenate(self._held, axis=1)), rate, layout)
        self._held = []


class Framer:
    """A stream cut into overlapping frames; holds less than a frame.

    Where the number of channels changes, those that are held stand in for the new ones, in turn.

    Args:
        size: samples in a frame, even.
        hop: samples from one frame to the next.
        channels: how many channels the stream has; none for a stream of plain samples.
        first: the sample on which the first frame is centred.

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
        before = size // 2 - first
        self._held = np.zeros((before,) if channels is None else (channels, before), dtype=np.float32)

    def __call__(self, samples: Samples) -> Samples:
        if samples.ndim > 1 and len(samples) != len(self._held):
            self._held = self._held[np.arange(len(samples)) % len(self._held)]
        held = np.concatenate([self._held, samples], axis=-1)
        count = max(0, (held.shape[-1] - self._size) // self._hop + 1)
        self._held = held[..., count * self._hop :].copy()
        if not count:
            return np.zeros((*held.shape[:-1], 0, self._size), dtype=np.float32)
        return sliding_window_view(held, self._size, axis=-1)[..., : count * self._hop : self._hop, :]

    def flush(self) -> Samples:
        """The frames that reach over the end, with silence behind it."""
        return self(np.zeros((*self._held.shape[:-1], self._size - 1), dtype=np.float32))


def at_rate(samples: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """Samples at another rate, each the nearest before its time: what they last is kept, not how they sound.

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


def _full_scale(samples: NDArray[Any]) -> Samples:
    # Each channel in one piece: packed as most decoders leave them, a mean over the channels takes nine times as long.
    scaled: Samples
    if samples.dtype.kind == "f":
        scaled = np.nan_to_num(samples.clip(-LOUDEST, LOUDEST), nan=0.0).astype(np.float32, order="C")
    else:
        scaled = samples.astype(np.float32, order="C") / np.float32(2.0 ** (8 * samples.itemsize - 1))
    if samples.dtype.kind == "u":
        scaled -= np.float32(1.0)
    return scaled
