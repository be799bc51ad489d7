"""Finds the links of a chained Ogg file: recordings one after the other, as radio stations send them."""

from __future__ import annotations

import re
from typing import BinaryIO

from phonoscope.audio.tags import Span
from phonoscope.errors import TooCostlyToRead

_MOST_LINKS = 1_000
_CHUNK_BYTES = 1 << 18
_HEADER_BYTES = 27
# A page that begins a stream: version 0, that flag, granule position 0, any serial number, page number 0.
_BEGINNING = re.compile(rb"OggS\0[\x02\x03\x06\x07]\0{8}.{4}\0{4}", re.DOTALL)


def ogg_links(file: BinaryIO, whole: Span) -> list[Span]:
    """The links of an Ogg file, each with its own headers, serial numbers and time stamps; one when it is not chained.

    A link starts with the pages that begin its streams (RFC 3533, section 4).

    Raises ``TooCostlyToRead`` when there are more than a thousand links.
    """
    starts: list[int] = []
    next_page = -1
    for found in _beginnings(file, whole):
        if found != next_page:
            starts.append(found)
            if len(starts) > _MOST_LINKS:
                raise TooCostlyToRead(f"the ogg file has more than {_MOST_LINKS:,} links")
        next_page = found + _page_bytes(file, found)
    starts = [whole.start, *starts[1:]]
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], whole.end], strict=True)]


def _beginnings(file: BinaryIO, whole: Span) -> list[int]:
    found = []
    at, kept = whole.start, b""
    while at < whole.end:
        file.seek(at)
        chunk = kept + file.read(min(_CHUNK_BYTES, whole.end - at))
        if len(chunk) == len(kept):
            break
        found += [at - len(kept) + match.start() for match in _BEGINNING.finditer(chunk)]
        at += len(chunk) - len(kept)
        kept = chunk[-_HEADER_BYTES + 1 :]
    return sorted(set(found))


def _page_bytes(file: BinaryIO, start: int) -> int:
    file.seek(start)
    header = file.read(_HEADER_BYTES + 255)
    segments = header[_HEADER_BYTES - 1] if len(header) >= _HEADER_BYTES else 0
    return _HEADER_BYTES + segments + sum(header[_HEADER_BYTES : _HEADER_BYTES + segments])
