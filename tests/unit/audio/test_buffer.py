"""A stream of samples held as long as it is needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples


def numbered(length: int) -> Samples:
    """Samples that say where they are, from 1 on, so that padding is not mistaken for them."""
    return np.arange(1, length + 1, dtype=np.float32)


def filled(length: int, channels: int | None = None) -> StreamBuffer:
    buffer = StreamBuffer(channels)
    buffer.append(numbered(length) if channels is None else np.tile(numbered(length), (channels, 1)))
    return buffer


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 7))
def test_pieces_add_up_to_the_stream(blocks: list[int], piece: int) -> None:
    """Whatever the sizes of blocks and pieces: each sample once, in order, then zeros."""
    stream = numbered(sum(blocks))
    buffer, taken = StreamBuffer(), []
    for block in np.split(stream, np.cumsum(blocks)[:-1]) if blocks else []:
        buffer.append(block)
        while len(buffer) >= piece:
            taken.append(buffer.take(piece))
    taken.append(buffer.take(piece))
    found = np.concatenate(taken)
    assert found[: len(stream)].tolist() == stream.tolist()
    assert not found[len(stream) :].any()


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 15), st.integers(-5, 20), st.integers(0, 12))
def test_positions_count_from_the_stream_s_start(length: int, dropped: int, start: int, count: int) -> None:
    """A stretch holds what is still there of it and zeros elsewhere, also in front of the stream and past its end."""
    buffer = filled(length)
    buffer.drop_before(dropped)
    gone = min(dropped, length)
    wanted = [place + 1 if gone <= place < length else 0 for place in range(start, start + count)]
    assert buffer.between(start, start + count).tolist() == wanted
    assert (buffer.start, buffer.end, len(buffer)) == (gone, length, length - gone)


def test_what_was_dropped_stays_away() -> None:
    """A position in front of what is held changes nothing."""
    buffer = filled(6)
    buffer.drop_before(4)
    buffer.drop_before(1)
    assert buffer.samples.tolist() == [5.0, 6.0]


@pytest.mark.parametrize(("channels", "rows"), [(2, [1.0, 2.0]), (3, [1.0, 2.0, 1.0])])
def test_other_channels_start_from_those_held(channels: int, rows: list[float]) -> None:
    """Those held stand in for new ones in turn; as many as come in are kept."""
    buffer = StreamBuffer(channels=2)
    buffer.append(np.array([[1.0], [2.0]], np.float32))
    buffer.append(np.zeros((channels, 1), np.float32))
    assert buffer.samples[:, 0].tolist() == rows
    assert buffer.between(-1, 3).shape == (channels, 4)


def test_what_was_given_out_does_not_change() -> None:
    """Views stay what they were while the stream goes on."""
    buffer = filled(4, channels=2)
    view = buffer.between(1, 3)
    buffer.append(np.zeros((2, 5), np.float32))
    buffer.drop_before(3)
    assert view.tolist() == [[2.0, 3.0]] * 2
