"""Tags outside of a container: reads what they say, and hides them from whatever reads the recording."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from phonoscope.audio.file_part import FilePart
from phonoscope.audio.tags import Span, between_tags

_MOST_PADDING_BYTES = 1 << 16
_MOST_TAG_BYTES = 16 << 20
_ZEROS_OF_A_SIZE = 3
"""MP4 and its kin start with a size, whose first bytes are zeros."""
_ID3V1_BYTES = 128
_CARRIER = bytes.fromhex("fff15040011ffc00")
"""An AAC frame: FFmpeg's reader of AAC reads the tags around it, of every kind and with their pictures."""


def without_tags(file: BinaryIO) -> BinaryIO:
    """The file without the tags around it and the zeros that pad them; the file itself where there are none.

    Raises ``TooCostlyToRead`` when more than a thousand tags are around the audio.
    """
    size = file.seek(0, os.SEEK_END)
    span = _without_padding(file, between_tags(file))
    if span.start == span.end or span == Span(0, size):
        return file
    return cast("BinaryIO", FilePart(file, span))


def tag_files(file: BinaryIO) -> Iterator[BinaryIO]:
    """Each group of tags around a recording, around a frame of AAC, as which FFmpeg reads it.

    ID3v2 comes first, then APEv2, then ID3v1, which cuts its texts off. Tags of more than 16 MiB are left out.

    Raises ``TooCostlyToRead`` as ``without_tags`` does.
    """
    size = file.seek(0, os.SEEK_END)
    span = between_tags(file)
    before, after = _piece(file, 0, span.start), _piece(file, span.end, size)
    old = after[-_ID3V1_BYTES:] if after[-_ID3V1_BYTES:].startswith(b"TAG") else b""
    others = after.removesuffix(old)
    for content in (before + _CARRIER if before else b"", _CARRIER + others if others else b"", _CARRIER + old):
        if len(content) > len(_CARRIER):
            yield cast("BinaryIO", io.BytesIO(content))


def _without_padding(file: BinaryIO, span: Span) -> Span:
    if not span.start:
        return span
    file.seek(span.start)
    padding = file.read(min(_MOST_PADDING_BYTES, span.end - span.start))
    zeros = len(padding) - len(padding.lstrip(b"\0"))
    if padding[zeros + 1 : zeros + 5] == b"ftyp":
        zeros -= _ZEROS_OF_A_SIZE
    return Span(span.start + zeros, span.end) if zeros > _ZEROS_OF_A_SIZE else span


def _piece(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes from ``start`` to ``end``; none of more than 16 MiB."""
    if end - start > _MOST_TAG_BYTES:
        return b""
    file.seek(start)
    return file.read(end - start)
