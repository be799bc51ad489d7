"""Every format comes out right: what it is, how long, and the very sound that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from phonoscope.audio import examine as examine_module

if TYPE_CHECKING:
    from tests.unit.audio.maker import Format, Maker

SURROUND = ["wav-s16", "wav-f32", "aiff", "flac", "opus", "m4a", "webm", "ac3"]
STEREO = ["wav-u8", "wav-s16", "wav-s24", "wav-s32", "wav-f32", "wav-f64", "wav-mulaw", "aiff", "flac", "mp3"]
STEREO += ["ogg-vorbis", "opus", "adts", "m4a", "webm", "alac", "wavpack"]


def test_a_probe_names_the_format(recording_format: Format, make: Maker) -> None:
    """Container, codec, MIME type, rate and channels are those that were written, and nothing is complained of."""
    data = make.encode(recording_format, make.tone(recording_format.rate_hz, 0.5, recording_format.channels))
    found = make.examine(data)
    assert (found.container, found.media_type) == (recording_format.container, recording_format.media_type)
    assert found.codec == recording_format.found_codec
    assert (found.sample_rate_hz, found.channels) == (recording_format.rate_hz, recording_format.channels)
    assert found.warnings == []


def test_a_tone_survives(recording_format: Format, make: Maker) -> None:
    """A decoded tone has the pitch, the level and, but for the codec's own delay, the length of what was encoded."""
    rate_hz, channels = recording_format.rate_hz, recording_format.channels
    decoded = make.decode(make.encode(recording_format, make.tone(rate_hz, 1.0, channels)), rate_hz)
    pitch_hz, level = make.pitch_and_level(decoded.samples, rate_hz)
    assert pitch_hz == pytest.approx(make.pitch_hz, abs=0.5)
    assert level == pytest.approx(make.level, rel=0.12)
    assert len(decoded.samples) / rate_hz == pytest.approx(1.0, abs=recording_format.delay_s + 1e-9)
    assert len(decoded.samples) / rate_hz == pytest.approx(decoded.decoded_s)
    assert decoded.warnings == []


def test_a_probe_measures_what_decoding_gives(
    recording_format: Format, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duration that a probe finds, most of the packets not decoded, is that of the decoded samples."""
    monkeypatch.setattr(examine_module, "_PROOF_S", 0.2)
    data = make.encode(recording_format, make.tone(recording_format.rate_hz, 2.0, recording_format.channels))
    found = make.examine(data)
    assert found.duration_s == pytest.approx(make.decode(data, recording_format.rate_hz).decoded_s, abs=0.005)
    assert found.warnings == []


def test_lossless_formats_are_exact(recording_format: Format, make: Maker) -> None:
    """Noise comes out of a lossless format bit for bit, as float32."""
    bits = recording_format.lossless_bits
    if not bits:
        assert recording_format.found_codec not in {"flac", "alac", "wavpack", "tta", "pcm_s16le"}
        return
    noise = np.random.default_rng(7).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (1, 5000))
    decoded = make.decode(make.encode(recording_format, _as_written(noise, bits, recording_format.codec)), 48_000)
    np.testing.assert_array_equal(decoded.samples, (noise[0] / 2.0 ** (bits - 1)).astype(np.float32))


@pytest.mark.parametrize("name", STEREO)
def test_two_channels_become_their_mean(name: str, make: Maker) -> None:
    """A tone in one channel of two is heard at half its level; in both, opposed, it is heard too."""
    kind = make.formats[name]
    tone = make.tone(kind.rate_hz, 0.5)[0]
    one = make.decode(make.encode(kind, np.stack([tone, 0 * tone])), kind.rate_hz)
    opposed = make.decode(make.encode(kind, np.stack([tone, -tone])), kind.rate_hz)
    assert make.pitch_and_level(one.samples, kind.rate_hz)[1] == pytest.approx(make.level / 2, rel=0.08)
    assert make.pitch_and_level(opposed.samples, kind.rate_hz)[1] == pytest.approx(make.level, rel=0.08)
    assert "cancel" in opposed.warnings[-1]


@pytest.mark.parametrize("name", SURROUND)
def test_six_channels_count_by_their_speakers(name: str, make: Maker) -> None:
    """In 5.1 those in front count a half each, the centre 0.71, those behind 0.35; low frequencies nothing."""
    kind = make.formats[name]
    samples = make.tone(kind.rate_hz, 0.5, 6)
    samples[3] = 0
    data = make.encode(kind, samples)
    assert make.examine(data).channels == 6
    decoded = make.decode(data, kind.rate_hz)
    assert make.pitch_and_level(decoded.samples, kind.rate_hz)[1] == pytest.approx(2.414 * make.level, rel=0.1)


@pytest.mark.parametrize(
    ("muxer", "media_type"),
    [
        ("mp4", "video/mp4"),
        ("matroska", "video/matroska"),
        ("mov", "video/quicktime"),
        ("avi", "video/x-msvideo"),
        ("mpegts", "video/mp2t"),
    ],
)
def test_a_video_is_heard(muxer: str, media_type: str, make: Maker) -> None:
    """A video with sound is taken for its sound, under its own MIME type."""
    data = make.video(muxer, sound=True)
    assert make.examine(data).media_type == media_type
    decoded = make.decode(data, 48_000)
    assert make.pitch_and_level(decoded.samples, 48_000)[0] == pytest.approx(make.pitch_hz, abs=0.5)


def _as_written(noise: np.ndarray[Any, Any], bits: int, codec: str) -> np.ndarray[Any, Any]:
    if codec.startswith("pcm_f"):
        return (noise / 2.0 ** (bits - 1)).astype(np.float32)
    if bits == 8:
        return noise + 128
    return noise << 8 if bits == 24 else noise
