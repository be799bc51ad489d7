"""Cursors: opaque, and nothing but what this service made."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phonoscope.db.access.paging import _decode, cut, text_cursor, text_of
from phonoscope.errors import InvalidCursor
from phonoscope.ids import new_id

NOW = datetime(2025, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)


@dataclass
class Row:
    """What is paged."""

    id: str
    created_at: datetime


def rows(count: int) -> list[Row]:
    """Newest first."""
    return [Row(f"trk_{number}", NOW - timedelta(seconds=number)) for number in range(count)]


def cursor_of(row: Row) -> str:
    """The cursor of the page that starts behind a row."""
    _, cursor = cut([row, row], 1)
    assert cursor is not None
    return cursor


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


@settings(deadline=None)
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC])),  # noqa: DTZ001 - hypothesis adds the zone
    st.builds(new_id, st.just("trk")),
)
def test_a_cursor_is_read_back_as_written(created_at: datetime, id_: str) -> None:
    """To the microsecond, and in characters that need no escaping in a URL."""
    cursor = cursor_of(Row(id_, created_at))
    assert _decode(cursor) == (created_at, id_)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_the_time_zone_of_the_database_does_not_matter() -> None:
    """A row's moment is one moment, in whatever zone a server shows it."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    moment, _ = _decode(cursor_of(Row("trk_1", elsewhere)))
    assert moment == NOW
    assert moment.utcoffset() == timedelta(0)


def test_pages_end() -> None:
    """A page has a next one only when there is a row more than it holds; the cursor is its last row's place."""
    assert cut(rows(0), 3) == ([], None)
    assert cut(rows(3), 3) == (rows(3), None)
    kept, cursor = cut(rows(4), 3)
    assert kept == rows(3)
    assert cursor is not None
    assert _decode(cursor) == (rows(3)[-1].created_at, "trk_2")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"a": 1, "b": 2}',
        '["2025-03-01T12:30:15+00:00"]',
        '["2025-03-01T12:30:15+00:00", "trk_1", "trk_2"]',
        '["2025-03-01T12:30:15+00:00", 7]',
        '["2025-03-01T12:30:15+00:00", null]',
        '["2025-03-01T12:30:15", "trk_1"]',
        '["yesterday", "trk_1"]',
        '[NaN, "trk_1"]',
        '["2025-03-01T12:30:15+00:00", "trk_\\u0000"]',
        '["2025-03-01T12:30:15+00:00", "trk_\\ud800"]',
        '["0001-01-01T00:00:00+14:00", "trk_1"]',
        '["9999-12-31T23:59:59-14:00", "trk_1"]',
        '["2025-03-01T12:30:15+00:00", "' + "trk_1" * 9 + "'; DROP TABLE tracks\"]",
        "[" * 20_000,
        '[["',  # cut off
        "9" * 20_000,
    ],
)
def test_a_forged_cursor_is_refused(place: str) -> None:
    """Whatever it holds, it is the client's error, and it never reaches the database."""
    with pytest.raises(InvalidCursor, match="cursor: not a cursor of this service"):
        _decode(encoded(place))


@pytest.mark.parametrize("cursor", ["!", "ä", "a", "====", "a b", "\x00", "WyI", "//8", "_w"])
def test_what_is_not_base64_is_refused(cursor: str) -> None:
    """So is text that decodes to no text."""
    with pytest.raises(InvalidCursor):
        _decode(cursor)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=120) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_cursor_or_refused(cursor: str) -> None:
    """There is no third way."""
    try:
        moment, id_ = _decode(cursor)
    except InvalidCursor:
        return
    assert moment.utcoffset() == timedelta(0)
    assert id_.isascii()


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 200), st.characters(codec="ascii"))
@example(0, "\x00")
def test_a_tampered_cursor_gives_a_harmless_place_or_is_refused(index: int, character: str) -> None:
    """One changed character gives another place in time at most, whose parts the database can compare."""
    cursor = cursor_of(Row("trk_0123456789abcdefghjk", NOW))
    index %= len(cursor)
    try:
        moment, id_ = _decode(cursor[:index] + character + cursor[index + 1 :])
    except InvalidCursor:
        return
    json.dumps([moment.isoformat(), id_]).encode()
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "dog", "犬 'a' \"b\"", "a" * 100, "\u2028"])
def test_a_text_is_read_back_from_its_cursor(text: str) -> None:
    """Of a list that is ordered by a text."""
    assert text_of(text_cursor(text)) == text


@pytest.mark.parametrize("place", ["", "7", "null", "[]", '["a"]', '"a', '"\\u0000"', '"\\ud800"', "[" * 20_000])
def test_a_cursor_that_is_no_text_is_refused(place: str) -> None:
    """It never reaches the database."""
    with pytest.raises(InvalidCursor):
        text_of(encoded(place))
