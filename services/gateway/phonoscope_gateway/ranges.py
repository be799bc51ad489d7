"""Byte ranges (RFC 9110, section 14): a single range is answered, for anything else the whole object."""

from __future__ import annotations

import re

from phonoscope.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the length of the requested range, or ``None`` for the whole object.

    Raises ``RangeNotSatisfiable`` when the range starts after the end.

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
        raise RangeNotSatisfiable(f"the requested range starts after the end; there are {size:,} bytes", size)
    return start, end - start + 1
