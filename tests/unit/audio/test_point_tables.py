"""Tables of points: what is kept of them, and what is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from phonoscope.audio.axis import Axis, AxisState, Clock, Sound
from phonoscope.audio.confined import _points
from phonoscope.audio.framing import Place
from phonoscope.audio.points import START, Found, SeekPoint, SeekPoints
from phonoscope.audio.samples import Joined
from phonoscope.audio.tags import Span
from phonoscope.audio.trail import Trail
from phonoscope.errors import UndecodableRecording


def table() -> SeekPoints:
    clock, axis = Clock(0.5, latest_s=3.0), AxisState(1.0, True, True, 0.5, 0.0, 0.0, 0.0)
    first = SeekPoint(0, Place(0, 8_000, 0, 0), 1, True, START, Span(0, 9_999), clock, axis)
    return SeekPoints(500, [first, first._replace(given=400, place=Place(400, 8_000, 400, 400), apart=False)])


def test_a_table_is_kept() -> None:
    assert SeekPoints.unpack(table().pack()) == table()
    assert len(table().points[0].pack()) <= 255


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"PHONOWAV" + data[8:],
        lambda _: replace(table(), points=[]).pack(),
        lambda _: replace(table(), points=table().points[::-1]).pack(),
        lambda _: replace(table(), points=table().points[1:]).pack(),
        lambda _: replace(table(), given=399).pack(),
        lambda _: replace(table(), points=[table().points[0]._replace(place=Place(0, 0, 0, 0))]).pack(),
        lambda _: replace(table(), points=[table().points[0]._replace(channels=0)]).pack(),
        lambda _: replace(table(), given=1 << 60).pack(),
        *(
            lambda _, change=change: replace(
                table(), points=[table().points[0], table().points[1]._replace(**change)]
            ).pack()
            for change in (
                {"clock": Clock(math.inf)},
                {"clock": Clock(latest_s=math.inf)},
                {"clock": Clock(end_s=-math.inf)},
                {"axis": table().points[0].axis._replace(silent_s=-1.0)},
                {"axis": table().points[0].axis._replace(left_over_s=-1.0)},
                {"axis": table().points[0].axis._replace(base_s=math.nan)},
                {"place": Place(400, 8_000, 1 << 63, 400)},
                {"place": Place(400, 8_000, 401, 400)},
                {"place": Place(400, 8_000, 399, 400)},
                {"place": Place(1 << 63, 8_000, 400, 400)},
                {"place": Place(400, 1_000_001, 400, 400)},
                {"found": Found(108, 100, 120, 5, 1)},
                {"span": Span(10, 9)},
            )
        ),
    ],
)
def test_what_is_no_table_is_refused(change: Callable[[bytes], bytes]) -> None:
    """It is the word of a process that has read a stranger's file."""
    data = change(table().pack())
    with pytest.raises(ValueError, match="point"):
        SeekPoints.unpack(data)
    with pytest.raises(UndecodableRecording):
        _points(data or b"x")


def test_runs_without_samples_are_not_opened() -> None:
    """A table may have many at one place."""
    first, last = table().points
    apart = last._replace(apart=True)
    points = replace(table(), points=[first, apart, apart, apart])
    assert [*points.runs(first)] == [(first, 400), (apart, 100)]
    ends = replace(table(), points=[first, apart, apart._replace(given=500, place=Place(500, 8_000, 500, 500))])
    assert [*ends.runs(first)] == [(first, 400), (apart, 100)]


class Packet(bytes):
    """A packet at a byte."""

    pts = None

    @property
    def pos(self) -> int:
        return int(self)

    @property
    def size(self) -> int:
        return len(self)


def test_sounds_of_which_nothing_is_heard_change_no_place() -> None:
    """One at another rate is left out as a whole, since it overlaps; samples are counted as if it were not there."""
    ends = [(0.0, 0.5, 8_000), (0.3, 0.2, 4_000), *((0.5 + each, 1.0, 8_000) for each in range(13))]
    sounds = [
        Sound(
            start_s,
            lasts_s,
            Joined(np.zeros((1, round(lasts_s * rate)), np.float32), ("FC",), rate),
            cast("Any", Packet(b"%d" % (100 + number))),
        )
        for number, (start_s, lasts_s, rate) in enumerate(ends)
    ]
    clock = Clock(stamped=True)
    part = SimpleNamespace(axis=Axis(clock), clock=clock, container="flac", codec="flac", sounds=lambda: sounds)
    trail = Trail()
    given = sum(piece.channels.shape[1] for piece in trail.pieces(cast("Any", part), Span(0, 1_000)))
    points = trail.table()
    assert given == 13.5 * 8_000
    assert points is not None
    first, second = points.points
    assert second.place == Place(second.given, 8_000, second.given, second.given)
    assert (first.given, second.given > 70_000, points.given) == (0, True, given)
