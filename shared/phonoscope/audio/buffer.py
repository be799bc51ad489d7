"""A stream of samples that comes in blocks of any size and is read in pieces of another."""

from __future__ import annotations

import numpy as np

from phonoscope.audio.samples import Samples


class StreamBuffer:
    """The part of a stream that is still needed. Positions are samples from the stream's start.

    Arrays that were returned stay as they are: nothing is written in place.

    Args:
        channels: how many channels the stream has; ``None`` for a stream of plain samples.

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
        """All that is held, from ``start`` to ``end``."""
        return self._held

    def append(self, block: Samples) -> None:
        """Adds the stream's next samples.

        Where the number of channels changes, those that are held stand in for the new ones, in turn.
        """
        if block.ndim > 1 and len(block) != len(self._held):
            self._held = self._held[np.arange(len(block)) % len(self._held)]
        self._held = np.concatenate([self._held, block], axis=-1)

    def between(self, start: int, end: int) -> Samples:
        """The samples from one position up to another, zeros where there are none."""
        found = self._held[..., max(0, start - self.start) : max(0, end - self.start)]
        before = min(max(0, self.start - start), end - start)
        after = end - start - before - found.shape[-1]
        if before or after:
            found = np.pad(found, [(0, 0)] * (found.ndim - 1) + [(before, after)])
        return found

    def drop_before(self, position: int) -> None:
        """Lets go of the samples in front of a position; of all of them where it is past the end."""
        count = min(max(0, position - self.start), len(self))
        self._held, self.start = self._held[..., count:], self.start + count

    def take(self, count: int) -> Samples:
        """The next samples, which are then let go of; zeros past the end."""
        taken = self.between(self.start, self.start + count)
        self.drop_before(self.start + count)
        return taken
