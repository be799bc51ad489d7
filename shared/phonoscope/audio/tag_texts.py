"""Reads a file's tags: ID3, Vorbis comments, MP4, APEv2, RIFF, AIFF, ASF and Matroska, as FFmpeg names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from phonoscope.audio.facts import LONGEST_COMMENT, LONGEST_TAG, Tags

Metadata = Mapping[str, str]
Value = TypeVar("Value")

_NAMES = {
    "title": ("title", "name"),
    "artist": ("artist", "author", "track/artist"),
    "album": ("album", "album/title", "wm/albumtitle"),
    "album_artist": ("album_artist", "albumartist", "album artist", "album/artist", "wm/albumartist"),
    "date": ("date", "year", "wm/year", "date_released", "album/date_released", "recorded date"),
    "genre": ("genre", "wm/genre"),
    "comment": ("comment", "comments", "description"),
}
_NUMBERS = ("track", "tracknumber", "track number", "part_number", "wm/tracknumber")
_MOST_ENTRIES = 500
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_tags(*sources: Metadata) -> Tags:
    """The tags in dictionaries of FFmpeg, whose bytes may be of any encoding; where several name one, the first counts.

    >>> read_tags({"TITLE": " So  What ", "track": "1/5"}, {"title": "?"}).model_dump(exclude_none=True)
    {'title': 'So What', 'track_number': 1}
    """
    known = [{key.lower(): value for key, value in islice(source.items(), _MOST_ENTRIES)} for source in sources]
    texts = {
        field: _first(clean(text, _longest(field)) for text in _named(known, names)) for field, names in _NAMES.items()
    }
    return Tags(**texts, track_number=_first(_number(text) for text in _named(known, _NUMBERS)))


def clean(text: str | None, longest: int = LONGEST_TAG) -> str | None:
    """A text of a stranger in one line, in NFC, without control characters; ``None`` when nothing is left.

    Bytes that are no UTF-8, which Python keeps as lone surrogates, are read as Windows-1252.
    """
    if not text:
        return None
    text = unicodedata.normalize("NFC", _decoded(text[: 8 * longest]))
    shown = "".join(" " if _is_control(letter) else letter for letter in text if letter not in _BIDI)
    return " ".join(shown.split())[:longest].strip() or None


def _named(known: Iterable[Metadata], names: Sequence[str]) -> Iterator[str]:
    return (source[name] for source in known for name in names if name in source)


def _first(found: Iterable[Value | None]) -> Value | None:
    return next((value for value in found if value is not None), None)


def _longest(field: str) -> int:
    return LONGEST_COMMENT if field == "comment" else LONGEST_TAG


def _decoded(text: str) -> str:
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        content = text.encode("utf-8", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}


def _number(text: str) -> int | None:
    found = re.match(r"\s*0*([0-9]{1,5})(?![0-9])", text)
    return int(found[1]) if found else None
