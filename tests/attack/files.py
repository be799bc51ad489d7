"""Hostile files: damaged recordings of every format, bombs, polyglots, and what is no recording."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from tests.unit.audio.maker import FORMATS, Maker

_MAKE = Maker()
_SECONDS = 0.3
_MOST_ONES = b"\xff" * 4
_CHUNKS = 200_000


def hostile_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many files with a name each: every bomb and polyglot first, then damaged recordings. Same seed, same files."""
    chance = random.Random(seed)
    known = {**_bombs(), **_polyglots(), **_foreign()}
    names = [*known]
    if count < 2 * len(known):
        chance.shuffle(names)
        names = names[: count // 2]
    for name in names:
        yield name, known[name]
    for number in range(count - len(names)):
        name = chance.choice([*FORMATS])
        yield f"{number}-damaged.{name}", _damaged(_recording(name), chance)


@cache
def _recording(name: str) -> bytes:
    """A tone in one of the formats, without random serial numbers: the same bytes in each process."""
    kind = FORMATS[name]
    samples = _MAKE.tone(kind.rate_hz, _SECONDS, kind.channels)
    return _MAKE.encode(kind, samples, options={"fflags": "+bitexact"} | kind.options)


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data)) if chance.random() < 0.5 else chance.randrange(min(len(data), 256))
        match chance.randrange(7):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                data[place : place + 4] = chance.choice(
                    [_MOST_ONES, bytes(4), b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"]
                )
            case 2:
                del data[max(place, 12) :]
            case 3:
                del data[place : place + chance.randint(1, 64)]
            case 4:
                data[place:place] = data[place : place + 256] * chance.randint(1, 40)
            case 5:
                data[place:place] = chance.randbytes(chance.randint(1, 4096))
            case _:
                data += _recording(chance.choice([*FORMATS]))[: chance.randint(1, 4096)]
        if len(data) < 2:
            break
    return bytes(data)


def _bombs() -> dict[str, bytes]:
    """Files that ask for far more work or memory than they are long."""
    wav, flac = _recording("wav-s16"), _recording("flac")
    mp4, ogg = _recording("m4a"), _recording("opus")
    webm, aiff = _recording("webm"), _recording("aiff")
    silence = _MAKE.encode(FORMATS["flac"], np.zeros((1, 48_000 * 600)))

    def riff(chunks: bytes) -> bytes:
        return b"RIFF" + _MOST_ONES + b"WAVE" + wav[12:36] + chunks + wav[36:]

    return {
        "junk-chunks.wav": riff(b"junk\0\0\0\0" * _CHUNKS),
        "list-chunks.wav": riff(b"LIST\x04\0\0\0INFO" * (_CHUNKS // 2)),
        "nested-lists.wav": riff(b"LIST\xff\xff\0\0INFO" * 20_000),
        "many-formats.wav": riff(wav[12:36] * 20_000),
        "cue-points.wav": riff(b"cue \xff\xff\xff\xff\xff\xff\xff\xff" * 20_000),
        "odd-chunks.wav": riff(b"junk\x01\0\0\0\0\0" * _CHUNKS),
        "many-channels.wav": _MAKE.wav(bytes(65_535), channels=65_535, bits=8),
        "no-channels.wav": _MAKE.wav(bytes(100), channels=0),
        "no-rate.wav": _MAKE.wav(bytes(100), rate_hz=0),
        "highest-rate.wav": _MAKE.wav(bytes(100_000), rate_hz=2**32 - 1, bits=8),
        "lowest-rate.wav": _MAKE.wav(bytes(100_000), rate_hz=1),
        "claims-4-gb.wav": _MAKE.wav(bytes(100), claimed=2**32 - 1),
        "ten-minutes-of-silence.flac": silence,
        "hours-of-silence.flac": silence + silence[silence.index(b"\xff\xf8") :] * 30,
        "metadata.flac": flac[:4] + flac[4:42] + b"\x01\0\0\x04abcd" * 100_000 + flac[42:],
        "pictures.flac": flac[:42] + b"\x06\xff\xff\xff" + bytes(64) + flac[42:],
        "free-boxes.mp4": mp4[:32] + b"\0\0\0\x08free" * _CHUNKS + mp4[32:],
        "nested-boxes.mp4": mp4[:32] + b"".join(struct.pack(">I4s", 8 * (5000 - n), b"moov") for n in range(5000)),
        "endless-box.mp4": mp4[:32] + b"\0\0\0\x01moov" + b"\x7f" + _MOST_ONES + b"\xff\xff\xff",
        "sample-table.mp4": mp4.replace(b"stsz\0\0\0\0\0\0\0\0\0\0", b"stsz\0\0\0\0\0\0\0\0\xff\xff"),
        "time-table.mp4": mp4.replace(b"stts\0\0\0\0\0\0", b"stts\0\0\0\0\xff\xff"),
        "empty-pages.ogg": ogg[:200] + (b"OggS\0\0" + bytes(20) + b"\0") * 60_000 + ogg[200:],
        "restarts.ogg": ogg * 300,
        "voids.webm": webm[:64] + b"\xec\x81\0" * _CHUNKS + webm[64:],
        "nested-clusters.webm": webm[:64] + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * 20_000,
        "chunks.aiff": aiff[:12] + b"ANNO\0\0\0\0" * _CHUNKS + aiff[12:],
        "tags.mp3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(100_000) + _recording("mp3"),
        "frames.mp3": b"ID3\x03\0\0\0\x0f\x7f\x76" + b"TXXX\0\0\0\x01\0\0\0" * 23_000 + _recording("mp3"),
        "syncs.mp3": b"\xff\xfb\x90\x00" * 100_000,
        "syncs.aac": b"\xff\xf1\x50\x80\x00\x1f\xfc" * 100_000,
        "zeros.bin": zlib.decompress(zlib.compress(bytes(20 << 20))),
    }


def _polyglots() -> dict[str, bytes]:
    """Files that are two things at once."""
    wav, mp3 = _recording("wav-s16"), _recording("mp3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("../../etc/cron.d/x", "a.wav"):
            file.writestr(zipfile.ZipInfo(name), bytes(10 << 20), zipfile.ZIP_DEFLATED)
    page = b"<html><script>fetch('/v1/tracks')</script></html>"
    return {
        "zip.wav": wav + archive.getvalue(),
        "wav.zip": archive.getvalue() + wav,
        "page.mp3": page + mp3,
        "mp3.html": mp3 + page,
        "script.wav": b"#!/bin/sh\nexit\n" + wav,
        "wav.pdf": b"%PDF-1.7\n" + wav,
        "gif.wav": b"GIF89a" + wav,
        "two-heads.wav": wav[:44] + mp3,
        "id3-wav.wav": b"ID3\x04\0\0\0\0\0\0" + wav,
        "elf.wav": b"\x7fELF\x02\x01\x01" + wav,
        "ogg-in-wav.wav": _MAKE.wav(_recording("opus"), tag=0x674F),
        "mp3-in-wav.wav": _MAKE.wav(mp3, tag=0x55),
    }


def _foreign() -> dict[str, bytes]:
    """What is no recording, and what would lead a reader to other files or addresses."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return {
        "empty.wav": b"",
        "one-byte.wav": b"R",
        "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nhttp://169.254.169.254/latest\n#EXT-X-ENDLIST\n",
        "list.m3u": b"http://127.0.0.1/a.mp3\n/etc/passwd\n",
        "list.pls": b"[playlist]\nFile1=/etc/passwd\nNumberOfEntries=1\n",
        "concat.txt": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "dash.mpd": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>file:///etc/</BaseURL></Period></MPD>',
        "reference.mov": b"\0\0\0\x1cftypqt  \0\0\0\0qt  \0\0\0\0qt  \0\0\0\x24moov\0\0\0\x1crmra\0\0\0\x14rmda"
        b"\0\0\0\x0crdrffile",
        "laughs.xml": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a9;</x>'.encode(),
        "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "bomb.gz": gzip.compress(bytes(20 << 20), mtime=0),
        "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0",
        "video.mp4": _MAKE.video("mp4"),
        "text.txt": "звук ".encode() * 10_000,
    }
