"""Byte ranges, by the examples of RFC 9110, section 14."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.errors import RangeNotSatisfiable
from phonoscope_gateway.ranges import parse_range

SIZE = 10_000


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 500)),
        ("bytes=-500", (9_500, 500)),
        ("bytes=9500-", (9_500, 500)),
        ("bytes=0-0", (0, 1)),
        ("bytes=-1", (9_999, 1)),
        ("bytes=9999-9999", (9_999, 1)),
        ("bytes=0-", (0, 10_000)),
        (" bytes=0-499 ", (0, 500)),
    ],
)
def test_one_range_is_honoured(header: str, part: tuple[int, int]) -> None:
    """First byte and length; both ends of a range belong to it."""
    assert parse_range(header, SIZE) == part


@pytest.mark.parametrize(
    ("header", "part"),
    [("bytes=9000-20000", (9_000, 1_000)), ("bytes=-20000", (0, 10_000)), ("bytes=0-9999999999999999999", (0, SIZE))],
)
def test_a_range_beyond_the_end_is_cut(header: str, part: tuple[int, int]) -> None:
    """One gets what there is of it."""
    assert parse_range(header, SIZE) == part


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=99999-100000", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_had(header: str) -> None:
    """The error tells the size, for the header that the answer needs."""
    with pytest.raises(RangeNotSatisfiable, match="10,000 bytes") as caught:
        parse_range(header, SIZE)
    assert caught.value.size_bytes == SIZE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=500-499",
        "bytes=0-0,-1",
        "bytes=0 - 499",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1.5-2",
        "bytes=0x1-2",
        "items=0-499",
        "bytes=99999999999999999999-",
        "bytes=0-499;q=1",
    ],
)
def test_anything_else_gets_the_whole(header: str | None) -> None:
    """A server may ignore a range: several at once, another unit, and what is malformed."""
    assert parse_range(header, SIZE) is None


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
def test_a_range_is_a_slice(first: int, last: int, size: int) -> None:
    """What is answered are just the bytes that were asked for and are there."""
    whole = bytes(index % 256 for index in range(size))
    try:
        part = parse_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiable:
        assert first >= size
        return
    if part is None:
        assert last < first
    else:
        start, length = part
        assert whole[start : start + length] == whole[first : last + 1]
        assert length > 0
        assert start + length <= size


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 200))
def test_a_suffix_is_the_end(count: int, size: int) -> None:
    """The last so many bytes, or all when there are fewer."""
    if count == 0:
        with pytest.raises(RangeNotSatisfiable):
            parse_range(f"bytes=-{count}", size)
    else:
        kept = min(count, size)
        assert parse_range(f"bytes=-{count}", size) == (size - kept, kept)


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9,-]{0,30}"), st.integers(1, 200))
def test_no_header_breaks_it(header: str, size: int) -> None:
    """Any text is a part within the recording, the whole, or not satisfiable."""
    try:
        part = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    assert part is None or (0 <= part[0] < size and 0 < part[1] <= size - part[0])
