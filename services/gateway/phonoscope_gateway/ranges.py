"""Byte ranges (RFC 9110, section 14): one range is honoured, anything else is answered whole."""

from __future__ import annotations

import re

from phonoscope.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and length of the range asked for, or ``None`` for the whole.

    Raises ``RangeNotSatisfiable`` when it starts behind the end.

    >>> parse_range("bytes=-4", 10)
    (6, 4)
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size or (not first and int(last) == 0):
        raise RangeNotSatisfiable(f"there are {size:,} bytes; the range asked for starts behind them", size)
    return start, end - start + 1
