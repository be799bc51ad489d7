"""Parts of long recordings, decoded from the points that a pass over them has noted, are what that pass gave."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np
import pytest

from phonoscope.audio import stretch
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.framing import AtRate
from phonoscope.audio.points import SeekPoints
from phonoscope.audio.samples import Block, stereo
from phonoscope.audio.stretch import StoredRecording
from phonoscope.errors import UndecodableRecording
from tests.unit.audio.maker import Format, Maker
from tests.unit.audio.stamps import paused, restamped

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ, LASTS_S = 8_000, 1_000.0
LEVEL = 4
COLUMN = 4**LEVEL
QUICK = {"frame_duration": "60", "compression_level": "0"}
MATROSKA = Format("matroska", "", "matroska", "audio/matroska", rate_hz=RATE_HZ)
MORE: dict[str, dict[str, Any]] = {
    "webm": {"codec_options": QUICK},
    "webm-live": {"codec_options": QUICK},
    "opus": {"codec_options": QUICK},
    "mkv-ac3": {"rate_hz": 32_000},
    **{name: {"codec_options": {"aac_coder": "fast"}} for name in ("m4a", "adts", "mkv-aac")},
}
KINDS = Maker.formats | {
    f"mkv-{name}": replace(MATROSKA, codec=codec)
    for name, codec in (("aac", "aac"), ("pcm", "pcm_s16le"), ("mp3", "libmp3lame"), ("ac3", "ac3"))
}


class Pass(NamedTuple):
    """What one pass over a recording gives.

    Args:
        late: all channels of its last tenth.
        heard: left and right of each second, by where it begins.
    """

    container: str
    rate_hz: int
    mono: NDArray[np.float32]
    late: NDArray[np.float32]
    heard: dict[int, NDArray[np.float32]]
    points: SeekPoints | None


def one_pass(data: bytes, skipped: int, seconds: tuple[int, ...] = (), rate_hz: int = RATE_HZ) -> Pass:
    """As ``describe`` counts the samples.

    Args:
        skipped: how many are before ``late``.
        seconds: where those of ``heard`` begin.
    """
    downmix, at_rate, late_at_rate = MonoDownmix(), AtRate(), AtRate(start=skipped)
    parts: list[NDArray[np.float32]] = []
    late: list[NDArray[np.float32]] = []
    heard_at_rate = {start: AtRate(start=start, stop=start + rate_hz) for start in seconds}
    heard: dict[int, list[NDArray[np.float32]]] = {start: [np.zeros((2, 0), np.float32)] for start in seconds}
    with ConfinedRecording(io.BytesIO(data), "owner", 0, noted=True) as recording:
        for block in recording.blocks():
            late += late_at_rate(block.samples, block.sample_rate_hz)
            both = stereo(block)
            for start, each in heard_at_rate.items():
                heard[start] += each(both, block.sample_rate_hz)
            for mixed in downmix(block):
                parts += at_rate(*mixed)
        for mixed in downmix.flush():
            parts += at_rate(*mixed)
    joined = {start: np.concatenate(each, axis=1) for start, each in heard.items()}
    mono, channels = np.concatenate(parts), np.concatenate(late, axis=1)
    return Pass(recording.container, at_rate.rate_hz, mono, channels, joined, recording.points)


def sound(seed: int, rate_hz: int = RATE_HZ, seconds: float = LASTS_S, channels: int = 1) -> NDArray[np.int16]:
    """Noise of which every moment differs. Shape ``(channels, samples)``."""
    return np.random.default_rng(seed).integers(-6_000, 6_000, (channels, round(seconds * rate_hz)), np.int16)


def recorded(make: Maker, name: str, seed: int = 1, seconds: float = LASTS_S, **changes: Any) -> bytes:
    kind, more = KINDS[name], {"rate_hz": RATE_HZ, **MORE.get(name, {}), **changes}
    samples = sound(seed, more["rate_hz"], seconds, kind.channels) / 32_768.0
    return make.encode(kind, samples, at_once=2_048 if kind.codec.startswith("pcm_") else 0, **more)


def check(make: Maker, data: bytes, *more_s: float) -> SeekPoints:
    """Compares samples near the start, after a quarter of an hour, and at the end; sound; and columns. All are equal.

    Args:
        more_s: further times at which samples are compared.
    """
    rate_hz = make.examine(data).sample_rate_hz
    skipped = round(0.9 * LASTS_S * rate_hz) // COLUMN * COLUMN
    seconds = tuple(round(start_s * rate_hz) for start_s in (3.0, 45.3, 500.0, 901.0, 971.0, *more_s))
    last = round((LASTS_S - 0.5) * rate_hz)
    found = one_pass(data, skipped, (*seconds, last), rate_hz)
    assert (found.rate_hz, len(found.mono)) == (rate_hz, skipped + found.late.shape[1])
    assert found.points is not None
    assert SeekPoints.unpack(found.points.pack()) == found.points
    recording = StoredRecording(
        io.BytesIO(data), "owner", 0, rate_hz, len(found.mono), len(found.late), False, 0, found.points
    )
    for start in seconds:
        got = recording.stretch(start, start + rate_hz).mono
        np.testing.assert_array_equal(got, found.mono[start : start + rate_hz])
    for start, both in found.heard.items():
        np.testing.assert_array_equal(np.concatenate([*recording.sound(start, start + rate_hz)], axis=1), both)
    end = len(found.mono)
    np.testing.assert_array_equal(recording.stretch(end - rate_hz, end + rate_hz).mono, found.mono[-rate_hz:])
    late = make.wav(found.late.T.tobytes(), tag=3, channels=len(found.late), rate_hz=rate_hz, bits=32)
    for first in (100, found.late.shape[1] // COLUMN - 50):
        wanted = of_wav(late, found).columns(LEVEL, first, first + 51)
        before = skipped // COLUMN
        got_columns = recording.columns(LEVEL, before + first, before + first + 51)
        np.testing.assert_array_equal(got_columns, wanted)
    return found.points


def stored(data: bytes, found: Pass, **changes: Any) -> StoredRecording:
    """What the pass has found, decoded by its points alone."""
    facts = StoredRecording(
        io.BytesIO(data), "owner", 0, found.rate_hz, len(found.mono), 1, False, 0, points=found.points
    )
    return replace(facts, **changes)


def of_wav(data: bytes, found: Pass) -> StoredRecording:
    channels, samples = found.late.shape
    return StoredRecording(io.BytesIO(data), "owner", 0, found.rate_hz, samples, channels, True, 0)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("webm", "webm-live", "webm-vorbis", "mkv-aac", "mkv-flac", "mkv-pcm", "mkv-mp3", "mkv-ac3"),
        *("mp3", "adts", "opus", "flac", "m4a", "alac", "caf-alac", "tta"),
    ],
)
def test_any_part_of_any_container(make: Maker, name: str) -> None:
    check(make, recorded(make, name))


def damaged(data: bytes, *places: float) -> bytes:
    """The same with forty bytes of noise at these shares of it."""
    found = bytearray(data)
    for place in places:
        at = round(place * len(data))
        found[at : at + 40] = np.random.default_rng(at).bytes(40)
    return bytes(found)


@pytest.mark.long
@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-vorbis", "m4a", "webm", "mkv-flac"])
def test_any_part_of_what_is_damaged(make: Maker, name: str) -> None:
    """A few packets are lost, as they were when it was measured."""
    check(make, damaged(recorded(make, name), 0.31, 0.5, 0.903, 0.9031, 0.98))


@pytest.mark.long
@pytest.mark.parametrize("name", ["mp3", "ogg-flac", "flac", "mkv-flac", "au"])
def test_any_part_of_joined_recordings(make: Maker, name: str) -> None:
    """Each of other sound; also where one ends and the next begins."""
    pieces = [recorded(make, name, seed, seconds) for seed, seconds in enumerate((499.3, 3.2, 401.0, 96.5))]
    check(make, b"".join(pieces), 498.9, 499.5, 502.3, 903.2)


def test_any_part_after_what_a_header_leaves_out(make: Maker) -> None:
    """The first of joined MP3s has padding at its end, by a count of its frames, which only counts from the start."""
    first = recorded(make, "mp3", 1, 600.0)
    with av.open(io.BytesIO(first), "r") as opened:
        audio = next(packet.pos for packet in opened.demux(audio=0))
    at = first.index(b"Info", 0, audio) + 7
    without_size = bytes([first[at] & ~2]) + first[at + 1 : at + 5] + first[at + 9 : audio] + bytes(4)
    data = first[:at] + without_size + first[audio:] + recorded(make, "mp3", 2, 399.7)
    points = check(make, data, 599.0, 599.5, 600.0)
    assert sum(point.apart for point in points.points) == 2


@pytest.mark.parametrize("muxer", ["matroska", "mp4"])
def test_any_part_after_gaps(make: Maker, muxer: str) -> None:
    """Time stamps leave two gaps out, and the second is longer than the distance of points."""
    once = restamped(recorded(make, "m4a", seconds=940.0), muxer, paused(120.0, 123.456))
    check(make, restamped(once, muxer, paused(700.0, 760.0)))


def test_any_part_where_rate_and_channels_change(make: Maker) -> None:
    """Positions count at the first rate, and hops of the mix to mono from where channels or rate change."""
    kinds = ((8_000, 1, 450.3), (11_025, 2, 5.1), (16_000, 2, 402.0), (8_000, 2, 150.0))
    pieces = [
        make.encode(KINDS["flac"], sound(each, rate_hz, seconds, channels) / 32_768.0, rate_hz=rate_hz)
        for each, (rate_hz, channels, seconds) in enumerate(kinds)
    ]
    points = check(make, b"".join(pieces), 449.8, 452.7, 455.0, 700.1, 856.9, 858.2)
    assert {point.channels for point in points.points} == {1, 2}
    assert sum(point.apart for point in points.points) == 4


def joined(make: Maker, *sounds: tuple[int, NDArray[Any]]) -> bytes:
    """FLAC of sounds, each with its rate."""
    return b"".join(make.encode(KINDS["flac"], each, rate_hz=rate_hz) for rate_hz, each in sounds)


def nearly_cancelling(seconds: float, loud: slice) -> NDArray[np.float64]:
    """Channels that are mixed otherwise for 20 s around where they are loud, since there they cancel."""
    left, other = np.random.default_rng(1).standard_normal((2, round(seconds * RATE_HZ))) / 100.0
    right = (0.9 * other - 0.35 * left) / 3.0
    left[loud] *= 20.0
    right[loud] = -left[loud]
    return np.stack([left, right])


@pytest.mark.parametrize(("rate_hz", "channels"), [(96_000, 8), (384_000, 2)])
def test_a_part_is_mixed_by_all_that_its_own_channels_depend_on(make: Maker, rate_hz: int, channels: int) -> None:
    """Of many channels, and of a high rate, that is less, as the recording's first sound has."""
    both = nearly_cancelling(42.0, slice(14 * RATE_HZ, 18 * RATE_HZ))
    data = joined(make, (rate_hz, sound(1, rate_hz, 1.0, channels) / 32_768.0), (RATE_HZ, both))
    start, stop = (round(edge_s * rate_hz) for edge_s in (37.0, 37.1))
    found = one_pass(data, stop, (start,), rate_hz)
    assert found.rate_hz == rate_hz
    recording = stored(data, found)
    plain = found.heard[start].mean(axis=0)[: stop - start]
    assert np.abs(found.mono[start:stop] - plain).max() > 0.001, "it is mixed otherwise"
    np.testing.assert_array_equal(recording.stretch(start, stop).mono, found.mono[start:stop])
    np.testing.assert_array_equal(
        np.concatenate([*recording.sound(start, start + rate_hz)], axis=1), found.heard[start]
    )


def test_sound_over_joins_and_past_the_end(make: Maker) -> None:
    """One piece after the other; there is none after the end."""
    rates_hz = (16_000, 8_000, 11_025)
    data = joined(make, *((rate, sound(rate, rate, 0.5, 1 + rate % 2) / 32_768.0) for rate in rates_hz))
    found = one_pass(data, 20_000, (0, 12_000), 16_000)
    recording = stored(data, found)
    for start, both in found.heard.items():
        np.testing.assert_array_equal(np.concatenate([*recording.sound(start, start + 16_000)], axis=1), both)
    assert found.heard[12_000].shape == (2, len(found.mono) - 12_000)
    assert not [*recording.sound(len(found.mono), len(found.mono) + 100)]


def test_a_low_rate_takes_little_memory(make: Maker) -> None:
    """A few bytes of a file can be hours at the rate of what they are joined to."""
    data = joined(make, (48_000, sound(1, 48_000, 0.5) / 32_768.0), (10, sound(2, 10, 400.0) / 32_768.0))
    with ConfinedRecording(io.BytesIO(data), "owner", 0, noted=True) as recording:
        values = np.concatenate([block.samples[0] for block in recording.blocks()])[24_000:]
    samples, start = 24_000 + 400 * 48_000, 24_000 + 300 * 48_000
    part = StoredRecording(io.BytesIO(data), "owner", 0, 48_000, samples, 1, False, 0, recording.points)
    tracemalloc.start()
    mono, both = part.stretch(start, start + 9_600).mono, [*part.sound(start, start + 9_600)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(mono, np.repeat(values[3_000:3_002], 4_800))
    np.testing.assert_array_equal(np.concatenate(both, axis=1)[0], mono)
    assert peak < 32 << 20


def test_a_part_of_too_many_joined_recordings(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would be opened; a part of fewer is decoded."""
    monkeypatch.setattr(stretch, "_MOST_RUNS", 3)
    data = joined(make, *((RATE_HZ, sound(each, RATE_HZ, 0.1) / 32_768.0) for each in range(6)))
    found = one_pass(data, 0)
    recording = stored(data, found)
    np.testing.assert_array_equal(recording.stretch(900, 3_100).mono, found.mono[900:3_100])
    with pytest.raises(UndecodableRecording, match="joined"):
        recording.stretch(900, 4_100)


def test_what_was_opened_is_closed_after_an_error(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the second of joined recordings, while the error is still held."""
    opened: list[ConfinedRecording] = []
    closed: list[ConfinedRecording] = []

    class Counted(ConfinedRecording):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            opened.append(self)

        def __exit__(self, *_: object) -> None:
            super().__exit__()
            closed.append(self)

    class Failing(MonoDownmix):
        def __call__(self, block: Block) -> Any:
            if len(opened) > 1:
                raise LookupError
            return super().__call__(block)

    data = joined(make, *((RATE_HZ, sound(each, RATE_HZ, 0.1) / 32_768.0) for each in range(2)))
    recording = stored(data, one_pass(data, 0))
    monkeypatch.setattr(stretch, "ConfinedRecording", Counted)
    monkeypatch.setattr(stretch, "MonoDownmix", Failing)
    with pytest.raises(LookupError) as held:
        recording.stretch(0, 1_600)
    assert len(opened) == 2
    assert all(each in closed for each in opened), held


def test_points_are_noted_for_who_asks(make: Maker) -> None:
    """In Matroska noting reads more of the file."""
    data = recorded(make, "mkv-flac", seconds=2.0)
    for noted in (False, True):
        with ConfinedRecording(io.BytesIO(data), "owner", noted=noted) as recording:
            assert [*recording.blocks()]
        assert (recording.points is not None) == noted


def test_a_point_whose_packet_is_not_there(make: Maker) -> None:
    """Another way is gone where there is one; else it is said."""
    for name in ("flac", "mkv-flac"):
        data = recorded(make, name, seconds=40.0)
        found = one_pass(data, 0)
        assert found.points is not None
        other = [point._replace(found=point.found._replace(checksum=1)) for point in found.points.points]
        lost = replace(found.points, points=[found.points.points[0], *other[1:]])
        part = StoredRecording(io.BytesIO(data), "owner", 0, RATE_HZ, 40 * RATE_HZ, 1, name == "flac", 0, lost)
        start, stop = 30 * RATE_HZ, 31 * RATE_HZ
        if name == "flac":
            np.testing.assert_array_equal(part.stretch(start, stop).mono, found.mono[start:stop])
        else:
            with pytest.raises(UndecodableRecording):
                part.stretch(start, stop)
