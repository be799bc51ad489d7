"""Tags at both ends of a file are found, and are no audio."""

from __future__ import annotations

import io
import struct
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.tags import Span, between_tags
from phonoscope.errors import TooCostlyToRead

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

COVERED = ["mp3", "mp3-no-xing", "adts", "ac3", "flac", "wavpack", "tta", "wav-s16", "aiff", "au", "amr"]
AT_START = ["mp3", "mp3-no-xing", "adts", "ac3", "flac", "wavpack", "tta"]


def _cover() -> bytes:
    """A picture with what looks like the starts of MP3, AAC and AC-3 frames in it, a hundred of each."""
    noise = np.random.default_rng(1).bytes(200)
    syncs = (b"\xff\xfb\x90\x64", b"\xff\xf1\x4c\x80\x2e\x7f\xfc", b"\x0b\x77\x00\x00\x14\x40")
    return b"\xff\xd8\xff\xe0" + b"".join(sync + noise for sync in syncs * 100)


def _id3v1() -> bytes:
    return b"TAG" + b"a title".ljust(125, b"\0")


def _enhanced() -> bytes:
    return b"TAG+" + b"a longer title".ljust(223, b"\0") + _id3v1()


def _id3v2(body: bytes = b"", footer: bool = False) -> bytes:
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    if not footer:
        return b"ID3\x03\x00\x00" + size + frame
    return b"ID3\x04\x00\x10" + size + frame + b"3DI\x04\x00\x10" + size


def _ape(body: bytes = b"", header: bool = True, version: int = 2_000) -> bytes:
    item = struct.pack("<II", len(body), 2) + b"Cover Art (Front)\0" + body

    def end(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", version, len(item) + 32, 1, flags) + bytes(8)

    return (end(0xA0000000) if header else b"") + item + end(0x80000000 if header else 0)


def _lyrics3v2() -> bytes:
    body = b"LYRICSBEGIN" + b"IND00003110" + b"LYR" + b"%05d" % 2_000 + b"la " * 666 + b"la"
    return body + b"%06d" % len(body) + b"LYRICS200"


def _lyrics3v1() -> bytes:
    return b"LYRICSBEGIN" + b"la la " * 400 + b"LYRICSEND"


TAILS = {
    "id3v1": _id3v1(),
    "enhanced": _enhanced(),
    "id3v2": _id3v2(_cover(), footer=True),
    "apev1": _ape(_cover(), header=False, version=1_000),
    "apev2": _ape(_cover()),
    "lyrics3v1": _lyrics3v1(),
    "lyrics3v2": _lyrics3v2(),
}


@pytest.mark.parametrize("name", TAILS)
def test_each_tag_is_found(name: str) -> None:
    """Each kind of tag is found after the audio, to the byte, and after another one."""
    audio = bytes(range(1, 200)) * 10
    assert between_tags(io.BytesIO(audio + TAILS[name])) == Span(0, len(audio))
    assert between_tags(io.BytesIO(audio + TAILS["apev2"] + TAILS[name] + _id3v1())) == Span(0, len(audio))


@pytest.mark.parametrize("first", [_id3v2(_cover()), _id3v2(_cover(), footer=True), _ape(_cover())])
def test_tags_at_the_start_are_found(first: bytes) -> None:
    """ID3v2 and APE are found before the audio too, and one after the other."""
    audio = bytes(range(1, 200)) * 10
    assert between_tags(io.BytesIO(first + audio + _id3v1())) == Span(len(first), len(first + audio))
    assert between_tags(io.BytesIO(_id3v2() + first + audio)) == Span(
        len(_id3v2() + first), len(_id3v2() + first + audio)
    )


def test_any_order(make: Maker) -> None:
    """Tags after the audio are found in any order."""
    for tags in permutations([_ape(b"x"), _lyrics3v2(), _id3v2(b"x", footer=True)]):
        assert between_tags(io.BytesIO(b"audio" + b"".join(tags) + _id3v1())).end == 5


@pytest.mark.parametrize(
    "tail",
    [
        b"TA" + bytes(126),
        b"APETAGEX" + struct.pack("<IIII", 2_000, 1 << 30, 1, 0) + bytes(8),
        b"999999LYRICS200",
        b"-00001LYRICS200",
        b"LYRICSEND",
        b"3DI\x04\x00\x00\x7f\x7f\x7f\x7f",
    ],
)
def test_what_only_looks_like_a_tag(tail: bytes) -> None:
    """What claims more than there is, or has no beginning, is no tag."""
    assert between_tags(io.BytesIO(b"audio" + tail)) == Span(0, 5 + len(tail))


@pytest.mark.parametrize("size", range(0, 140, 9))
def test_short_files(size: int) -> None:
    """A file that is hardly longer than a tag, or shorter, is read without an error."""
    for tag in (*TAILS.values(), _id3v2(), _ape()):
        for data in (tag[:size], tag[-size:] if size else b""):
            start, end = between_tags(io.BytesIO(data))
            assert 0 <= start <= end <= len(data)


def test_tags_without_end() -> None:
    """A file of nothing but tags is refused, not read for minutes."""
    with pytest.raises(TooCostlyToRead):
        between_tags(io.BytesIO(_id3v2() * 2_000))
    with pytest.raises(TooCostlyToRead):
        between_tags(io.BytesIO(_ape(header=False) * 2_000))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("name", COVERED)
def test_a_tag_at_the_end_is_no_audio(name: str, tail: str, make: Maker) -> None:
    """Duration, samples and warnings of a recording do not change with a tag after it, whatever picture is in it."""
    data = make.recording(name)
    plain, tagged = make.decode(data, 16_000), make.decode(data + TAILS[tail], 16_000)
    np.testing.assert_array_equal(tagged.samples, plain.samples)
    found = make.examine(data + TAILS[tail])
    assert found.warnings == tagged.warnings == plain.warnings
    assert found.duration_s == pytest.approx(make.examine(data).duration_s)


@pytest.mark.parametrize("name", AT_START)
def test_an_ape_tag_at_the_start_is_no_audio(name: str, make: Maker) -> None:
    """APE tags before the audio are passed over too."""
    data = make.recording(name)
    found = make.examine(_ape(_cover()) + data)
    assert found.container == make.formats[name].container
    assert found.duration_s == pytest.approx(make.examine(data).duration_s)
    assert found.warnings == []


@pytest.mark.parametrize("name", ["mp3", "mp3-no-xing"])
def test_what_follows_an_mp3_makes_it_no_longer(name: str, make: Maker) -> None:
    """The library guesses an MP3's length by the file's size; such a guess is never held against the recording."""
    data = make.recording(name, 2.0)
    found = make.examine(data + bytes(60_000))
    assert found.duration_s == pytest.approx(make.examine(data).duration_s, abs=0.03)
    assert not any("declares" in warning for warning in found.warnings)
