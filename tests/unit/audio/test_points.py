"""Parts of long recordings, decoded from the points that a pass over them has noted, are what that pass gave."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np
import pytest

from phonoscope.audio.axis import AxisState, Clock
from phonoscope.audio.confined import ConfinedRecording, _points
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.framing import AtRate, Place
from phonoscope.audio.points import START, SeekPoint, SeekPoints
from phonoscope.audio.stretch import StoredRecording
from phonoscope.audio.tags import Span
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
    """

    container: str
    rate_hz: int
    mono: NDArray[np.float32]
    late: NDArray[np.float32]
    points: SeekPoints | None


def one_pass(data: bytes, skipped: int) -> Pass:
    """As ``describe`` counts the samples.

    Args:
        skipped: how many are before ``late``.
    """
    downmix, at_rate, all_at_rate = MonoDownmix(), AtRate(), AtRate()
    parts, late = [], []
    with ConfinedRecording(io.BytesIO(data), "owner", 0) as recording:
        for block in recording.blocks():
            samples = all_at_rate(block.samples, block.sample_rate_hz)
            if samples.shape[1] > skipped:
                late.append(samples[:, max(0, skipped) :])
            skipped -= samples.shape[1]
            parts += [at_rate(*mixed) for mixed in downmix(block)]
        parts += [at_rate(*mixed) for mixed in downmix.flush()]
    rate_hz, channels = at_rate.rate_hz, np.concatenate(late, axis=1)
    return Pass(recording.container, rate_hz, np.concatenate(parts), channels, recording.points)


def sound(seed: int, rate_hz: int = RATE_HZ, seconds: float = LASTS_S, channels: int = 1) -> NDArray[np.int16]:
    """Noise of which every moment differs. Shape ``(channels, samples)``."""
    return np.random.default_rng(seed).integers(-6_000, 6_000, (channels, round(seconds * rate_hz)), np.int16)


def recorded(make: Maker, name: str, seed: int = 1, seconds: float = LASTS_S, **changes: Any) -> bytes:
    kind, more = KINDS[name], {"rate_hz": RATE_HZ, **MORE.get(name, {}), **changes}
    samples = sound(seed, more["rate_hz"], seconds, kind.channels) / 32_768.0
    return make.encode(kind, samples, at_once=2_048 if kind.codec.startswith("pcm_") else 0, **more)


def check(make: Maker, data: bytes, *more_s: float) -> SeekPoints:
    """Compares samples near the start, after a quarter of an hour, and at the end; and columns. All are equal.

    Args:
        more_s: further times at which samples are compared.
    """
    rate_hz = make.examine(data).sample_rate_hz
    skipped = round(0.9 * LASTS_S * rate_hz) // COLUMN * COLUMN
    found = one_pass(data, skipped)
    assert (found.rate_hz, len(found.mono)) == (rate_hz, skipped + found.late.shape[1])
    assert found.points is not None
    assert SeekPoints.unpack(found.points.pack()) == found.points
    recording = StoredRecording(
        io.BytesIO(data), "owner", 0, rate_hz, len(found.mono), len(found.late), False, 0, found.points
    )
    for start_s in (3.0, 45.3, 500.0, 901.0, 971.0, *more_s):
        start = round(start_s * rate_hz)
        got = recording.stretch(start, start + rate_hz).mono
        np.testing.assert_array_equal(got, found.mono[start : start + rate_hz])
    end = len(found.mono)
    np.testing.assert_array_equal(recording.stretch(end - rate_hz, end + rate_hz).mono, found.mono[-rate_hz:])
    late = make.wav(found.late.T.tobytes(), tag=3, channels=len(found.late), rate_hz=rate_hz, bits=32)
    for first in (100, found.late.shape[1] // COLUMN - 50):
        wanted = of_wav(late, found).columns(LEVEL, first, first + 51)
        before = skipped // COLUMN
        got_columns = recording.columns(LEVEL, before + first, before + first + 51)
        np.testing.assert_array_equal(got_columns, wanted)
    return found.points


def of_wav(data: bytes, found: Pass) -> StoredRecording:
    channels, samples = found.late.shape
    return StoredRecording(io.BytesIO(data), "owner", 0, found.rate_hz, samples, channels, True, 0)


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


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-vorbis", "m4a", "webm", "mkv-flac"])
def test_any_part_of_what_is_damaged(make: Maker, name: str) -> None:
    """A few packets are lost, as they were when it was measured."""
    check(make, damaged(recorded(make, name), 0.31, 0.5, 0.903, 0.9031, 0.98))


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


def table() -> SeekPoints:
    clock, axis = Clock(0.5, latest_s=3.0), AxisState(1.0, True, True, 0.5, 0.0, 0.0, 0.0)
    first = SeekPoint(0, Place(0, 8_000, 0, 0), 1, True, START, Span(0, 9_999), clock, axis)
    return SeekPoints(500, [first, first._replace(given=400, place=Place(400, 8_000, 400, 400), apart=False)])


def test_a_table_is_kept() -> None:
    assert SeekPoints.unpack(table().pack()) == table()
    assert len(table().points[0].pack()) <= 255


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"PHONOWAV" + data[8:],
        lambda _: replace(table(), points=[]).pack(),
        lambda _: replace(table(), points=table().points[::-1]).pack(),
        lambda _: replace(table(), points=table().points[1:]).pack(),
        lambda _: replace(table(), given=399).pack(),
        lambda _: replace(table(), points=[table().points[0]._replace(place=Place(0, 0, 0, 0))]).pack(),
        lambda _: replace(table(), points=[table().points[0]._replace(channels=0)]).pack(),
        lambda _: replace(table(), points=[table().points[0]._replace(clock=Clock(float("inf")))]).pack(),
    ],
)
def test_what_is_no_table_is_refused(change: Callable[[bytes], bytes]) -> None:
    """It is the word of a process that has read a stranger's file."""
    data = change(table().pack())
    with pytest.raises(ValueError, match="point"):
        SeekPoints.unpack(data)
    with pytest.raises(UndecodableRecording):
        _points(data or b"x")
