"""Reads what a recording's header claims, where the decoding library does not report it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from phonoscope.errors import TooCostlyToRead

_HEAD_BYTES = 4_096
_MOST_CHUNKS = 1_000
_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF, 2**64 - 1})
_ID3_HEADER_BYTES = 10
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_GUID_BYTES = 16
_FIRST_AFTER_FORM = 12
_FORMS = frozenset({b"WAVE", b"AIFF", b"AIFC"})
_FIRST_MP3_FRAME_BYTES = 1_024
_LONGEST_OGG_PAGE_BYTES = 65_307
_OGG_FLAGS_AT = 5
_OGG_END_OF_STREAM = 4


@dataclass(frozen=True)
class AudioBytes:
    """The bytes of audio in a chunked container: claimed by its header, present, and trailing after them."""

    claimed: int
    present: int
    trailing: int


@dataclass(frozen=True)
class Header:
    """A file's first bytes, and what its header states about its length."""

    head: bytes
    audio: AudioBytes | None
    counts_frames: bool
    lacks_end_mark: bool


@dataclass(frozen=True)
class _Layout:
    size: str
    id_bytes: int
    first: int
    alignment: int
    size_counts_header: bool
    audio: bytes


_LAYOUTS = {
    b"RIFF": _Layout("<I", 4, 12, 2, False, b"data"),
    b"RIFX": _Layout(">I", 4, 12, 2, False, b"data"),
    b"RF64": _Layout("<I", 4, 12, 2, False, b"data"),
    b"BW64": _Layout("<I", 4, 12, 2, False, b"data"),
    b"riff": _Layout("<Q", _W64_GUID_BYTES, 40, 8, True, b"data"),
    b"caff": _Layout(">Q", 4, 8, 1, False, b"data"),
    b"FORM": _Layout(">I", 4, 12, 2, False, b"SSND"),
}


def read_header(file: BinaryIO) -> Header:
    """Reads a file's header, whatever its position.

    ``audio`` is set for WAV (RIFF, RF64), W64, CAF and AIFF files that claim a size; ``counts_frames`` says whether an
    MP3's first frame states how long it is (a Xing, Info or VBRI header); ``lacks_end_mark`` whether an Ogg file's last
    page is not marked as the last.

    Raises ``TooCostlyToRead`` when more than a thousand chunks or tags come before the audio.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    return Header(head, _audio_bytes(file), _counts_frames(file), head[:4] == b"OggS" and _lacks_end_mark(file))


def _audio_bytes(file: BinaryIO) -> AudioBytes | None:
    total = file.seek(0, 2)
    file.seek(0)
    head = file.read(_W64_GUID_BYTES)
    layout = _LAYOUTS.get(head[:4])
    if layout is None or (head[:4] == b"riff" and head != _W64_RIFF):
        return None
    if layout.first == _FIRST_AFTER_FORM and head[8:12] not in _FORMS:
        return None
    return _walk(file, layout, total)


def _counts_frames(file: BinaryIO) -> bool:
    file.seek(_end_of_id3(file))
    frame = file.read(_FIRST_MP3_FRAME_BYTES)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def _lacks_end_mark(file: BinaryIO) -> bool:
    total = file.seek(0, 2)
    file.seek(max(0, total - _LONGEST_OGG_PAGE_BYTES))
    tail = file.read(_LONGEST_OGG_PAGE_BYTES)
    flags = tail.rfind(b"OggS") + _OGG_FLAGS_AT
    return flags < len(tail) and not tail[flags] & _OGG_END_OF_STREAM


def _walk(file: BinaryIO, layout: _Layout, total: int) -> AudioBytes | None:
    position, wide_size = layout.first, None
    header_bytes = layout.id_bytes + struct.calcsize(layout.size)
    for _ in range(_MOST_CHUNKS):
        if position > total:
            return None
        file.seek(position)
        header = file.read(header_bytes)
        if len(header) < header_bytes or not any(header[:4]):
            return None
        (size,) = struct.unpack(layout.size, header[layout.id_bytes :])
        if layout.size_counts_header:
            size = max(0, size - header_bytes)
        if header[:4] == layout.audio:
            return _audio(position + header_bytes, wide_size or size, total)
        if header[:4] == b"ds64":
            wide_size = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        position += header_bytes + size + -size % layout.alignment
    raise _too_many("chunks")


def _audio(start: int, claimed: int, total: int) -> AudioBytes | None:
    if claimed in _UNKNOWN_SIZES:
        return None
    end = min(total, start + claimed)
    return AudioBytes(claimed, max(0, end - start), total - end)


def _end_of_id3(file: BinaryIO) -> int:
    position = 0
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        tag = file.read(_ID3_HEADER_BYTES)
        if len(tag) < _ID3_HEADER_BYTES or tag[:3] != b"ID3":
            return position
        a, b, c, d = (byte & 0x7F for byte in tag[6:10])
        position += _ID3_HEADER_BYTES + (a << 21 | b << 14 | c << 7 | d)
    raise _too_many("tags")


def _too_many(pieces: str) -> TooCostlyToRead:
    return TooCostlyToRead(f"more than {_MOST_CHUNKS:,} {pieces} come before the audio")
