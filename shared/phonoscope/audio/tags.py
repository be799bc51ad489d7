"""Finds the tags at both ends of a file: titles and covers, which are no audio."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from phonoscope.errors import TooCostlyToRead

MOST_TAGS = 1_000

_ID3_BYTES = 10
_ID3_FOOTER = 0x10
_APE_BYTES = 32
_APE_HEADER = 1 << 31
_APE_IS_HEADER = 1 << 29
_ID3V1_BYTES = 128
_ENHANCED_BYTES = 227
_LYRICS_END_BYTES = 9
_LYRICS_SIZE_BYTES = 6
_LYRICS_BEGIN = b"LYRICSBEGIN"
_LONGEST_LYRICS3V1 = 5_100 + len(_LYRICS_BEGIN) + _LYRICS_END_BYTES
# These hold their tags inside: what looks like a tag at their end is audio.
_INDEXED = ((0, b"OggS"), (0, b"\x1aE\xdf\xa3"), (4, b"ftyp"), (4, b"moov"), (0, b"0&\xb2u"))


class Span(NamedTuple):
    """A part of a file, from ``start`` to before ``end``, in bytes."""

    start: int
    end: int


def between_tags(file: BinaryIO) -> Span:
    """The part of a file between the tags at its start and those at its end.

    ID3v2 and APE at the start; ID3v1 with its enhanced form, ID3v2 with a footer, APEv1, APEv2, Lyrics3v1 and Lyrics3v2
    at the end, several of them in any order. A tag that claims more than the file has left is none.

    Raises ``TooCostlyToRead`` when there are more than a thousand tags.
    """
    end = file.seek(0, 2)
    start = _after(file, end)
    file.seek(start)
    head = file.read(8)
    if not any(head[offset:].startswith(mark) for offset, mark in _INDEXED):
        end = _before(file, start, end)
    return Span(start, end)


def _after(file: BinaryIO, total: int) -> int:
    start = 0
    for _ in range(MOST_TAGS):
        file.seek(start)
        size = _leading_bytes(file.read(_APE_BYTES))
        if not size or start + size > total:
            return start
        start += size
    raise _too_many()


def _leading_bytes(head: bytes) -> int:
    if head[:3] == b"ID3" and len(head) >= _ID3_BYTES:
        return _id3_bytes(head)
    if head[:8] == b"APETAGEX" and len(head) == _APE_BYTES:
        size, _, flags = struct.unpack("<III", head[12:24])
        return _APE_BYTES + size if flags & _APE_IS_HEADER else 0
    return 0


def _id3_bytes(header: bytes) -> int:
    """The size of an ID3v2 tag with its header, or its footer which looks alike, and both when it has a footer."""
    a, b, c, d = (byte & 0x7F for byte in header[6:10])
    footer = _ID3_BYTES if header[5] & _ID3_FOOTER else 0
    return _ID3_BYTES + (a << 21 | b << 14 | c << 7 | d) + footer


def _before(file: BinaryIO, start: int, end: int) -> int:
    for _ in range(MOST_TAGS):
        size = _trailing_bytes(file, start, end)
        if not size or end - size < start:
            return end
        end -= size
    raise _too_many()


def _trailing_bytes(file: BinaryIO, start: int, end: int) -> int:
    def tail(count: int) -> bytes:
        file.seek(max(start, end - count))
        return file.read(min(count, end - start))

    last = tail(_ID3V1_BYTES + _ENHANCED_BYTES)
    if last[-_ID3V1_BYTES:].startswith(b"TAG"):
        return len(last) if last.startswith(b"TAG+") and len(last) > _ID3V1_BYTES else _ID3V1_BYTES
    if last[-_APE_BYTES:].startswith(b"APETAGEX"):
        size, _, flags = struct.unpack("<III", last[-20:-8])
        return int(size) + (_APE_BYTES if flags & _APE_HEADER else 0)
    if last[-_ID3_BYTES:].startswith(b"3DI"):
        return _id3_bytes(last[-_ID3_BYTES:])
    if last.endswith(b"LYRICS200"):
        size_text = last[-_LYRICS_END_BYTES - _LYRICS_SIZE_BYTES : -_LYRICS_END_BYTES]
        return int(size_text) + _LYRICS_SIZE_BYTES + _LYRICS_END_BYTES if size_text.isdigit() else 0
    if last.endswith(b"LYRICSEND"):
        text = tail(_LONGEST_LYRICS3V1)
        begin = text.rfind(_LYRICS_BEGIN)
        return len(text) - begin if begin >= 0 else 0
    return 0


def _too_many() -> TooCostlyToRead:
    return TooCostlyToRead(f"more than {MOST_TAGS:,} tags are around the audio")
