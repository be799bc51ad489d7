"""Which of several representations a client would rather have (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from phonoscope.errors import NotAcceptable

_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*((?:;[^;]*)*)")
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The media type that an ``Accept`` header likes best; of those it likes as much, the one offered first.

    Raises ``NotAcceptable`` when it wants none.

    >>> negotiate("application/json;q=0.5, image/*", ["application/json", "image/png"])
    'image/png'
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [found for part in accept.split(",") if (found := _parsed(part))]
    liked = [_quality(media_type, ranges) for media_type in offered]
    if not any(liked):
        raise NotAcceptable(f"this can be had as {' or '.join(offered)} alone")
    return offered[liked.index(max(liked))]


def _parsed(part: str) -> tuple[str, str, float] | None:
    """A media range's two halves and its quality; ``None`` for what is no range. Other parameters ask for nothing."""
    found = _RANGE.fullmatch(part)
    if found is None:
        return None
    qualities = [quality[1] for item in found[3].split(";") if (quality := _QUALITY.fullmatch(item))]
    return found[1].lower(), found[2].lower(), float(qualities[0]) if qualities else 1.0


def _quality(media_type: str, ranges: Sequence[tuple[str, str, float]]) -> float:
    """That of the range which fits most closely; 0 where none does."""
    kind, _, form = media_type.partition("/")
    for wanted in ((kind, form), (kind, "*"), ("*", "*")):
        fitting = [quality for *names, quality in ranges if tuple(names) == wanted]
        if fitting:
            return max(fitting)
    return 0.0
