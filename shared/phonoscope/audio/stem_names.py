"""What a ``.stem.mp4`` (Native Instruments) calls its stems, in a box of its own that FFmpeg does not read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from phonoscope.audio.facts import AudioTrack
from phonoscope.audio.tag_texts import clean
from phonoscope.audio.tags import Span

_PATH = (b"moov", b"udta", b"stem")
_MOST_BOXES = 1_000
_MOST_OF_A_KIND = 8
_MOST_BYTES = 1 << 16
_HEADER_BYTES, _WIDE_HEADER_BYTES = 8, 16
_TO_THE_END, _WIDE = 0, 1


def with_stem_names(tracks: Sequence[AudioTrack], file: BinaryIO) -> list[AudioTrack]:
    """The audio tracks of an MP4 file with the names of its stems, which follow the mix, as titles."""
    names = stem_names(file)
    if len(tracks) != len(names) + 1:
        return list(tracks)
    mix, *stems = tracks
    named = zip(stems, names, strict=True)
    return [mix, *(track.model_copy(update={"title": name or track.title}) for track, name in named)]


def stem_names(file: BinaryIO) -> list[str | None]:
    """The names in the ``stem`` box (JSON) of a file's ``moov``; empty where it has none that can be read."""
    boxes = [Span(0, file.seek(0, 2))]
    for kind in _PATH:
        boxes = [child for box in boxes for child in islice(_children(file, box, kind), _MOST_OF_A_KIND)]
    box = next((box for box in boxes if box.end - box.start <= _MOST_BYTES), None)
    if box is None:
        return []
    file.seek(box.start)
    try:
        return [_name(stem) for stem in json.loads(file.read(box.end - box.start))["stems"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _name(stem: Any) -> str | None:
    name = stem.get("name") if isinstance(stem, dict) else None
    return clean(name) if isinstance(name, str) else None


def _children(file: BinaryIO, parent: Span, kind: bytes) -> Iterator[Span]:
    """The content of the boxes of a kind (ISO 14496-12, 4.2)."""
    at = parent.start
    for _ in range(_MOST_BOXES):
        file.seek(at)
        header = file.read(_WIDE_HEADER_BYTES)
        if at + _HEADER_BYTES > parent.end or len(header) < _HEADER_BYTES:
            return
        size, content = int.from_bytes(header[:4], "big"), at + _HEADER_BYTES
        if size == _WIDE and len(header) == _WIDE_HEADER_BYTES:
            (size,), content = struct.unpack(">Q", header[_HEADER_BYTES:]), at + _WIDE_HEADER_BYTES
        end = parent.end if size == _TO_THE_END else at + size
        if end < content or end > parent.end:
            return
        if header[4:8] == kind:
            yield Span(content, end)
        at = end
