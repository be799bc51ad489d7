"""Recordings lie on the time axis as a player plays them, whatever their container writes."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from av.audio.layout import AudioLayout

from phonoscope.audio import examine as examine_module
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.samples import Joined, blocks, silence
from phonoscope.audio.speakers import speakers_of
from tests.unit.audio.stamps import paused, restamped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.unit.audio.maker import Maker

LIVE = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "200000"}
PAUSED = [
    ("webm", "webm", {}),
    ("webm", "webm", {"live": "1"}),
    ("webm-vorbis", "webm", {}),
    ("opus", "ogg", {}),
    ("ogg-vorbis", "ogg", {}),
    ("flac", "matroska", {}),
    ("m4a", "mp4", {}),
    ("m4a", "mp4", LIVE),
    ("m4a", "flv", {}),
    ("adts", "mpegts", {}),
    ("mp3", "asf", {}),
    ("mp3", "mpeg", {}),
]
VIDEOS = [("webm", "webm"), ("m4a", "mp4"), ("flac", "matroska"), ("adts", "mpegts"), ("wma", "asf")]
WITHIN_S = 0.03
"""A codec's delay that its container does not state, and one step of the measurement."""


def _beeps(name: str, make: Maker) -> bytes:
    """Two seconds: half a second of tone, silence, half a second of tone, silence."""
    kind = make.formats[name]
    samples = make.tone(kind.rate_hz, 2.0, kind.channels)
    for start_s in (0.5, 1.5):
        samples[:, round(start_s * kind.rate_hz) : round((start_s + 0.5) * kind.rate_hz)] = 0.0
    return make.encode(kind, samples)


def _tones(samples: NDArray[np.float32], rate_hz: int = 16_000) -> list[float]:
    """Where tones of more than 0.3 s start, in seconds."""
    step = rate_hz // 200
    loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1) > 0.1
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    return [start / 200 for start, end in edges.reshape(-1, 2) if end - start > 60]


@pytest.mark.parametrize(("name", "muxer", "options"), PAUSED)
def test_a_pause_is_silence(
    name: str, muxer: str, options: dict[str, str], make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where time stamps jump there is silence, said with its bounds; probe and pass agree on length and words."""
    monkeypatch.setattr(examine_module, "_PROOF_S", 0.3)
    # An Ogg page has one time stamp, for its end: the second page starts at 1 s.
    from_s = 1.0 if muxer == "ogg" else 0.75
    data = restamped(_beeps(name, make), muxer, paused(from_s, from_s + 1.5), options=options)
    decoded, found = make.decode(data, 16_000), make.examine(data)
    assert _tones(decoded.samples) == pytest.approx([0.0, 2.5], abs=WITHIN_S)
    assert decoded.decoded_s == pytest.approx(3.5, abs=0.06)
    assert found.duration_s == pytest.approx(decoded.decoded_s, abs=0.01)
    assert found.warnings == decoded.warnings
    (warning,) = decoded.warnings
    told = re.fullmatch(r"no sound from (.*) to (.*) s, by the file's time stamps", warning)
    assert told
    assert [float(bound) for bound in told.groups()] == pytest.approx([from_s, from_s + 1.5], abs=0.11)


@pytest.mark.parametrize(("name", "muxer"), VIDEOS)
def test_a_video_whose_sound_starts_late(name: str, muxer: str, make: Maker) -> None:
    """Sound that starts after the picture does so on the axis."""
    data = restamped(_beeps(name, make), muxer, lambda at_s: at_s + 1.5, video_s=3.0)
    decoded = make.decode(data, 16_000)
    # The library's decoder leaves out one block of 43 ms more than its encoder of WMA puts before the sound.
    assert _tones(decoded.samples) == pytest.approx([1.5, 2.5], abs=0.05 if name == "wma" else WITHIN_S)
    assert make.examine(data).duration_s == pytest.approx(3.5, abs=0.06)
    assert decoded.warnings == make.examine(data).warnings
    assert decoded.warnings[0].startswith("no sound from 0.00 to 1.")


@pytest.mark.parametrize(("name", "muxer", "start_s"), [("webm", "webm", 4_000.0), ("adts", "mpegts", 1.4)])
def test_a_recording_cut_from_a_stream(name: str, muxer: str, start_s: float, make: Maker) -> None:
    """Time stamps that all start late, since the file was cut from a longer stream, start at zero."""
    data = restamped(_beeps(name, make), muxer, lambda at_s: at_s + start_s)
    decoded = make.decode(data, 16_000)
    assert _tones(decoded.samples) == pytest.approx([0.0, 1.0], abs=WITHIN_S)
    assert decoded.warnings == make.examine(data).warnings == []


@pytest.mark.parametrize(("name", "muxer"), [("webm", "webm"), ("opus", "ogg"), ("flac", "matroska")])
def test_a_pause_of_a_year_is_no_pause(name: str, muxer: str, make: Maker) -> None:
    """Time stamps of a year from now add no second, though the container says that it lasts so long."""
    decoded = make.decode(restamped(_beeps(name, make), muxer, paused(1.0, 3e7)), 16_000)
    assert _tones(decoded.samples) == pytest.approx([0.0, 1.0], abs=WITHIN_S)
    assert "time stamps that leap are not believed: 1" in decoded.warnings[-1]


@pytest.mark.parametrize(("name", "muxer"), [("m4a", "mp4"), ("webm", "webm"), ("m4a", "matroska")])
def test_time_stamps_that_stand_still(name: str, muxer: str, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time stamps hardly advance, as a broken writer leaves them, all sound is kept all the same."""
    monkeypatch.setattr(examine_module, "_PROOF_S", 0.3)
    data = restamped(_beeps(name, make), muxer, lambda at_s: at_s if at_s < 0.8 else 0.8 + (at_s - 0.8) / 300)
    decoded, found = make.decode(data, 16_000), make.examine(data)
    assert _tones(decoded.samples) == pytest.approx([0.0, 1.0], abs=WITHIN_S)
    assert decoded.decoded_s == pytest.approx(2.0, abs=0.06)
    assert found.duration_s == pytest.approx(decoded.decoded_s, abs=0.03)


def test_confined_recordings_have_the_gaps(make: Maker) -> None:
    """The process that decodes passes samples, warnings and gaps on."""
    data = restamped(_beeps("webm", make), "webm", paused(1.0, 2.5))
    with ConfinedRecording(io.BytesIO(data), "owner") as recording:
        samples = np.concatenate(list(recording.mono(16_000)))
    np.testing.assert_array_equal(samples, make.decode(data, 16_000).samples)
    assert recording.warnings == make.decode(data, 16_000).warnings
    ((start_s, end_s),) = recording.gaps
    assert (start_s, end_s) == pytest.approx((1.0, 2.5), abs=0.02)


def test_silence_of_unsigned_samples() -> None:
    """Gaps are silent in every sample type and channel; of unsigned samples the middle is."""
    for dtype in ("u1", "i2", "i4", "f4", "f8"):
        pieces = list(silence(20_000, Joined(np.zeros((6, 5), dtype), speakers_of(AudioLayout("5.1")), 8_000)))
        assert [piece.channels.shape[1] for piece in pieces] == [8_000, 8_000, 4_000]
        assert all(not block.samples.any() for block in blocks(pieces))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ogg-vorbis", {"rate_hz": 44_100}),
        ("opus", {"codec_options": {"application": "voip"}}),
        ("ogg-flac", {"rate_hz": 22_050}),
        ("ogg-flac", {"rate_hz": 96_000}),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_chained_ogg_of_other_kinds(name: str, changes: dict[str, Any], channels: int, make: Maker) -> None:
    """Links of another rate and other channels are read to their end, one after the other."""
    kind = make.formats[name]
    if kind.codec == "vorbis":
        channels = 2
    rate_hz = int(str(changes.get("rate_hz", kind.rate_hz)))
    second = make.encode(kind, make.tone(rate_hz, 1.0, channels), **changes)
    data = make.recording(name) + second + make.recording(name)
    decoded, found = make.decode(data, 16_000), make.examine(data)
    assert decoded.decoded_s == pytest.approx(3.0, abs=0.01)
    assert found.duration_s == pytest.approx(decoded.decoded_s, abs=0.005)
    assert found.warnings == decoded.warnings == []
    for second_s in range(3):
        part = decoded.samples[second_s * 16_000 + 1_000 : (second_s + 1) * 16_000 - 1_000]
        assert make.pitch_and_level(part, 16_000)[0] == pytest.approx(make.pitch_hz, abs=2.0)


def test_chained_ogg_of_other_codecs(make: Maker) -> None:
    """Opus, FLAC and Vorbis one after the other, as after a change of a station's encoder, are read to their end."""
    names = ("opus", "ogg-flac", "ogg-vorbis", "opus")
    data = b"".join(make.recording(name) for name in names)
    assert make.decode(data, 16_000).decoded_s == pytest.approx(4.0, abs=0.01)
    assert make.examine(data).duration_s == pytest.approx(4.0, abs=0.01)


def test_chained_ogg_that_is_cut_or_damaged(make: Maker) -> None:
    """A link that cannot be read is told, and those after it are read."""
    one = make.recording("opus")
    damaged = bytearray(one)
    damaged[28:36] = b"NoCodecX"
    decoded = make.decode(one + bytes(damaged) + one, 16_000)
    assert decoded.decoded_s == pytest.approx(2.0, abs=0.01)
    assert decoded.warnings
    longer = make.recording("opus", 4.0)
    cut = make.decode(one + longer[: len(longer) // 2], 16_000)
    assert 2.0 < cut.decoded_s < 4.0
    assert cut.warnings


@pytest.mark.parametrize("name", ["mp3", "mp3-no-xing", "adts", "ac3"])
def test_joined_files(name: str, make: Maker) -> None:
    """Files that were joined byte by byte are read to their end; tags and headers between them are no damage."""
    one = make.recording(name)
    decoded, found = make.decode(one + one, 16_000), make.examine(one + one)
    assert decoded.decoded_s == pytest.approx(2.0, abs=0.13)
    assert found.duration_s == pytest.approx(decoded.decoded_s, abs=0.001)
    assert found.warnings == decoded.warnings == []
