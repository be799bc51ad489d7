"""Tags, by hand: ID3v2, APEv2 and ID3v1, and an image for a cover."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

_ID3_TEXT = {"latin-1": 0, "utf-16": 1, "utf-16-be": 2, "utf-8": 3}


def png(width: int, height: int) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + b"\xc0\x40\x20" * width) * height

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def id3(
    texts: Iterable[tuple[str, str]] = (),
    *,
    encoding: str = "utf-8",
    cover: bytes = b"",
    padding: int = 0,
    footer: bool = False,
) -> bytes:
    """An ID3v2.4 tag.

    Args:
        texts: frames such as ``("TIT2", "So What")``.
        padding: zeros inside of the tag, such as a large cover would fill.
    """
    frames = [(name, bytes([_ID3_TEXT[encoding]]) + text.encode(encoding)) for name, text in texts]
    if cover:
        frames.append(("APIC", b"\0image/png\0\x03\0" + cover))
    body = b"".join(name.encode() + _syncsafe(len(content)) + b"\0\0" + content for name, content in frames)
    body += bytes(padding)
    head = b"\x04\0" + (b"\x10" if footer else b"\0") + _syncsafe(len(body))
    return b"ID3" + head + body + (b"3DI" + head if footer else b"")


def ape(items: Iterable[tuple[str, bytes]]) -> bytes:
    """An APEv2 tag, with header and footer."""
    entries = [struct.pack("<II", len(value), 0) + name.encode() + b"\0" + value for name, value in items]
    body = b"".join(entries)

    def edge(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2_000, len(body) + 32, len(entries), flags) + bytes(8)

    return edge(0xA0000000) + body + edge(0x80000000)


def id3v1(title: bytes, artist: bytes, track: int) -> bytes:
    """An ID3v1.1 tag."""
    return b"TAG" + title.ljust(30, b"\0") + artist.ljust(30, b"\0") + bytes(62) + bytes([0, track, 17])


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
