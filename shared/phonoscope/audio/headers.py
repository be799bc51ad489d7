"""Reads what a recording's header claims, where the decoding library does not report it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from phonoscope.errors import TooCostlyToRead

_HEAD_BYTES = 4_096
_MOST_CHUNKS = 1_000
_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF, 2**64 - 1})
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_GUID_BYTES = 16
_FIRST_AFTER_FORM = 12
_FORMS = frozenset({b"WAVE", b"AIFF", b"AIFC"})
_FIRST_MP3_FRAME_BYTES = 512
_LAST_XING_BYTE = 64
_XING_FIELD_BYTES = (4, 4, 100, 4)
_SYNC = 0xFF
_LAYER_BITS, _LAYER_III = 0xE6, 0xE2
_MPEG_1, _RESERVED_VERSION, _RESERVED_RATE = 3, 1, 3
_MPEG_1_RATES_HZ = (44_100, 48_000, 32_000)
_RATE_SHIFTS = {3: 0, 2: 1, 0: 2}
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
    """A file's first bytes, and what its header states about its length.

    Attributes:
        audio: of WAV (RIFF, RF64), W64, CAF and AIFF files that claim a size.
        mp3_frames_s: the duration that an MP3's first frame states by a number of frames (Xing, Info or VBRI).
        lacks_end_mark: whether an Ogg file's last page is not marked as the last.
    """

    head: bytes
    audio: AudioBytes | None
    mp3_frames_s: float | None
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

    Raises ``TooCostlyToRead`` when more than a thousand chunks come before the audio.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    return Header(head, _audio_bytes(file), _mp3_frames_s(file), head[:4] == b"OggS" and _lacks_end_mark(file))


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


def _mp3_frames_s(file: BinaryIO) -> float | None:
    file.seek(0)
    frame = file.read(_FIRST_MP3_FRAME_BYTES)
    if len(frame) < _FIRST_MP3_FRAME_BYTES or frame[0] != _SYNC or frame[1] & _LAYER_BITS != _LAYER_III:
        return None
    version, rate = frame[1] >> 3 & 3, frame[2] >> 2 & 3
    if version == _RESERVED_VERSION or rate == _RESERVED_RATE:
        return None
    rate_hz = _MPEG_1_RATES_HZ[rate] >> _RATE_SHIFTS[version]
    frame_samples = 1_152 if version == _MPEG_1 else 576
    counted = _xing_samples(frame, frame_samples) or _vbri_samples(frame, frame_samples)
    return counted / rate_hz if counted else None


def _xing_samples(frame: bytes, frame_samples: int) -> int:
    """The samples by a Xing or Info header, without those that LAME tells to cut off at both ends; 0 without one."""
    at = max(frame.find(mark, 0, _LAST_XING_BYTE) for mark in (b"Xing", b"Info"))
    flags = frame[at + 7]
    if at < 0 or not flags & 1:
        return 0
    frames = int.from_bytes(frame[at + 8 : at + 12], "big")
    encoder = at + 8 + sum(size for bit, size in enumerate(_XING_FIELD_BYTES) if flags >> bit & 1)
    padding = int.from_bytes(frame[encoder + 21 : encoder + 24], "big") if frame[encoder] else 0
    return max(0, frames * frame_samples - (padding >> 12) - (padding & 0xFFF))


def _vbri_samples(frame: bytes, frame_samples: int) -> int:
    at = frame.find(b"VBRI", 0, _LAST_XING_BYTE)
    return int.from_bytes(frame[at + 14 : at + 18], "big") * frame_samples if at >= 0 else 0


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
    raise _too_many_chunks()


def _audio(start: int, claimed: int, total: int) -> AudioBytes | None:
    if claimed in _UNKNOWN_SIZES:
        return None
    end = min(total, start + claimed)
    return AudioBytes(claimed, max(0, end - start), total - end)


def _too_many_chunks() -> TooCostlyToRead:
    return TooCostlyToRead(f"more than {_MOST_CHUNKS:,} chunks come before the audio")
