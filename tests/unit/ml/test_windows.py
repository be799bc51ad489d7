"""Windows cut from a stream."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phonoscope.audio.decode import Samples
from phonoscope_ml.windows import Window, cut_windows

RATE_HZ = 10
recordings = st.integers(0, 300)
windows = st.integers(1, 50)
block_sizes = st.lists(st.integers(0, 70), min_size=1, max_size=20)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    """A recording's length, a window and a hop no longer than it."""
    window = draw(windows)
    return draw(recordings), window, draw(st.integers(1, window))


def numbered(length: int) -> Samples:
    """A recording whose samples say where they stand, from 1 on, so that padding is not mistaken for them."""
    return np.arange(1, length + 1, dtype=np.float32)


def in_blocks(recording: Samples, sizes: list[int]) -> Iterator[Samples]:
    """The recording in blocks of these sizes, and the rest in one."""
    start = 0
    for size in sizes:
        yield recording[start : start + size]
        start += size
    yield recording[start:]


def cut(length: int, window: int, hop: int) -> list[Window]:
    return list(cut_windows([numbered(length)], RATE_HZ, window, hop))


@settings(deadline=None)
@given(cuts(), block_sizes)
@example((300, 50, 25), [1] * 20)
@example((100, 50, 25), [50, 25, 25])
def test_block_sizes_do_not_matter(cut_of: tuple[int, int, int], sizes: list[int]) -> None:
    """A stream gives the very windows that the whole gives."""
    length, window, hop = cut_of
    streamed = list(cut_windows(in_blocks(numbered(length), sizes), RATE_HZ, window, hop))
    whole = cut(length, window, hop)
    assert [(one.start_s, one.end_s) for one in streamed] == [(one.start_s, one.end_s) for one in whole]
    for one, other in zip(streamed, whole, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


@settings(deadline=None)
@given(cuts())
def test_every_sample_is_seen(cut_of: tuple[int, int, int]) -> None:
    """No window has seen at most a rest of a tenth of a window; everything else is in one, in order."""
    length, window, hop = cut_of
    seen = {int(value) for one in cut(length, window, hop) for value in one.samples if value}
    missing = set(range(1, length + 1)) - seen
    assert len(missing) <= window * 0.1
    assert missing == set(range(length - len(missing) + 1, length + 1))


@settings(deadline=None)
@given(cuts())
def test_windows_say_truly_where_they_stand(cut_of: tuple[int, int, int]) -> None:
    """Times are those of the first sample and of the last one's end; starts grow by at most a hop."""
    length, window, hop = cut_of
    found = cut(length, window, hop)
    for one in found:
        assert one.samples.shape == (window,)
        assert one.samples.dtype == np.float32
        assert one.samples[0] == round(one.start_s * RATE_HZ) + 1
        assert one.end_s == pytest.approx(min(length, one.start_s * RATE_HZ + window) / RATE_HZ)
    starts = [round(one.start_s * RATE_HZ) for one in found]
    assert starts == sorted(set(starts))
    assert all(later - sooner <= hop for sooner, later in pairwise(starts))


@settings(deadline=None)
@given(cuts())
def test_the_last_window_ends_with_the_recording(cut_of: tuple[int, int, int]) -> None:
    """Nothing of note comes after the last window, and it holds no padding unless it is the only one."""
    length, window, hop = cut_of
    found = cut(length, window, hop)
    if not found:
        assert length == 0
        return
    assert length - round(found[-1].end_s * RATE_HZ) <= window * 0.1
    if len(found) > 1:
        assert (found[-1].samples > 0).all()


def test_a_rest_of_note_has_a_window_of_its_own() -> None:
    """A rest above a tenth of a window brings one more window, which ends exactly with the recording."""
    assert [(one.start_s, one.end_s) for one in cut(105, 50, 25)] == [(0, 5), (2.5, 7.5), (5, 10)]
    assert [(one.start_s, one.end_s) for one in cut(106, 50, 25)] == [(0, 5), (2.5, 7.5), (5, 10), (5.6, 10.6)]


@pytest.mark.parametrize("length", [1, 7, 49])
def test_a_short_recording_is_padded_with_silence(length: int) -> None:
    """It gives one window, which ends with the recording and not with the padding."""
    (one,) = cut(length, 50, 25)
    assert (one.start_s, one.end_s) == (0.0, length / RATE_HZ)
    np.testing.assert_array_equal(one.samples, np.pad(numbered(length), (0, 50 - length)))


@pytest.mark.parametrize("length", [1, 7, 49])
def test_a_short_recording_is_repeated_where_that_is_asked(length: int) -> None:
    """It fills the window; a longer recording is cut as always."""
    (one,) = cut_windows([numbered(length)], RATE_HZ, 50, 25, "repetition")
    assert (one.start_s, one.end_s) == (0.0, length / RATE_HZ)
    np.testing.assert_array_equal(one.samples, np.tile(numbered(length), 50)[:50])
    for longer in (50, 53, 70):
        repeated = list(cut_windows([numbered(longer)], RATE_HZ, 50, 25, "repetition"))
        assert [window.samples.tolist() for window in repeated] == [
            window.samples.tolist() for window in cut(longer, 50, 25)
        ]


@pytest.mark.parametrize(("length", "times"), [(1, 50), (7, 7), (25, 2), (26, 1), (49, 1)])
def test_a_short_recording_is_repeated_as_often_as_it_fits(length: int, times: int) -> None:
    """Whole, and then silence follows; a longer recording is cut as always."""
    (one,) = cut_windows([numbered(length)], RATE_HZ, 50, 25, "whole repetitions")
    assert (one.start_s, one.end_s) == (0.0, length / RATE_HZ)
    wanted = np.tile(numbered(length), times)
    np.testing.assert_array_equal(one.samples, np.pad(wanted, (0, 50 - len(wanted))))
    assert len(list(cut_windows([numbered(70)], RATE_HZ, 50, 25, "whole repetitions"))) == len(cut(70, 50, 25))


@pytest.mark.parametrize("blocks", [[], [numbered(0)], [numbered(0), numbered(0)]])
def test_no_samples_give_no_window(blocks: list[Samples]) -> None:
    """A recording without samples is not a window of silence."""
    assert list(cut_windows(blocks, RATE_HZ, 50, 25)) == []


@settings(deadline=None)
@given(cuts(), st.integers(1, 70))
def test_a_window_comes_as_soon_as_it_is_complete(cut_of: tuple[int, int, int], size: int) -> None:
    """From a window's start on, no more than the window and one block have been read when it comes: memory is flat."""
    length, window, hop = cut_of
    read = 0

    def blocks() -> Iterator[Samples]:
        nonlocal read
        for block in np.split(numbered(length), range(size, length, size)):
            read += len(block)
            yield block

    for one in cut_windows(blocks(), RATE_HZ, window, hop):
        if read < length:
            assert read - round(one.start_s * RATE_HZ) < window + size
