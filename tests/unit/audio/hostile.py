"""Small files that are costly to read: each passes for a recording of its format, and asks for much work."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import cycle, islice

import numpy as np

from tests.unit.audio.maker import Maker

_BYTES = 1_600_000
_FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8_000, 16_000, 2, 16)
_DATA = b"\x01\x00" * 8_000


def _many(piece: bytes, size: int = _BYTES) -> bytes:
    return piece * (size // len(piece))


def _chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}4sI", name, len(body)) + body


def _wav(*, before: bytes = b"", after: bytes = b"", mark: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + _FMT + before + _chunk(b"data", _DATA) + after
    return struct.pack("<4sI", mark, len(body)) + body


def _aiff(before: bytes) -> bytes:
    common = struct.pack(">hIh", 1, 8_000, 16) + bytes.fromhex("400bfa00000000000000")
    body = b"AIFF" + _chunk(b"COMM", common, ">") + before + _chunk(b"SSND", bytes(8) + _DATA, ">")
    return _chunk(b"FORM", body, ">")


def _spliced(data: bytes, mark: bytes, piece: bytes, back: int) -> bytes:
    at = data.index(mark) - back
    return data[:at] + piece + data[at:]


def _box(name: bytes, body: bytes) -> bytes:
    return _chunk(name, body, ">")[4:8].join([struct.pack(">I", 8 + len(body)), body])


def _nested(name: bytes, depth: int) -> bytes:
    return b"".join(struct.pack(">I4s", 8 * (depth - level), name) for level in range(depth))


def _element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + struct.pack(">Q", (1 << 56) | len(body)) + body


def _matroska(extra: bytes, *, tracks: int = 1) -> bytes:
    head = _element("1a45dfa3", _element("4282", b"webm"))
    track = b"".join(
        _element(name, body)
        for name, body in (
            ("d7", b"\x01"),
            ("73c5", b"\x01"),
            ("83", b"\x02"),
            ("86", b"A_PCM/INT/LIT"),
            ("e1", _element("b5", struct.pack(">f", 8_000.0)) + _element("9f", b"\x01") + _element("6264", b"\x10")),
        )
    )
    entries = b"".join(
        _element("ae", track.replace(_element("d7", b"\x01"), _element("d7", struct.pack(">H", number)), 1))
        for number in range(1, tracks + 1)
    )
    info = _element("1549a966", _element("2ad7b1", struct.pack(">I", 1_000_000)))
    sound = _element("1f43b675", _element("e7", b"\x00") + _element("a3", b"\x81\x00\x00\x80" + _DATA))
    return head + bytes.fromhex("1853806701ffffffffffffff") + info + _element("1654ae6b", entries) + extra + sound


def _flac(make: Maker, blocks: bytes) -> bytes:
    data = make.recording("flac")
    return data[:42].replace(data[4:5], bytes([data[4] & 0x7F]), 1) + blocks + b"\x81\x00\x00\x00" + _flac_frames(data)


def _flac_frames(data: bytes) -> bytes:
    at, last = 4, False
    while not last:
        last, size = bool(data[at] & 0x80), int.from_bytes(data[at + 1 : at + 4], "big")
        at += 4 + size
    return data[at:]


def _id3(body: bytes) -> bytes:
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + body


def _pages(serial: int, count: int, body: bytes = b"\x00") -> bytes:
    """Ogg pages without a right checksum cost as much as others until it is computed."""
    return b"".join(
        b"OggS\x00\x00" + struct.pack("<qIII", number, serial, number, 0) + bytes([1, len(body)]) + body
        for number in range(count)
    )


def _tables(make: Maker) -> bytes:
    """An MP4 whose table of times has 190,000 entries, each of one sample."""
    data = make.recording("m4a", 0.2)
    entries = 190_000
    table = struct.pack(">II", 0, entries) + struct.pack(">II", 1, 1_024) * entries
    at = data.index(b"stts") - 4
    old = int.from_bytes(data[at : at + 4], "big")
    grown = bytearray(data[:at] + struct.pack(">I", 8 + len(table)) + b"stts" + table + data[at + old :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = grown.index(name) - 4
        size = int.from_bytes(grown[start : start + 4], "big")
        grown[start : start + 4] = struct.pack(">I", size + 8 + len(table) - old)
    return bytes(grown)


def _traks(make: Maker) -> bytes:
    data = make.recording("m4a", 0.2)
    at = data.index(b"trak") - 4
    trak = data[at : at + int.from_bytes(data[at : at + 4], "big")]
    extra = _many(trak)
    grown = bytearray(data[: at + len(trak)] + extra + data[at + len(trak) :])
    start = grown.index(b"moov") - 4
    size = int.from_bytes(grown[start : start + 4], "big")
    grown[start : start + 4] = struct.pack(">I", size + len(extra))
    return bytes(grown)


def _silence(make: Maker, name: str) -> bytes:
    """Half an hour in a few kilobytes."""
    kind = make.formats[name]
    return make.encode(kind, np.zeros((1, 1800 * 8_000)), rate_hz=8_000)


def _comments(count: int) -> bytes:
    return struct.pack("<II", 0, count) + struct.pack("<I2s", 2, b"a=") * count


def _between_frames(make: Maker) -> bytes:
    data = make.recording("adts")
    junk = bytes(islice(cycle(b"\xff\xf1\x00\xff\xf9\x50"), 4_000))
    return data[:400] + _many(junk + data[400:500])


HOSTILE: dict[str, Callable[[Maker], bytes]] = {
    "wav-before": lambda _: _wav(before=_many(b"junk\0\0\0\0")),
    "wav-after": lambda _: _wav(after=_many(b"junk\0\0\0\0")),
    "wav-alone": lambda _: _wav(before=_many(b"junk\0\0\0\0"))[: -8 - len(_DATA)],
    "wav-lists": lambda _: _wav(before=_many(_chunk(b"LIST", b"INFO"))),
    "wav-cues": lambda _: _wav(before=_many(_chunk(b"LIST", b"INFO" + _many(_chunk(b"IART", b"ab"), 100_000)))),
    "rf64": lambda _: _wav(before=_many(b"junk\0\0\0\0"), mark=b"RF64"),
    "aiff": lambda _: _aiff(_many(b"junk\0\0\0\0")),
    "aiff-names": lambda _: _aiff(_many(_chunk(b"NAME", b"ab", ">"))),
    "caf": lambda make: _spliced(make.recording("caf"), b"data", _many(b"free" + bytes(8)), 0),
    "w64": lambda make: _spliced(make.recording("w64"), b"data", _many(b"junk" + bytes(12) + struct.pack("<Q", 24)), 0),
    "mp4-free": lambda make: _spliced(make.recording("m4a"), b"moov", _many(struct.pack(">I4s", 8, b"free")), 4),
    "mp4-deep": lambda make: _spliced(make.recording("m4a"), b"moov", _nested(b"moov", 200_000), 4),
    "mp4-fragments": lambda make: make.recording("mp4-fragmented") + _many(_nested(b"moof", 2)),
    "mp4-times": _tables,
    "mp4-tracks": _traks,
    "mkv-voids": lambda _: _matroska(_many(b"\xec\x80")),
    "mkv-clusters": lambda _: _matroska(_many(_element("1f43b675", _element("e7", b"\x00")))),
    "mkv-blocks": lambda _: _matroska(_many(_element("1f43b675", _many(_element("a3", b"\x82\x00\x00\x80"), 300)))),
    "mkv-tags": lambda _: _matroska(_element("1254c367", _many(_element("7373", _element("67c8", b""))))),
    "mkv-tracks": lambda _: _matroska(b"", tracks=10_000),
    "mkv-samples": lambda _: _matroska(
        _element("1f43b675", _element("e7", b"\x00") + _many(b"\xa3\x86\x81\x00\x00\x80\x01\x00"))
    ),
    "ogg-empty": lambda make: make.recording("opus")[:200] + _pages(7, 50_000),
    "ogg-pages": lambda make: make.recording("opus") + _pages(1, 50_000, b""),
    "ogg-serials": lambda make: make.recording("opus") + b"".join(_pages(one, 1) for one in range(50_000)),
    "ogg-chained": lambda make: _many(make.recording("opus", 0.02)),
    "mp3-tags": lambda make: _many(_id3(b"")) + make.recording("mp3"),
    "mp3-frames": lambda make: _id3(_many(b"TXXX\0\0\0\x04\0\0\x00a\x00b")) + make.recording("mp3"),
    "mp3-garbage": lambda make: make.recording("mp3")[:3_000] + _many(b"\xff\xfb\x90\x00\x00"),
    "flac-blocks": lambda make: _flac(make, _many(b"\x01\x00\x00\x00")),
    "flac-comments": lambda make: _flac(make, b"\x04" + (1_500_008).to_bytes(3, "big") + _comments(250_000)),
    "flac-pictures": lambda make: _flac(make, _many(b"\x06" + (32).to_bytes(3, "big") + bytes(32))),
    "flac-silence": lambda make: _silence(make, "flac"),
    "wavpack-silence": lambda make: _silence(make, "wavpack"),
    "amr-empty": lambda _: b"#!AMR\n" + _many(b"\x7c"),
    "adts-garbage": _between_frames,
    "ts": lambda make: make.video("mpegts", sound=True) + _many(b"\x47\x40\x00\x10" + bytes(184)),
    "avi": lambda make: make.video("avi", sound=True) + _many(b"01wb\0\0\0\0"),
    "noise": lambda _: b"\xff\xfb\x90\x64" * 400_000,
}
