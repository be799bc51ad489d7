"""Parts of recordings, decoded without what is before them, are what decoding from the start gives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from phonoscope.audio.mel_power import WINDOWS
from phonoscope.audio.partial_file import MOST_PARTS, PART_BYTES, PartialFile
from phonoscope.audio.probe import Probe
from phonoscope.audio.pyramid import spectrogram_finest
from phonoscope.audio.spectrogram import LOWEST_DBFS, STEP_DB
from phonoscope.audio.stretch import StoredRecording, leads_anywhere
from phonoscope.errors import UndecodableRecording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.unit.audio.maker import Format, Maker

RATE_HZ = 8_000
FROM_START = {"matroska", "webm", "asf", "rm", "nut", "wtv", "ac3", "eac3", "spdif", "loas", "amr"}
FROM_START |= {"voc", "ircam", "sox", "mmf", "adx", "ast"}
"""Containers without an index of samples, or whose own is coarse."""


def chirp(rate_hz: int, seconds: float, channels: int = 1) -> NDArray[np.float64]:
    """A tone that rises, so that every moment differs from every other. Shape ``(channels, samples)``."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * (200.0 * time_s + 60.0 * time_s**2)), (channels, 1))


def stored(data: bytes, probe: Probe, **changes: Any) -> StoredRecording:
    """The recording in a file, of which parts are fetched."""
    found = StoredRecording(
        partial(data),
        "owner",
        probe.audio_track,
        probe.sample_rate_hz,
        round(probe.duration_s * probe.sample_rate_hz),
        probe.channels,
        leads_anywhere(probe.container, probe.codec, probe.warnings),
        0,
    )
    return replace(found, **changes)


def partial(data: bytes) -> PartialFile:
    return _opened.enter_context(PartialFile(len(data), lambda offset, size: data[offset : offset + size]))


_opened = ExitStack()


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with _opened:
        yield


def from_start(data: bytes, probe: Probe) -> StoredRecording:
    return stored(data, probe, leads_anywhere=False, most_before=1 << 40, file=io.BytesIO(data))


def test_a_part_is_what_it_is_from_the_start(recording_format: Format, make: Maker) -> None:
    """What is drawn and heard of it, in every format that leads to it; of others it is refused far from the start."""
    data = make.encode(recording_format, chirp(recording_format.rate_hz, 3.5, recording_format.channels))
    probe = make.examine(data)
    leads = probe.container not in FROM_START and (probe.container, probe.codec) != ("caf", "alac")
    assert leads_anywhere(probe.container, probe.codec, probe.warnings) == leads
    rate_hz, whole, part = probe.sample_rate_hz, from_start(data, probe), stored(data, probe)
    start, stop = 5 * rate_hz // 2, 3 * rate_hz
    if not leads:
        with pytest.raises(UndecodableRecording, match="near its start"):
            part.columns(0, start, start + 1)
        return
    assert part.stretch(start, stop).mono == pytest.approx(whole.stretch(start, stop).mono, abs=2e-3)
    heard, wanted_sound = (np.concatenate([*each.sound(start, stop)], axis=1) for each in (part, whole))
    assert heard == pytest.approx(wanted_sound, abs=2e-3)
    assert heard.shape == (2, stop - start)
    level = spectrogram_finest(rate_hz, 1) - 2
    first = start // 4**level
    wanted, found = (each.columns(level, first, first + 64).astype(int) for each in (whole, part))
    assert found.shape == wanted.shape == (64, 128)
    assert np.abs(found - wanted)[wanted > 120].max() <= 2


def test_channels_that_cancel_are_mixed_as_from_the_start(make: Maker) -> None:
    """What the mix of a part depends on is before and after it, and counted in hops from the recording's start."""
    both = chirp(RATE_HZ, 75.0, 2)
    both[1, 33 * RATE_HZ : 41 * RATE_HZ] *= -1.0
    both[1, 60 * RATE_HZ : 61 * RATE_HZ] *= -0.8
    data = make.encode(make.formats["wav-s16"], both, rate_hz=RATE_HZ)
    probe = make.examine(data)
    whole = from_start(data, probe)
    for start_s, stop_s in ((32.9, 34.2), (40.3, 42.0), (59.0, 62.0), (70.0, 90.0)):
        start, stop = (round(edge * RATE_HZ) for edge in (start_s, stop_s))
        found = stored(data, probe).stretch(start, stop)
        assert np.array_equal(found.mono, whole.stretch(start, stop).mono), start_s
        assert len(found.mono) == min(stop, 75 * RATE_HZ) - start


def loud_db(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The level of all bands of each column, in dBFS. Shape: ``(columns, bands)`` to ``(columns,)``."""
    power: NDArray[np.float64] = 10.0 ** ((LOWEST_DBFS + STEP_DB * levels.astype(float)) / 10.0)
    total: NDArray[np.float64] = 10.0 * np.log10(power.sum(axis=1))
    return total


@pytest.mark.parametrize("level", [3, 4, 5, 6])
def test_a_window_of_a_chosen_length_tells_pitches_or_moments_apart(make: Maker, level: int) -> None:
    """The longer it is, the fewer bands a tone is in and the more columns a click; a tone stays as loud."""
    rate_hz, column = 44_100, 4**level
    time_s = np.arange(4 * rate_hz) / rate_hz
    sound = 0.1 * np.sin(2 * np.pi * 440.0 * time_s)
    sound[2 * rate_hz] = 0.9
    data = make.encode(make.formats["wav-s16"], sound[None], rate_hz=rate_hz)
    part = stored(data, make.examine(data))
    first, click = rate_hz // 2 // column, 2 * rate_hz // column
    bands, columns = [], []
    for window in WINDOWS:
        tone = part.columns(level, first, first + 8, window)
        assert loud_db(tone) == pytest.approx(20 * np.log10(0.1), abs=0.5)
        bands.append(int((tone[4] > tone[4].max() - 80).sum()))
        around = 2 * WINDOWS[-1] // column + 4
        high = loud_db(part.columns(level, click - around, click + around, window)[:, 100:])
        columns.append(int((high > high.max() - 20.0).sum()))
    assert bands == sorted(bands, reverse=True)
    assert bands[0] > 2 * bands[-1]
    assert columns == sorted(columns)
    if column < WINDOWS[0]:
        assert columns[-1] > 4 * columns[0]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("level", [2, 5, 6])
def test_parts_with_a_chosen_window_join(make: Maker, level: int, window: int) -> None:
    """Two tiles are what one of both is, at the recording's start and within it; and what is decoded from the start."""
    data = make.encode(make.formats["wav-s16"], chirp(RATE_HZ, 6.0, 2), rate_hz=RATE_HZ)
    probe = make.examine(data)
    part, whole = stored(data, probe), from_start(data, probe)
    last = 6 * RATE_HZ // 4**level
    for start in (0, last // 2):
        middle, stop = start + (last // 2) // 3, start + last // 2
        both = [part.columns(level, start, middle, window), part.columns(level, middle, stop, window)]
        joined = whole.columns(level, start, stop, window)
        assert joined.shape == (stop - start, 128)
        assert np.abs(np.concatenate(both).astype(int) - joined)[joined > 60].max() <= 1


@pytest.mark.parametrize("name", ["wav-s16", "flac", "m4a"])
def test_only_what_is_needed_is_fetched(name: str, make: Maker) -> None:
    """Of a long recording the head, an index, and what is around the part."""
    kind = make.formats[name]
    seconds = 600 if name == "m4a" else 200
    noise = 0.1 * np.random.default_rng(1).standard_normal((1, seconds * 16_000))
    data = make.encode(kind, noise, rate_hz=16_000)
    probe = make.examine(data)
    part = stored(data, probe)
    assert isinstance(part.file, PartialFile)
    assert part.stretch(150 * 16_000, 151 * 16_000).mono.std() > 0.05
    assert part.file.fetched_bytes < len(data) / 3 + 1_000_000
    assert part.file.fetched_bytes < len(data)


def test_joined_recordings_are_read_from_the_start(make: Maker) -> None:
    """An index leads through the first one alone; what is after it must not be taken for another moment."""
    data = make.encode(make.formats["flac"], chirp(RATE_HZ, 4.0), rate_hz=RATE_HZ)
    twice = data + make.encode(make.formats["flac"], 0.5 * chirp(RATE_HZ, 4.0), rate_hz=RATE_HZ)
    probe = make.examine(twice)
    assert probe.duration_s == pytest.approx(8.0, abs=0.01)
    part = stored(twice, probe, most_before=8 * RATE_HZ)
    found = part.stretch(7 * RATE_HZ, 8 * RATE_HZ).mono
    assert np.abs(found).max() == pytest.approx(0.25, abs=0.01)
    with pytest.raises(UndecodableRecording, match="near its start"):
        stored(twice, probe).stretch(7 * RATE_HZ, 8 * RATE_HZ)


@pytest.mark.parametrize("part", [[0, 0], [-1, 5], [0, 101], [90, 11], [1.5, 2], ["0", 5], None, [1], {"a": 1}])
def test_a_process_cannot_fetch_what_is_not_there(part: Any) -> None:
    """It may be the file's servant: what it asks for is checked, and nothing is fetched."""
    file = partial(b"x" * 100)
    with pytest.raises(UndecodableRecording):
        file.fetch(part)
    assert file.fetched_bytes == 0


@pytest.mark.parametrize(
    "asked", [[1, PART_BYTES], [0, PART_BYTES - 1], [PART_BYTES, 1], [0, (MOST_PARTS + 1) * PART_BYTES]]
)
def test_a_process_fetches_whole_parts_and_few_at_once(asked: list[int]) -> None:
    """Else it had the store asked for single bytes, or for all of a long recording at once."""
    file = partial(bytes((MOST_PARTS + 1) * PART_BYTES + 1))
    with pytest.raises(UndecodableRecording):
        file.fetch(asked)
    assert file.fetched_bytes == 0
    last = (MOST_PARTS + 1) * PART_BYTES
    assert [*file.fetch([0, MOST_PARTS * PART_BYTES])] == [*range(MOST_PARTS)]
    assert [*file.fetch([last, 1])] == [MOST_PARTS + 1]


def test_what_cannot_be_fetched_ends_the_reading(make: Maker) -> None:
    """The store's own error comes through, and the next recording is read."""
    data = make.recording("wav-s16", 2.0)
    probe = make.examine(data)

    def fail(offset: int, size: int) -> bytes:
        raise LookupError((offset, size))

    with PartialFile(len(data), fail) as file, pytest.raises(LookupError):
        stored(data, probe, file=file).stretch(0, 100)
    assert len(stored(data, probe).stretch(0, 100).mono) == 100
