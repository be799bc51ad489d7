"""The JSON of requests, and what of it is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonoscope.errors import InvalidRequest
from phonoscope_gateway.strict_json import parse_json

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
_SCALARS = (
    st.none() | st.booleans() | st.integers(1 - 2**63, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
_VALUES = st.recursive(
    _SCALARS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("content", "field", "why"),
    [
        (b"", "body", "not JSON"),
        (b"{", "body", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "body", "not JSON"),
        (b"\xef\xbb\xbf{}", "body", "not JSON"),
        (b'"\xed\xa0\x80"', "body", "not JSON"),
        (b"[" * 100_000, "body", "not JSON"),
        (b"[" * 67 + b"]" * 67, "body", "nested more than 66 levels deep"),
        (b'{"a": [{"b\\u0000c": 1}]}', "a.0.b\x00c", "NUL"),
        (b'{"a": [1, "\\u0000"]}', "a.1", "NUL"),
        (b'{"a": {"\\udc00": 1}}', "a.\\udc00", "surrogate"),
        (b'{"a": "\\ud800"}', "a", "surrogate"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "a.b", "more than once"),
        (b'{"a": [NaN]}', "a.0", "no number"),
        (b'{"a": [0.5, 1e400, 0.5]}', "a.1", "no number"),
        (b'{"a": [0.5, "\\u0000"]}', "a.1", "NUL"),
        (b'{"a": -Infinity}', "a", "no number"),
        (b'{"a": 1e400}', "a", "no number"),
        (b'{"a": 9223372036854775808}', "a", "64 bits"),
        (b'{"a": -9223372036854775808}', "a", "64 bits"),
        (b'{"a": 1' + b"0" * 100_000 + b"}", "a", "no number"),
        (b"NaN", "body", "no number"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else "",
)
def test_what_is_refused_names_its_place(content: bytes, field: str, why: str) -> None:
    """The first fault, with the names that lead to it."""
    with pytest.raises(InvalidRequest, match=why) as caught:
        parse_json("body", content)
    assert [error["field"] for error in caught.value.errors] == [field]


def test_a_part_of_a_form_names_itself_too() -> None:
    """A form's fields are texts of their own."""
    with pytest.raises(InvalidRequest) as caught:
        parse_json("options", b'{"classify": {"model": "\\u0000"}}')
    assert caught.value.errors[0]["field"] == "options.classify.model"


@given(_VALUES)
def test_everything_else_is_what_it_says(value: object) -> None:
    """Parsing is the inverse of writing."""
    assert parse_json("body", json.dumps(value).encode()) == value


def test_thousands_of_repetitions_are_refused_at_once() -> None:
    """Time grows no faster than the text."""
    pairs = ",".join(f'"{index % 20_000}":1' for index in range(40_000))
    with pytest.raises(InvalidRequest, match="more than once"):
        parse_json("body", f"{{{pairs}}}".encode())
