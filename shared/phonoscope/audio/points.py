"""Points of a recording from which it can be decoded again, to the sample, without what is before them.

``describe`` keeps a table of them: a packet each, and what is known where its sound begins.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Self

from phonoscope.audio.axis import AxisState, Clock
from phonoscope.audio.framing import Place
from phonoscope.audio.tags import Span

KIND = "seek_points"
"""The kind of the artifact."""
MEDIA_TYPE = "application/octet-stream"
MOST_POINTS = 10_000

_MAGIC = b"PHONOPTS"
_HEAD = struct.Struct("<8sQI12x")
_LAYOUT = struct.Struct("<Q QIQQ I? qQQII QQ ddd d??dddd")


class Found(NamedTuple):
    """How a packet is found again.

    Args:
        entry: where reading begins: a byte, or a time in ticks, by the container.
        head_bytes: of Matroska, where what is passed over begins.
        position: the byte at which the packet lies.
        checksum: of its bytes.
    """

    entry: int
    head_bytes: int
    position: int
    size_bytes: int
    checksum: int


START = Found(0, 0, 0, 0, 0)
"""The first packet, which is not sought."""


class SeekPoint(NamedTuple):
    """Where the sound of a packet begins.

    Args:
        given: how many samples are before it, each at its own rate.
        place: where it lies.
        channels: of its sound.
        apart: whether decoding from an earlier point must end here, and go on from this one.
        found: how its packet is found.
        span: the recording in the file, of joined ones the one that it is in.
        clock: of the recording; what the container says by its name is left out.
        axis: the axis before its sound is placed.
    """

    given: int
    place: Place
    channels: int
    apart: bool
    found: Found
    span: Span
    clock: Clock
    axis: AxisState

    def pack(self) -> bytes:
        clock = (_number(each) for each in (self.clock.origin_s, self.clock.latest_s, self.clock.end_s))
        ints = (self.given, *self.place, self.channels, self.apart)
        return _LAYOUT.pack(*ints, *self.found, *self.span, *clock, *self.axis)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Raises ``ValueError`` for what is no point."""
        try:
            given, *rest = _LAYOUT.unpack(data)
        except struct.error as error:
            raise ValueError("no point of a recording") from error
        place, (channels, apart), found = Place(*rest[:4]), rest[4:6], Found(*rest[6:11])
        span, (origin_s, latest_s, end_s), axis = Span(*rest[11:13]), rest[13:16], AxisState(*rest[16:])
        if not (place.rate_hz and channels and math.isfinite(origin_s) and all(map(math.isfinite, axis))):
            raise ValueError("no point of a recording")
        clock = Clock(origin_s, latest_s=_known(latest_s), end_s=_known(end_s))
        return cls(given, place, channels, apart, found, span, clock, axis)


@dataclass(frozen=True)
class SeekPoints:
    """The points of a recording, the first one at its start.

    Args:
        given: how many samples the recording has, each at its own rate.
    """

    given: int
    points: Sequence[SeekPoint]

    def pack(self) -> bytes:
        head = _HEAD.pack(_MAGIC, self.given, len(self.points))
        return head + b"".join(point.pack() for point in self.points)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Raises ``ValueError`` for what is no table of points."""
        if len(data) < _HEAD.size or not data.startswith(_MAGIC):
            raise ValueError("no table of points")
        _, given, count = _HEAD.unpack_from(data)
        size = _LAYOUT.size
        if not 0 < count <= MOST_POINTS or len(data) != _HEAD.size + count * size:
            raise ValueError("no table of points")
        starts = range(_HEAD.size, len(data), size)
        points = [SeekPoint.unpack(data[start : start + size]) for start in starts]
        counts = [(point.given, point.place.position) for point in points]
        ascend = all(one <= two for pair in pairwise(counts) for one, two in zip(*pair, strict=True))
        if not ascend or any(counts[0]) or points[-1].given > given:
            raise ValueError("points of a table that do not follow on one another")
        return cls(given, points)

    def before(self, position: int) -> SeekPoint:
        """The last point that is not after a position."""
        return self.points[max(0, bisect_right(self._positions, position) - 1)]

    def runs(self, point: SeekPoint) -> Iterator[tuple[SeekPoint, int]]:
        """From which points to decode, one after the other, from one of them to the end; how many samples of each."""
        later = [each for each in self.points if each.apart and each.given > point.given]
        for first, following in zip([point, *later], [*later, None], strict=True):
            yield first, (self.given if following is None else following.given) - first.given

    @cached_property
    def channels(self) -> int:
        """The most channels at any of them."""
        return max(point.channels for point in self.points)

    @cached_property
    def _positions(self) -> list[int]:
        return [point.place.position for point in self.points]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
