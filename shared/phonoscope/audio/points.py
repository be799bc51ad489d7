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
from phonoscope.audio.entries import VOID_BYTES
from phonoscope.audio.framing import Place
from phonoscope.audio.samples import HIGHEST_RATE_HZ
from phonoscope.audio.tags import Span

KIND = "seek_points"
"""The kind of the artifact."""
MEDIA_TYPE = "application/octet-stream"
MOST_POINTS = 10_000
NOTED = b"+"
"""What asks for points in the place of one."""

_MOST_SAMPLES = 1 << 42
"""50 days at the highest rate."""

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
        clock = Clock(origin_s, latest_s=_known(latest_s), end_s=_known(end_s))
        point = cls(given, place, channels, apart, found, span, clock, axis)
        if not (point._counts and point._lies and point._has_times):
            raise ValueError("no point of a recording")
        return point

    @property
    def _counts(self) -> bool:
        """Whether rate, channels and counts can be those of a recording."""
        place = self.place
        ascend = place.in_form <= place.in_run <= self.given <= _MOST_SAMPLES
        known = 0 < place.rate_hz <= HIGHEST_RATE_HZ and self.channels > 0
        return ascend and known and place.position <= self.given * HIGHEST_RATE_HZ

    @property
    def _lies(self) -> bool:
        """Whether what is read lies in the file, and what is passed over is none or can be declared void."""
        found = self.found
        passed = found.entry - found.head_bytes if found.head_bytes else 0
        return self.span.start <= self.span.end and (passed <= 0 or passed >= VOID_BYTES)

    @property
    def _has_times(self) -> bool:
        clock, axis = self.clock, self.axis
        times = (clock.origin_s, clock.latest_s or 0.0, clock.end_s or 0.0, *axis)
        return all(map(math.isfinite, times)) and min(axis.left_over_s, axis.silent_s) >= 0.0


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
        if not ascend or any(counts[0]) or not points[-1].given <= given <= _MOST_SAMPLES:
            raise ValueError("points of a table that do not follow on one another")
        return cls(given, points)

    def before(self, position: int) -> SeekPoint:
        """The last point that is not after a position."""
        return self.points[max(0, bisect_right(self._positions, position) - 1)]

    def runs(self, point: SeekPoint) -> Iterator[tuple[SeekPoint, int]]:
        """From which points to decode, one after the other, from one of them to the end; how many samples of each.

        None is left out but those that have no samples.
        """
        later = [each for each in self.points if each.apart and each.given > point.given]
        for first, following in zip([point, *later], [*later, None], strict=True):
            samples = (self.given if following is None else following.given) - first.given
            if samples:
                yield first, samples

    @cached_property
    def forms(self) -> frozenset[tuple[int, int]]:
        """The rates, in hertz, and the numbers of channels at them."""
        return frozenset((point.place.rate_hz, point.channels) for point in self.points)

    @cached_property
    def _positions(self) -> list[int]:
        return [point.place.position for point in self.points]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
