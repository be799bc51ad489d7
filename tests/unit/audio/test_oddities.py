"""Unusual but valid recordings come out right."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.decode import Recording
from phonoscope.errors import UndecodableRecording

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

FRONT_LEFT, FRONT_RIGHT = 1, 2


@pytest.mark.parametrize("name", ["wav-s16", "wav-f32", "wav-mulaw", "aiff", "caf", "flac", "mp3", "opus", "webm"])
def test_a_single_sample(name: str, make: Maker) -> None:
    """One sample is a recording, and comes out as at least one at any rate."""
    kind = make.formats[name]
    data = make.encode(kind, make.tone(kind.rate_hz, 1.0)[:, 40:41])
    assert 0 < make.examine(data).duration_s < 0.1
    for rate_hz in (8_000, 16_000, 48_000):
        assert len(make.decode(data, rate_hz).samples) >= 1


def test_real_vorbis_is_as_long_as_it_is(make: Maker, data: Path) -> None:
    """Where its blocks change their length packets say less than they hold: nothing is lost, and nobody says so."""
    for path in sorted((data / "songs").glob("*.ogg")):
        content = path.read_bytes()
        found = make.examine(content)
        assert found.duration_s == pytest.approx(make.decode(content, 44_100).samples.shape[-1] / 44_100, abs=0.05)
        assert not found.warnings


def test_a_single_sample_of_aac(make: Maker) -> None:
    """AAC in MP4 drops so short a sound by its own edit list; then it has none, which is said."""
    with pytest.raises(UndecodableRecording, match="no sample of the aac audio"):
        make.examine(make.encode(make.formats["m4a"], make.tone(48_000, 1.0)[:, :1]))


@pytest.mark.parametrize(("name", "rate_hz"), [("wav-s16", 192_000), ("flac", 192_000), ("wav-s16", 8_000)])
@pytest.mark.parametrize("target_hz", [8_000, 44_100])
def test_extreme_rates(name: str, rate_hz: int, target_hz: int, make: Maker) -> None:
    """192 kHz and 8 kHz are resampled like any other rate."""
    data = make.encode(make.formats[name], make.tone(rate_hz, 1.0), rate_hz=rate_hz)
    assert make.examine(data).sample_rate_hz == rate_hz
    samples = make.decode(data, target_hz).samples
    assert make.pitch_and_level(samples, target_hz)[0] == pytest.approx(make.pitch_hz, abs=0.2)


@pytest.mark.parametrize(
    ("name", "channels"), [("wav-s16", 24), ("wav-f32", 24), ("wavpack", 8), ("adts", 8), ("flac", 8), ("opus", 8)]
)
def test_many_channels(name: str, channels: int, make: Maker) -> None:
    """Channels beyond those with names are read; so are eight planes, where the library's own arrays run over."""
    kind = make.formats[name]
    samples = np.zeros((channels, 24_000))
    samples[1] = make.tone(kind.rate_hz, 0.5)[0]
    data = make.encode(kind, samples)
    assert make.examine(data).channels == channels
    level = make.pitch_and_level(make.decode(data, kind.rate_hz).samples, kind.rate_hz)[1]
    share = 1 / 2 if channels == 8 else 1 / channels
    assert level == pytest.approx(share * make.level, rel=0.15)


@pytest.mark.parametrize("labels", [[FRONT_LEFT, FRONT_RIGHT], [FRONT_RIGHT, FRONT_LEFT], [7, 7, 7]])
def test_channels_in_an_order_of_their_own(labels: list[int], make: Maker) -> None:
    """A CAF file may put its channels in any order; freeing that order twice would end the process."""
    data = _caf(np.tile(np.arange(4800, dtype=">i2"), (len(labels), 1)), labels)
    for _ in range(3):
        assert make.examine(data).channels == len(labels)
        share = len(labels) / 2
        np.testing.assert_allclose(make.decode(data, 48_000).samples, share * np.arange(4800) / 2**15, atol=1e-6)


def test_a_cover_is_no_video(make: Maker) -> None:
    """A picture in an MP3's or a FLAC's tags leaves it audio, and the same audio."""
    for name, covered in (
        ("mp3", _mp3_with_cover(make.recording("mp3"))),
        ("flac", _flac_with_cover(make.recording("flac"))),
    ):
        found = make.examine(covered)
        assert found.media_type == make.formats[name].media_type
        assert found.duration_s == 1.0
        assert found.warnings == []
        plain = make.decode(make.recording(name), 16_000).samples
        np.testing.assert_array_equal(make.decode(covered, 16_000).samples, plain)


@pytest.mark.parametrize(
    "tag", [b"ID3\x04\x00\x00\x00\x00\x0f\x7f" + b"\xff\xfb\x90" * 682, b"ID3\x03\xff\xff\x7f\x7f\x7f\x7f"]
)
def test_a_tag_full_of_garbage(tag: bytes, make: Maker) -> None:
    """An ID3 tag of false syncs, or of a false size, hides at most the sound that lies under it."""
    data = tag + make.recording("mp3-no-xing", 2.0)
    try:
        assert 0.5 < make.examine(data).duration_s < 2.2
    except UndecodableRecording as error:
        assert "mp3" in error.detail  # noqa: PT017 - either answer will do


def test_a_rate_that_changes(make: Maker) -> None:
    """Two AAC streams of different rates and channels, one behind the other, are heard as one."""
    kind = make.formats["adts"]
    second = make.encode(kind, make.tone(22_050, 1.0, 2), rate_hz=22_050)
    data = make.recording("adts", 2.0) + second
    found, decoded = make.examine(data), make.decode(data, 16_000)
    assert (found.sample_rate_hz, found.channels) == (48_000, 1)
    assert found.duration_s == pytest.approx(3.1, abs=0.1)
    for part in (decoded.samples[:16_000], decoded.samples[-12_000:]):
        pitch_hz, level = make.pitch_and_level(part, 16_000)
        assert pitch_hz == pytest.approx(make.pitch_hz, abs=0.5)
        assert level == pytest.approx(make.level, rel=0.1)


@pytest.mark.parametrize("name", ["ogg-vorbis", "opus", "ogg-flac"])
def test_chained_ogg(name: str, make: Maker) -> None:
    """Ogg streams of one kind, one behind the other as radio stations send them, are heard to the last."""
    channels = make.formats[name].channels
    data = make.recording(name, 1.0, channels) + make.recording(name, 2.0, channels)
    assert make.examine(data).duration_s == pytest.approx(3.0, abs=0.05)
    assert make.decode(data, 48_000).decoded_s == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("name", ["mp3", "m4a", "opus", "ogg-vorbis", "webm"])
def test_priming_is_cut_off(name: str, make: Maker) -> None:
    """What an encoder puts before the sound is taken off again: a click stays where it was."""
    kind = make.formats[name]
    click = np.zeros((kind.channels, 48_000))
    click[:, 24_000] = 0.9
    samples = make.decode(make.encode(kind, click), 48_000).samples
    assert abs(int(np.abs(samples).argmax()) - 24_000) <= 2


def test_what_is_far_too_loud_is_limited(make: Maker) -> None:
    """Floats of absurd size are limited, so that nothing overflows behind, and it is told."""
    samples = np.array([0.5, -1e300, 1e300, 1e-310], "<f8").repeat(1000)
    data = make.wav(samples.tobytes(), tag=3, bits=64)
    assert "32 times full scale" in make.examine(data).warnings[0]
    for rate_hz in (8_000, 16_000):
        assert np.abs(make.decode(data, rate_hz).samples).max() == 32.0


def test_bytes_decide_not_the_position(make: Maker) -> None:
    """A file is read from its first byte, wherever it stands."""
    file = io.BytesIO(make.recording("flac"))
    file.seek(1000)
    with Recording(file) as recording:
        assert sum(len(block) for block in recording.mono(48_000)) == 48_000


def test_a_recording_can_be_asked_when_it_is_over(make: Maker) -> None:
    """What a recording found out is still there when it is closed."""
    with Recording(io.BytesIO(make.recording("opus", 1.0, 2))) as recording:
        list(recording.mono(16_000))
    assert (recording.container, recording.codec, recording.channels) == ("ogg", "opus", 2)
    assert (recording.sample_rate_hz, recording.decoded_s, recording.warnings) == (48_000, 1.0, [])


def _caf(samples: np.ndarray[tuple[int, int], np.dtype[np.int16]], labels: list[int]) -> bytes:
    channels = len(labels)
    order = b"".join(struct.pack(">IIfff", label, 0, 0, 0, 0) for label in labels)
    layout = struct.pack(">III", 0, 0, channels) + order
    sound = bytes(4) + samples.T.tobytes()
    return b"".join(
        [
            b"caff" + struct.pack(">HH", 1, 0),
            b"desc" + struct.pack(">qd4sIIIII", 32, 48_000.0, b"lpcm", 0, 2 * channels, 1, channels, 16),
            b"chan" + struct.pack(">q", len(layout)) + layout,
            b"data" + struct.pack(">q", len(sound)) + sound,
        ]
    )


def _png() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\x80\x80\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _mp3_with_cover(mp3: bytes) -> bytes:
    body = b"\x00image/png\x00\x03\x00" + _png()
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + frame + mp3[mp3.index(b"\xff\xfb") :]


def _flac_with_cover(flac: bytes) -> bytes:
    picture = struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 1, 1, 24, 0, len(_png())) + _png()
    return flac[:42] + b"\x06" + struct.pack(">I", len(picture))[1:] + picture + flac[42:]
