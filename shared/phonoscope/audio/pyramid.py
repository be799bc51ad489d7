"""A recording's outline or spectrogram at several resolutions, in one file of which parts can be read.

Level ``n`` has an item for every ``4**n`` samples: the lowest and the highest of them, or the power of each mel band.
A file holds one level after the other, the finest first, up to the one that fits into a tile.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from phonoscope.audio.samples import Samples
from phonoscope.audio.spectrogram import MEL_BANDS, MelLevels, mean_levels

Items: TypeAlias = NDArray[np.float16] | MelLevels

FACTOR = 4
"""How many items of a level make one of the next."""
OUTLINE, SPECTROGRAM = "waveform_pyramid", "spectrogram_pyramid"
"""The kinds of artifacts."""
MEDIA_TYPE = "application/octet-stream"
OUTLINE_FINEST = 3
"""The finest level that is kept of an outline: 64 samples."""
SPECTROGRAM_FINER = 3
"""How many levels finer than those that are kept a spectrogram can be computed."""
WINDOWED_COARSEST = 6
"""The coarsest level that a spectrogram is computed at with a window that was chosen: 2^21 samples for a tile."""

_SHORTEST_COLUMN_S = 0.04
_SLAB = 1 << 14
"""Items of the finer level that are read at once where the next is made."""


@dataclass(frozen=True)
class Kind:
    """What the items of a pyramid are.

    Args:
        values: how many values an item has.
        tile: how many items a tile has.
        merged: makes one item of each group. Shape: ``(groups, group, values)`` to ``(groups, values)``.
    """

    magic: bytes
    dtype: DTypeLike
    values: int
    tile: int
    merged: Callable[[Items], Items]

    @property
    def item_bytes(self) -> int:
        return self.values * np.dtype(self.dtype).itemsize


def _extremes(groups: Items) -> Items:
    return np.stack([groups[:, :, 0].min(axis=1), groups[:, :, 1].max(axis=1)], axis=1)


def _mean_power(groups: Items) -> Items:
    return mean_levels(groups.astype(np.uint8, copy=False), axis=1)


EXTREMES = Kind(b"PHONOWAV", np.dtype("<f2"), 2, 4_096, _extremes)
"""The lowest and the highest value; full scale is 1."""
LEVELS = Kind(b"PHONOMEL", np.dtype("u1"), MEL_BANDS, 512, _mean_power)
"""Mel levels, as ``MelSpectrogram`` has them, the lowest band first."""
_KINDS = {kind.magic: kind for kind in (EXTREMES, LEVELS)}


@dataclass(frozen=True)
class Pyramid:
    """Which levels a pyramid has, and where their items lie in its file.

    Args:
        finest: the finest level that the file holds.
        lowest: of all values; of mel levels 0.
        highest: of all values, as an item has it.
    """

    HEADER: ClassVar[struct.Struct] = struct.Struct("<8sQIIdd24x")

    kind: Kind
    samples: int
    sample_rate_hz: int
    finest: int
    lowest: float
    highest: float

    @property
    def coarsest(self) -> int:
        """The level with a single tile."""
        level = self.finest
        while self.items(level) > self.kind.tile:
            level += 1
        return level

    def items(self, level: int) -> int:
        """How many items a level has; also one that is not kept."""
        count: int = max(1, -(-self.samples // FACTOR**level))
        return count

    def tiles(self, level: int) -> int:
        """How many tiles a level has; also one that is not kept."""
        return -(-self.items(level) // self.kind.tile)

    def span(self, level: int, number: int) -> tuple[int, int]:
        """The first item of a tile, and the one after its last. Raises ``ValueError`` where there is no such tile."""
        if level > self.coarsest or not 0 <= number < self.tiles(level):
            raise ValueError(f"level {level} has no tile {number}")
        start = number * self.kind.tile
        return start, min(start + self.kind.tile, self.items(level))

    def read(self, level: int, start: int, stop: int, read: Callable[[int, int], bytes]) -> Items:
        """Items of a level that the file holds.

        Args:
            read: gives as many bytes of the file as its second argument from the offset that its first one is.

        Shape:
            - output: ``(stop - start, values)``

        Raises ``ValueError`` when the file is shorter than it says.
        """
        before = sum(map(self.items, range(self.finest, level)))
        size = self.kind.item_bytes
        content = read(self.HEADER.size + (before + start) * size, (stop - start) * size)
        return np.frombuffer(content, self.kind.dtype).reshape(stop - start, self.kind.values)

    def pack(self) -> bytes:
        """The file's header."""
        return self.HEADER.pack(
            self.kind.magic, self.samples, self.sample_rate_hz, self.finest, self.lowest, self.highest
        )

    @classmethod
    def unpack(cls, header: bytes) -> Self:
        """What a file's header says. Raises ``ValueError`` for another file's."""
        if len(header) != cls.HEADER.size or header[:8] not in _KINDS:
            raise ValueError("the file holds no pyramid")
        magic, *facts = cls.HEADER.unpack(header)
        return cls(_KINDS[magic], *facts)


class PyramidWriter:
    """Writes a pyramid into a file: items of the finest level as they come, the other levels in the end.

    Args:
        file: can be read too; nothing but a part of a level is held in memory.
    """

    def __init__(self, file: IO[bytes], kind: Kind) -> None:
        self._file = file
        self._kind = kind
        self._items = 0
        self._lowest, self._highest = 0.0, 0.0
        file.write(bytes(Pyramid.HEADER.size))

    def add(self, items: Items) -> None:
        """Shape: ``(items, values)``."""
        if not len(items):
            return
        self._lowest = min(self._lowest, float(items.min()))
        self._highest = max(self._highest, float(items.max()))
        self._items += len(items)
        self._file.write(np.ascontiguousarray(items, self._kind.dtype).tobytes())

    def finish(self, finest: int, samples: int, sample_rate_hz: int) -> Pyramid:
        """Writes the coarser levels and the header. Raises ``ValueError`` when another number of items was added."""
        made = Pyramid(self._kind, samples, sample_rate_hz, finest, self._lowest, self._highest)
        if self._items != made.items(finest):
            raise ValueError(f"{self._items} items of level {finest} for {samples} samples")
        for level in range(finest, made.coarsest):
            self._coarsen(made, level)
        self._file.seek(0)
        self._file.write(made.pack())
        self._file.seek(0)
        return made

    def _coarsen(self, made: Pyramid, level: int) -> None:
        count = made.items(level)
        for start in range(0, count, _SLAB):
            items = made.read(level, start, min(start + _SLAB, count), self._read)
            whole = len(items) // FACTOR * FACTOR
            groups = [items[:whole].reshape(-1, FACTOR, self._kind.values)]
            if whole < len(items):
                groups.append(items[None, whole:])
            self._file.seek(0, 2)
            for group in groups:
                self._file.write(self._kind.merged(group).tobytes())

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)


def spectrogram_finest(sample_rate_hz: int, hop: int) -> int:
    """The finest level that is kept of a spectrogram: columns of 40 ms and of a hop at least.

    >>> spectrogram_finest(44_100, 2_048), spectrogram_finest(8_000, 512)
    (6, 5)
    """
    least = max(_SHORTEST_COLUMN_S * sample_rate_hz, hop)
    level = 0
    while FACTOR**level < least:
        level += 1
    return level


def extremes_of(samples: Samples, width: int) -> Items:
    """The lowest and the highest of each ``width`` samples; the last item may have fewer.

    Shape:
        - samples: ``(samples,)``
        - output: ``(items, 2)``, float16

    >>> extremes_of(np.array([0, 1, -1, 0.5, 0.25]), 2).tolist()
    [[0.0, 1.0], [-1.0, 0.5], [0.25, 0.25]]
    """
    starts = np.arange(0, len(samples), width)
    if not len(starts):
        return np.zeros((0, 2), dtype=np.float16)
    both = [np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)]
    return np.stack(both, axis=1).astype(np.float16)
