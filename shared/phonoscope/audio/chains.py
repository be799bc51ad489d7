"""Finds where recordings that were joined byte by byte begin: chained Ogg, as radio stations send it, and others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from phonoscope.audio.tags import Span
from phonoscope.errors import TooCostlyToRead

_MOST_LINKS = 1_000
_CHUNK_BYTES = 1 << 18
_LONGEST_BEGINNING = 64
_MOST_AFTER_END_BYTES = 16 << 20
_HEADER_BYTES = 27
_EBML = b"\x1aE\xdf\xa3"
_SEGMENT = b"\x18S\x80g"
_LONGEST_SIZE = 8


class _Kind(NamedTuple):
    """How the files of one kind begin.

    Args:
        mark: the first bytes of a file.
        beginning: what a file begins with, at length: no sound looks like it. At most 64 bytes.
    """

    mark: re.Pattern[bytes]
    beginning: re.Pattern[bytes]


def _kind(mark: bytes, beginning: bytes) -> _Kind:
    return _Kind(re.compile(mark, re.DOTALL), re.compile(mark + beginning, re.DOTALL))


# A page that begins a stream: version 0, that flag, granule position 0, any serial number, page number 0.
_OGG = _kind(rb"OggS", rb"\0[\x02\x03\x06\x07]\0{8}.{4}\0{4}")
_MATROSKA = _kind(re.escape(_EBML), rb"(?:[\x80-\xff]|\x01\0{6}.)B\x86\x81[\x01-\x04]")
# FFmpeg plays on where one of these ends and the next one begins, with the first one's rate and channels.
_PLAYED_ON = (
    _OGG,
    _MATROSKA,
    _kind(rb"fLaC", rb"[\0\x80]\0\0\x22[\0-\xff]{4}\0"),
    _kind(rb"\.snd", rb"\0\0[\0-\x0f].{5}\0\0\0[\x01-\x1b]\0..{2}\0\0\0[\x01-\xff]"),
    _kind(rb"\.SoX", rb"..\0\0.{14}..[\x01-\xff]\0{3}"),
    _kind(rb"XoS\.", rb"\0\0.{18}\0{3}[\x01-\xff]"),
    _kind(rb"2BIT", rb".{8}(?:\0\0|\xff\xff)\0[\x08\x10]"),
    _kind(rb"(?: paf|fap )", rb"\0{4}\0{0,3}[\0\x01]\0{0,3}"),
    _kind(rb"PVF1\n", rb"[0-9]{1,3} [0-9]{4,6} (?:8|16|32)\n"),
    _kind(rb"NIST_1A\n", rb"   1024\n"),
    _kind(rb"#!AMR", rb"(?:-WB)?\n"),
    _kind(rb"\.RMF", rb"\0\0\0[\x10\x12]\0[\0\x01]"),
    _kind(rb"d\xa3[\x01-\x04]\0", rb".{4}(?:[\x01-\x20]\0{3}|\0{3}[\x01-\x20])"),
    _kind(rb"VAGp", rb"\0\0\0.\0{4}"),
    _kind(rb"FORMDS16", rb".{4}HEDR"),
    _kind(rb"ajkg", rb"[\x01-\x03]"),
    _kind(rb"nut/", rb"multimedia container\0"),
)
# FFmpeg ends where one of these does.
_ENDED = (
    _kind(rb"(?:RIFF|RIFX|RF64|BW64)", rb".{4}(?:WAVE|XWMA|QLCM)"),
    _kind(rb"FORM", rb".{4}(?:AIF[FC]|8SVX|16SV)"),
    _kind(rb"FRM8", rb".{8}DSD "),
    _kind(rb"caff", rb"\0\x01\0\0desc"),
    _kind(rb"riff", re.escape(bytes.fromhex("2e91cf11a5d628db04c10000"))),
    _kind(rb"wvpk", rb".{4}[\x02-\x10]\x04.{6}\0{4}.{5}[\x08-\x0f\x18-\x1f]"),
    _kind(rb"TTA[12]", rb"[\x01-\x03]\0[\x01-\x08]\0.\0"),
    _kind(rb"MAC ", rb".\x0f\0\0"),
    _kind(rb"tBaK", rb"\x01.{2}\0"),
    _kind(rb"MPCK", rb"SH"),
    _kind(rb"MP\+", rb"[\x07\x17\x27]"),
    _kind(rb"DSD ", rb"\x1c\0{7}"),
    _kind(rb"Creative Voice File\x1a", rb""),
    _kind(rb"STRM", rb".{4}\0[\0\x01]\0\x10"),
    _kind(rb"MMMD", rb".{4}CNTI"),
    _kind(rb"DTSHDHDR", rb"\0{4}"),
    _kind(rb"qoaf", rb".{4}[\x01-\x08]\0"),
    _kind(rb"FLV\x01", rb"[\0\x01\x04\x05]\0\0\0\x09"),
    _kind(rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9", rb""),
    _kind(rb"\xb7\xd8\x00 7I\xda\x11\xa6N", rb""),
    _kind(rb"\x06\x0e\+4\x02\x05\x01\x01\r\x01\x02\x01\x01\x02", rb""),
    _kind(rb"\0\0[\0-\x01].ftyp", rb"(?!hei|hev|mif|msf|avi)"),
)


def links(file: BinaryIO, whole: Span, head: bytes) -> list[Span]:
    """The recordings of a file that players play one after the other, each with its own headers; usually one.

    A link of chained Ogg starts with the pages that begin its streams (RFC 3533, section 4).

    Args:
        head: the file's first bytes.

    Raises ``TooCostlyToRead`` when there are more than a thousand.
    """
    kind = next((kind for kind in _PLAYED_ON if kind.mark.match(head)), None)
    if kind is None:
        return [whole]
    starts: list[int] = []
    for start in _starts(file, whole, kind):
        starts.append(start)
        if len(starts) > _MOST_LINKS:
            raise TooCostlyToRead(f"the file has more than {_MOST_LINKS:,} links")
    starts = [whole.start, *starts]
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], whole.end], strict=True)]


def begins_again(file: BinaryIO, rest: Span, head: bytes) -> bool:
    """Whether another recording of the same kind, which players do not play, begins in the first 16 MiB of ``rest``.

    Args:
        head: the file's first bytes.
    """
    kind = next((kind for kind in _ENDED if kind.mark.match(head)), None)
    near = Span(rest.start, min(rest.end, rest.start + _MOST_AFTER_END_BYTES))
    return kind is not None and next(_beginnings(file, near, kind), None) is not None


def _starts(file: BinaryIO, whole: Span, kind: _Kind) -> Iterator[int]:
    """Where recordings after the first one start."""
    at = _own_end(file, whole.start, kind)
    while at < whole.end:
        found = next(_beginnings(file, Span(at, whole.end), kind), None)
        if found is None:
            return
        yield found
        at = _own_end(file, found, kind)


def _own_end(file: BinaryIO, start: int, kind: _Kind) -> int:
    """From where on another recording may begin after the one that starts at ``start``."""
    if kind is _OGG:
        return _end_of_beginnings(file, start)
    if kind is _MATROSKA:
        return _end_of_segment(file, start)
    return start + 1


def _end_of_beginnings(file: BinaryIO, start: int) -> int:
    """The end of the Ogg pages that begin streams, one after the other."""
    while True:
        file.seek(start)
        header = file.read(_HEADER_BYTES + 255)
        if len(header) < _HEADER_BYTES or not _OGG.beginning.match(header):
            return start
        segments = header[_HEADER_BYTES - 1]
        start += _HEADER_BYTES + segments + sum(header[_HEADER_BYTES : _HEADER_BYTES + segments])


def _end_of_segment(file: BinaryIO, start: int) -> int:
    """The end of a Matroska file's segment; where that states no size, its start."""
    at = start
    for mark in (_EBML, _SEGMENT):
        file.seek(at)
        element = file.read(len(mark) + _LONGEST_SIZE)
        if len(element) <= len(mark) or not element.startswith(mark) or not element[len(mark)]:
            return start + len(_EBML)
        length = 9 - element[len(mark)].bit_length()
        size = int.from_bytes(element[len(mark) : len(mark) + length], "big") & (1 << 7 * length) - 1
        at += len(mark) + length
        at += size if size != (1 << 7 * length) - 1 else 0
    return at


def _beginnings(file: BinaryIO, where: Span, kind: _Kind) -> Iterator[int]:
    at, kept = where.start, b""
    while at < where.end:
        file.seek(at)
        read = file.read(min(_CHUNK_BYTES, where.end - at))
        if not read:
            return
        chunk = kept + read
        at += len(read)
        kept = chunk[-_LONGEST_BEGINNING + 1 :] if at < where.end else b""
        for match in kind.beginning.finditer(chunk):
            if match.start() < len(chunk) - len(kept):
                yield at - len(chunk) + match.start()
