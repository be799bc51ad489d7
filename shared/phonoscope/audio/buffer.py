"""A buffer for a stream that arrives in blocks of one size and is read in pieces of another."""

from __future__ import annotations

import numpy as np

from phonoscope.audio.samples import Samples


class StreamBuffer:
    """Buffers the part of a stream that is still needed. Positions are samples from the stream's start.

    Arrays that were returned stay as they are: nothing is written in place.

    Args:
        channels: the number of channels; ``None`` for a stream of plain samples.

    Shape:
        - every array: ``(samples,)`` or ``(channels, samples)``, float32

    >>> buffer = StreamBuffer()
    >>> for block in ([0, 1, 2], [3, 4]):
    ...     buffer.append(np.array(block, dtype=np.float32))
    >>> buffer.take(2), buffer.between(3, 6), (buffer.start, buffer.end)
    (array([0., 1.], dtype=float32), array([3., 4., 0.], dtype=float32), (2, 5))
    """

    def __init__(self, channels: int | None = None) -> None:
        self.start = 0
        self._held: Samples = np.zeros((0,) if channels is None else (channels, 0), dtype=np.float32)

    def __len__(self) -> int:
        return int(self._held.shape[-1])

    @property
    def end(self) -> int:
        """The position after the last sample."""
        return self.start + len(self)

    @property
    def samples(self) -> Samples:
        """All buffered samples, from ``start`` to ``end``."""
        return self._held

    def append(self, block: Samples) -> None:
        """Adds the stream's next samples.

        When the number of channels changes, the buffered channels are repeated or dropped to match it.
        """
        if block.ndim > 1 and len(block) != len(self._held):
            self._held = self._held[np.arange(len(block)) % len(self._held)]
        self._held = np.concatenate([self._held, block], axis=-1)

    def between(self, start: int, end: int) -> Samples:
        """The samples between two positions; zeros where nothing is buffered."""
        found = self._held[..., max(0, start - self.start) : max(0, end - self.start)]
        before = min(max(0, self.start - start), end - start)
        after = end - start - before - found.shape[-1]
        if before or after:
            found = np.pad(found, [(0, 0)] * (found.ndim - 1) + [(before, after)])
        return found

    def drop_before(self, position: int) -> None:
        """Drops the samples before a position; all of them when it is after the end."""
        count = min(max(0, position - self.start), len(self))
        self._held, self.start = self._held[..., count:], self.start + count

    def take(self, count: int) -> Samples:
        """Removes and returns the next samples; zeros after the end."""
        taken = self.between(self.start, self.start + count)
        self.drop_before(self.start + count)
        return taken
