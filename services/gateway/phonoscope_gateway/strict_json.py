"""Parses the JSON of all requests.

Stricter than RFC 8259 has to be: names are unique within an object, numbers are finite and whole ones have 64 bits,
text has neither NUL characters nor lone surrogates, and nesting has a limit.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from typing import Any, TypeAlias

from phonoscope.errors import InvalidRequest
from phonoscope_gateway.problems import LONGEST_FIELD

BODY = "body"
"""The field that stands for a whole body; places within it do not repeat it."""
_MAX_DEPTH = 66
_MAX_WHOLE = 2**63
_MOST_DIGITS = 19
_SURROGATE = re.compile("[\ud800-\udfff]")

Place: TypeAlias = tuple["Place", str] | None
"""Where a value is: its parent's place and its own name or index; ``None`` for the whole."""


class _Repeating(dict[str, Any]):
    """An object in which a name is repeated."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.name = Counter(name for name, _ in pairs).most_common(1)[0][0]


def parse_json(field: str, text: bytes) -> Any:
    """The value that a JSON text says.

    Args:
        field: the part of the request that the text is, for errors; those of a value within name its own place.

    Raises ``InvalidRequest``.
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_object, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.field(field, f"not JSON: {error}") from error
    for place, why in _faults(value):
        raise InvalidRequest.field(_named(field, place), why)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else _Repeating(pairs)


def _whole(digits: str) -> int | float:
    """A whole number; infinity for one with too many digits, which would take long to convert."""
    return int(digits) if len(digits.lstrip("-")) <= _MOST_DIGITS else float("inf")


def _faults(value: Any) -> Iterator[tuple[Place, str]]:
    """What no request may hold, and where."""
    level: list[tuple[Place, Any]] = [(None, value)]
    for _ in range(_MAX_DEPTH):
        for place, item in level:
            why = _fault(item)
            if why is not None:
                yield place, why
            if isinstance(item, _Repeating):
                yield (place, item.name), "given more than once"
        level = [child for place, item in level for child in _children(place, item)]
    if level:
        yield None, f"nested more than {_MAX_DEPTH} levels deep"


def _children(place: Place, item: Any) -> Iterator[tuple[Place, Any]]:
    if isinstance(item, dict):
        yield from (((place, name), name) for name in item)
        yield from (((place, name), child) for name, child in item.items())
    elif isinstance(item, list) and not _is_plain(item):
        yield from (((place, str(index)), child) for index, child in enumerate(item))


def _is_plain(items: list[Any]) -> bool:
    """Whether a list has fractions alone that can be stored, such as a vector: its items need no look one by one."""
    return set(map(type, items)) == {float} and all(map(isfinite, items))


def _fault(item: Any) -> str | None:
    if isinstance(item, str):
        if "\x00" in item:
            return "holds a NUL character"
        return "holds a lone surrogate" if _SURROGATE.search(item) else None
    if isinstance(item, float) and not isfinite(item):
        return "is no number that can be stored"
    if isinstance(item, int) and abs(item) >= _MAX_WHOLE:
        return "is no whole number of 64 bits"
    return None


def _named(field: str, place: Place) -> str:
    """The names that lead to a place, with lone surrogates, which no answer can hold, as escapes."""
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(name)
    within = ".".join(reversed(names)).encode(errors="backslashreplace").decode()[:LONGEST_FIELD]
    return within if field == BODY and within else ".".join(filter(None, (field, within)))
