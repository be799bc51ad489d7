"""Content negotiation by the ``Accept`` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from phonoscope.errors import NotAcceptable

_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*((?:;[^;]*)*)")
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The media type with the highest quality in an ``Accept`` header; of equal ones, the first offered.

    Raises ``NotAcceptable`` when none is accepted.

    >>> negotiate("application/json;q=0.5, image/*", ["application/json", "image/png"])
    'image/png'
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [found for part in accept.split(",") if (found := _parsed(part))]
    qualities = [_quality(media_type, ranges) for media_type in offered]
    if not any(qualities):
        raise NotAcceptable(f"only {' or '.join(offered)} can be answered")
    return offered[qualities.index(max(qualities))]


def _parsed(part: str) -> tuple[str, str, float] | None:
    """A media range's two parts and its quality; ``None`` for an invalid range. Other parameters are ignored."""
    found = _RANGE.fullmatch(part)
    if found is None:
        return None
    qualities = [quality[1] for item in found[3].split(";") if (quality := _QUALITY.fullmatch(item))]
    return found[1].lower(), found[2].lower(), float(qualities[0]) if qualities else 1.0


def _quality(media_type: str, ranges: Sequence[tuple[str, str, float]]) -> float:
    """The quality of the most specific range that matches; 0 when none does."""
    kind, _, form = media_type.partition("/")
    for wanted in ((kind, form), (kind, "*"), ("*", "*")):
        fitting = [quality for *names, quality in ranges if tuple(names) == wanted]
        if fitting:
            return max(fitting)
    return 0.0
