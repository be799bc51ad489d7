"""Joined recordings: where the next one begins, and how long they last together."""

from __future__ import annotations

import io

import numpy as np
import pytest

from phonoscope.audio.chains import begins_again, links
from phonoscope.audio.file_part import FilePart
from phonoscope.audio.tags import Span
from phonoscope.errors import TooCostlyToRead
from tests.unit.audio.maker import Maker

_EBML = b"\x1aE\xdf\xa3\x84B\x86\x81\x01"


def _links(data: bytes) -> list[Span]:
    return links(io.BytesIO(data), Span(0, len(data)), data[:100])


@pytest.mark.parametrize("name", ["flac", "mkv-flac", "au", "adts", "loas", "ogg-flac"])
@pytest.mark.parametrize("rates_hz", [(8_000, 16_000), (16_000, 8_000)])
def test_what_players_play_on(name: str, rates_hz: tuple[int, int], make: Maker) -> None:
    """The duration by the probe, which decodes 10 s of it, is that of the samples, with any rates."""
    kind = make.formats[name]
    tones = zip(rates_hz, (11.0, 3.0), strict=True)
    data = b"".join(make.encode(kind, make.tone(rate, seconds), rate_hz=rate) for rate, seconds in tones)
    decoded, found = make.decode(data, 8_000), make.examine(data)
    assert decoded.decoded_s == pytest.approx(14.0, abs=0.4)
    assert found.duration_s == pytest.approx(decoded.decoded_s, abs=0.005)
    assert found.warnings == decoded.warnings == []
    for at_s in (3, 12):
        part = decoded.samples[at_s * 8_000 : (at_s + 1) * 8_000]
        assert make.pitch_and_level(part, 8_000)[0] == pytest.approx(make.pitch_hz, abs=2.0)


@pytest.mark.parametrize("between", [b"", b"APETAGEX" + bytes(24), bytes(300_000)])
@pytest.mark.parametrize("name", ["wav-s16", "caf", "tta", "wavpack", "alac"])
def test_what_players_leave_out(name: str, between: bytes, make: Maker) -> None:
    """The first recording is read, and one warning tells of the other, whatever is between them."""
    one = make.recording(name)
    data = one + between + make.recording(name)
    decoded, found = make.decode(data, 16_000), make.examine(data)
    assert decoded.decoded_s == make.decode(one, 16_000).decoded_s == pytest.approx(found.duration_s, abs=0.001)
    (warning,) = found.warnings
    assert "another recording is joined after 1.00 s" in warning
    assert decoded.warnings == found.warnings


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mkv-flac", "wavpack", "alac", "au"])
def test_one_recording_is_one(name: str, make: Maker) -> None:
    data = make.recording(name)
    assert _links(data) == [Span(0, len(data))]
    assert make.examine(data).warnings == []


def test_a_file_inside_a_segment_is_no_other_recording() -> None:
    """An attachment of a Matroska file may be a Matroska file."""
    inner = _EBML + b"\x18S\x80g\x82\xec\x80"
    outer = _EBML + b"\x18S\x80g" + bytes([0x80 | len(inner) + 20]) + bytes(20) + inner
    assert _links(outer) == [Span(0, len(outer))]
    assert _links(outer + outer) == [Span(0, len(outer)), Span(len(outer), 2 * len(outer))]
    live = _EBML + b"\x18S\x80g\x01" + b"\xff" * 7 + bytes(30)
    assert _links(live + live) == [Span(0, len(live)), Span(len(live), 2 * len(live))]


@pytest.mark.parametrize("offset", range(-70, 10, 7))
def test_a_beginning_across_two_reads(offset: int) -> None:
    """Files are read in pieces of 256 KiB; no beginning is missed, and none is found twice."""
    first = b".snd" + bytes([0, 0, 0, 24]) + bytes(4) + bytes([0, 0, 0, 3, 0, 0, 31, 64, 0, 0, 0, 1])
    data = first + bytes((1 << 18) + offset - len(first) + 1) + first
    assert [span.start for span in _links(data)] == [0, len(data) - len(first)]
    wav = b"RIFF\0\0\0\0WAVE"
    assert begins_again(io.BytesIO(bytes(5) + wav), Span(0, 5 + len(wav)), wav)
    assert not begins_again(io.BytesIO(wav), Span(1, len(wav)), wav)


@pytest.mark.parametrize("mark", [b"fLaC", b".snd", b"RIFF", b"wvpk", b"TTA1", b"2BIT", b"d\xa3\1\0", b"OggS", _EBML])
def test_noise_is_no_beginning(mark: bytes) -> None:
    data = mark + np.random.default_rng(1).bytes(4 << 20)
    assert len(_links(data)) == 1
    assert not begins_again(io.BytesIO(data), Span(1, len(data)), data[:100])


def test_too_many_links() -> None:
    with pytest.raises(TooCostlyToRead):
        _links(b"NIST_1A\n   1024\n" * 1_002)


def test_a_position_that_no_file_has(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sizes in headers may lead anywhere."""
    path = tmp_path_factory.mktemp("part") / "file"
    path.write_bytes(b"12345")
    with path.open("rb") as file:
        part = FilePart(file, Span(1, 5))
        part.seek(1 << 62)
        assert part.read(10) == b""
        part.seek(2)
        assert part.read(10) == b"45"
