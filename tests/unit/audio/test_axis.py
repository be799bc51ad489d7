"""Sound lies where its time stamps say, and where they say nothing that can be, it follows on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

from phonoscope.audio.axis import Axis, Clock, Gap, Sound
from phonoscope.audio.samples import Joined

RATE_HZ = 1_000
FRAME_S = 0.02


def _placed(starts_s: Sequence[float | None], decoded: bool = True, **clock: Any) -> Axis:
    """An axis on which sounds of 20 ms have been placed."""
    piece = Joined(np.zeros((1, round(FRAME_S * RATE_HZ)), np.float32), ("FC",), RATE_HZ) if decoded else None
    axis = Axis(Clock(**{"stamped": True, **clock}))
    for _ in axis.placed(Sound(start_s, FRAME_S, piece) for start_s in starts_s):
        pass
    return axis


def _from(start_s: float, count: int, step_s: float = FRAME_S) -> list[float]:
    return [start_s + step_s * index for index in range(count)]


@pytest.mark.parametrize("decoded", [True, False])
def test_a_gap_is_silence_and_is_told(decoded: bool) -> None:
    """A jump that later time stamps confirm is a stretch without sound, decoded or not."""
    axis = _placed([*_from(0.0, 10), *_from(1.2, 10)], decoded)
    assert axis.end_s == pytest.approx(1.4)
    assert axis.gaps == [pytest.approx(Gap(0.2, 1.2))]
    assert axis.leaps == 0


@pytest.mark.parametrize("decoded", [True, False])
def test_sound_may_start_late(decoded: bool) -> None:
    """What precedes the first sound is a gap, counted from the origin."""
    axis = _placed(_from(6.0, 10), decoded, origin_s=2.0)
    assert axis.gaps == [pytest.approx(Gap(0.0, 4.0))]
    assert axis.end_s == pytest.approx(4.2)


@pytest.mark.parametrize("late_s", [1e-3, -1e-3, 9e-3, 0.05, -0.05, 5.0, -5.0, 1e9, -1e9])
def test_one_time_stamp_that_is_off_changes_nothing(late_s: float) -> None:
    """A time stamp that others contradict, by jitter or by damage, neither inserts nor drops a sample."""
    starts_s = _from(0.0, 50)
    starts_s[20] += late_s
    axis = _placed(starts_s)
    assert axis.end_s == pytest.approx(1.0)
    assert (axis.gaps, axis.leaps, axis.overlap_s) == ([], 0, 0.0)


def test_milliseconds_do_not_matter() -> None:
    """Time stamps rounded to milliseconds, up or down, keep every sample in its place."""
    exact_s = _from(0.0, 500, 0.0213)
    piece = Joined(np.zeros((1, 1_022), np.float32), ("FC",), 48_000)
    for rounded in (np.floor, np.ceil, np.rint):
        axis = Axis(Clock(stamped=True))
        stamps = (float(rounded(start_s * 1_000.0)) / 1_000.0 for start_s in exact_s)
        cuts = [placed[1:] for placed in axis.placed(Sound(stamp, 1_022 / 48_000, piece) for stamp in stamps)]
        assert set(cuts) == {(0.0, 0.0, 0.0)}


@pytest.mark.parametrize("pace", [0.98, 0.999, 1.001, 1.02])
def test_drift_is_followed(pace: float) -> None:
    """Time stamps that run slower or faster than the samples are followed within 20 ms, without a gap."""
    starts_s = _from(0.0, 3_000, FRAME_S * pace)
    piece = Joined(np.zeros((1, 960), np.float32), ("FC",), 48_000)
    axis = Axis(Clock(stamped=True))
    ends_s = [axis.end_s for _ in axis.placed(Sound(start_s, FRAME_S, piece) for start_s in starts_s)]
    assert max(abs(end_s - start_s - FRAME_S) for end_s, start_s in zip(ends_s, starts_s, strict=True)) < 0.0205
    assert (axis.gaps, axis.leaps) == ([], 0)


def test_pauses_between_all_packets() -> None:
    """A codec that sends nothing in silence (DTX) leaves a gap after each packet, and each sound is in its place."""
    starts_s = _from(0.0, 20, 0.4)
    piece = Joined(np.zeros((1, 20), np.float32), ("FC",), RATE_HZ)
    axis = Axis(Clock(stamped=True))
    for placed in axis.placed(Sound(start_s, FRAME_S, piece) for start_s in starts_s):
        assert placed.sound.start_s is not None
        assert axis.end_s == pytest.approx(placed.sound.start_s + FRAME_S)
    assert len(axis.gaps) == 19


def test_an_overlap_is_left_out() -> None:
    """Sound whose time stamps go back a little gives way until they have caught up."""
    axis = _placed([*_from(0.0, 50), *_from(0.7, 50)])
    assert axis.end_s == pytest.approx(1.7)
    assert axis.overlap_s == pytest.approx(0.3)
    assert axis.leaps == 0


@pytest.mark.parametrize("start_s", [0.0, -40.0, -1e9, 1e5, 3e8, 1e18])
@pytest.mark.parametrize("decoded", [True, False])
def test_what_cannot_be_is_no_time(start_s: float, decoded: bool) -> None:
    """Time stamps that start again, or leap by hours, make neither hours of silence nor lose what follows."""
    axis = _placed([*_from(100.0, 100), *_from(start_s, 100)], decoded, origin_s=100.0, latest_s=4.0)
    assert axis.end_s == pytest.approx(4.0)
    assert (axis.gaps, axis.leaps) == ([], 1)


@pytest.mark.parametrize(
    ("leap_s", "clock", "believed"),
    [
        (9.0, {}, True),
        (9.0, {"leaps": True}, True),
        (11.0, {"leaps": True, "latest_s": 20.0}, False),
        (3_000.0, {}, True),
        (4_000.0, {}, False),
        (4_000.0, {"latest_s": 4_001.0}, True),
        (4_000.0, {"latest_s": 1_000.0}, False),
    ],
)
def test_how_long_a_gap_may_be(leap_s: float, clock: dict[str, Any], believed: bool) -> None:
    """Seconds always; longer when the container lasts as long, or does not say, and no transmission was broken."""
    axis = _placed([*_from(0.0, 5), *_from(leap_s, 5)], **clock)
    assert axis.end_s == pytest.approx(leap_s + 0.1 if believed else 0.2)
    assert axis.leaps == (not believed)


def test_without_time_stamps_sound_follows_on() -> None:
    """Sounds without a time stamp follow those before; containers whose time stamps count samples need none."""
    assert _placed([0.0, None, None, *_from(0.06, 3)]).end_s == pytest.approx(0.12)
    assert _placed([*_from(0.0, 3), *_from(9.0, 3)], stamped=False).end_s == pytest.approx(0.12)


@pytest.mark.parametrize(("end_s", "kept_s"), [(0.19, 0.19), (0.141, 0.141), (0.2, 0.2), (9.0, 0.2)])
def test_the_end_that_is_stated(end_s: float, kept_s: float) -> None:
    """What follows the end that the container states is cut off, across several sounds."""
    assert _placed(_from(0.0, 10), end_s=end_s).end_s == pytest.approx(kept_s)


def test_a_stated_end_that_is_wrong() -> None:
    """An end that much of the recording lies after is not believed."""
    assert _placed(_from(0.0, 100), end_s=0.5).end_s == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(20))
def test_any_time_stamps_end(seed: int) -> None:
    """Whatever the time stamps are, each sound is placed, none before another, and no more than an hour is added."""
    random = np.random.default_rng(seed)
    steps = random.choice([FRAME_S, 0.0, -1.0, 1e-3, 30.0, -1e12, 1e12, 1e300], 300, p=[0.5] + [0.5 / 7] * 7)
    axis = Axis(Clock(stamped=True, latest_s=100.0))
    piece = Joined(np.zeros((1, 20), np.float32), ("FC",), RATE_HZ)
    ends_s = [0.0]
    for placed in axis.placed(Sound(start_s, FRAME_S, piece) for start_s in accumulate(map(float, steps))):
        assert placed.silence_s >= 0.0
        assert placed.cut_s <= FRAME_S
        ends_s.append(axis.end_s)
    assert len(ends_s) == 301
    assert ends_s == sorted(ends_s)
    assert axis.end_s < 3_600.0
