"""Tags of strangers become clean text, wherever they are; none of them keeps a recording from being read."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING

import av
import pytest

from phonoscope.audio import probe as probe_module
from phonoscope.audio.facts import LONGEST_TAG, Tags
from phonoscope.audio.file_part import FilePart
from phonoscope.audio.outer_tags import without_tags
from phonoscope.audio.probe import probe
from phonoscope.audio.tag_texts import clean, read_tags
from phonoscope.audio.tags import Span
from phonoscope.errors import RecordingError, UndecodableRecording
from tests.corpus.tagged import ape, id3, id3v1, png
from tests.integration.test_audio_tracks import several

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("So What", "So What"),
        ("  So\r\n\tWhat\x00\x07 ", "So What"),
        ("Bjo\u0308rk", "Björk"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("a\u2028b\u2029c", "a b c"),
        ("Bj\udcf6rk", "Björk"),
        ("\ud800", "?"),
        ("\x00\x1f ", None),
        ("", None),
        (None, None),
        ("x" * 5_000, "x" * LONGEST_TAG),
        ("👩\u200d🎤", "👩\u200d🎤"),
    ],
)
def test_a_text_is_cleaned(given: str | None, cleaned: str | None) -> None:
    """One line in NFC without controls, lone surrogates and marks of direction; emoji keep their joiners."""
    assert clean(given) == cleaned


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("03/12", 3), (" 7 of 9", 7), ("0", 0), ("A1", None), ("123456", None), ("-1", None), ("", None)],
)
def test_a_track_number(text: str, number: int | None) -> None:
    """The first number, of five digits at most."""
    assert read_tags({"track": text}).track_number == number


def test_names_of_several_formats() -> None:
    """Whatever the case, the first source that names a tag counts."""
    found = read_tags({"AUTHOR": "a", "WM/AlbumTitle": "b"}, {"artist": "c", "Year": "1967", "TRACKNUMBER": "2"})
    assert found == Tags(artist="a", album="b", date="1967", track_number=2)


def test_a_flood_of_tags_is_cut_off() -> None:
    """Five hundred of each source are looked at."""
    flood = {f"x{number}": "y" for number in range(100_000)} | {"title": "late"}
    assert read_tags(flood).title is None


@pytest.mark.parametrize("name", ["wav-s16", "flac", "adts", "mp3", "aiff", "au", "tta", "voc", "ac3"])
def test_tags_around_any_format(name: str, make: Maker) -> None:
    """They are read, and what is heard is the same to the sample."""
    plain = make.recording(name)
    before = id3([("TIT2", "Héllo")], cover=png(8, 8), padding=70_000)
    tagged = before + plain + ape([("Artist", "Ω".encode())]) + id3v1(b"Hello", b"Omega", 4)
    found, expected = make.examine(tagged), make.examine(plain)
    assert (found.tags.title, found.tags.artist, found.tags.track_number) == ("Héllo", "Ω", 4)
    assert found.cover is not None
    tagless = {"tags", "cover_base64", "audio_tracks"}
    assert found.model_dump(exclude=tagless) == expected.model_dump(exclude=tagless)
    assert (make.decode(tagged, 16_000).samples == make.decode(plain, 16_000).samples).all()


@pytest.mark.parametrize("name", ["m4a", "opus", "webm"])
def test_a_tag_before_a_format_that_has_its_own(name: str, make: Maker) -> None:
    """It is read where the container says nothing, and nothing is heard of it."""
    found = make.examine(id3([("TIT2", "Héllo")], padding=2_000_000) + make.recording(name))
    assert (found.tags.title, found.container) == ("Héllo", make.formats[name].container)
    assert found.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    "tag",
    [
        id3([("TIT2", "x")])[:-1],
        b"ID3\x04\x00\x00" + b"\x7f" * 4,
        b"ID3" + bytes(7),
        b"APETAGEX" + b"\xff" * 24,
        id3([("APIC", "x" * 100)]),
        id3(cover=b"<svg onload=alert(1)>"),
        id3(cover=png(4, 4)[:30]),
    ],
)
def test_a_broken_tag_hurts_nothing_else(tag: bytes, make: Maker) -> None:
    """The recording behind it is read, or called what it looks like; there is no cover."""
    try:
        found = make.examine(tag + make.recording("flac"))
    except RecordingError as error:
        assert error.detail  # noqa: PT017 - a tag of a false size hides what comes after it
    else:
        assert found.cover is None
        assert found.duration_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("width", "height", "shown"), [(2_000, 500, (512, 128)), (3, 3, (3, 3)), (1, 5_000, (1, 512))])
def test_a_cover_is_made_small(width: int, height: int, shown: tuple[int, int], make: Maker) -> None:
    """Its longer side has 512 pixels at most; a small one stays as it is. The sandbox makes it."""
    data = id3(cover=png(width, height)) + make.recording("flac")
    cover = probe(io.BytesIO(data), max_duration_s=60.0).cover
    assert cover is not None
    with av.open(io.BytesIO(cover), "r") as image:
        frame = next(image.decode(video=0))
    assert (frame.width, frame.height) == shown


def test_a_huge_picture_is_left_out(make: Maker) -> None:
    """A few kilobytes that would be a hundred megapixels are not decoded."""
    data = id3(cover=png(20_000, 5_000)) + make.recording("flac")
    found = probe(io.BytesIO(data), max_duration_s=60.0)
    assert (found.cover, found.duration_s) == (None, 1.0)


def test_a_child_that_lies_is_not_believed(make: Maker) -> None:
    """Bytes that are no JPEG, and a tag that is too long, are refused in the parent."""
    honest = make.examine(make.recording("flac")).model_dump(mode="json")
    for lie in (
        {"cover_base64": b64encode(b"<html>").decode()},
        {"cover_base64": "%"},
        {"tags": {"title": "x" * 999}},
        {"audio_tracks": [{"index": -1}]},
        {"duration_s": "long"},
    ):
        with pytest.raises(UndecodableRecording):
            probe_module._believed(honest | lie)


def test_a_part_of_a_file() -> None:
    """It reads, seeks and ends as a file of its own."""
    part = FilePart(io.BytesIO(b"0123456789"), Span(2, 7))
    assert part.seek(0) == 0
    assert (part.read(2), part.tell(), part.read()) == (b"23", 2, b"456")
    assert (part.read(), part.seek(-1, 2), part.read(9), part.seek(-3, 1), part.read(1)) == (b"", 4, b"6", 2, b"4")
    with pytest.raises(OSError, match="before"):
        part.seek(-1)
    plain = io.BytesIO(b"RIFF")
    assert without_tags(plain) is plain


def test_the_name_of_an_audio_track_is_no_title(make: Maker) -> None:
    """Matroska names its audio tracks as Ogg names the recording."""
    found = make.examine(several(0.5, 0.25, seconds=0.2))
    assert found.audio_tracks[1].title == "stem 1"
    assert found.tags == Tags()
