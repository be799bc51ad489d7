"""A recording that a child process decodes is the recording that this process would decode."""

from __future__ import annotations

import io
import os
import time
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from phonoscope.audio.confined import ConfinedRecording, _piece
from phonoscope.audio.decode import Recording
from phonoscope.errors import NoAudioStream, NotARecording, RecordingError, UndecodableRecording

if TYPE_CHECKING:
    from tests.unit.audio.maker import Format, Maker

HEAD = {"type": "<f4", "shape": [2, 3], "interleaved": False, "speakers": ["FL", "FR"], "sample_rate_hz": 8_000}


def test_every_format_gives_the_same(recording_format: Format, make: Maker) -> None:
    """Samples, blocks, format, duration and warnings are equal to the bit, mono and stereo."""
    data = make.encode(
        recording_format, make.tone(recording_format.rate_hz, 2.5, 2 if _is_wide(recording_format) else 1)
    )
    here, apart = Recording(io.BytesIO(data)), ConfinedRecording(io.BytesIO(data), "owner")
    _compare(here, apart, "mono", 22_050)
    here, apart = Recording(io.BytesIO(data)), ConfinedRecording(io.BytesIO(data), "owner")
    _compare(here, apart, "stereo", recording_format.rate_hz)


def _is_wide(kind: Format) -> bool:
    return kind.codec not in {"libopencore_amrnb", "adpcm_yamaha"}


def _compare(here: Recording, apart: ConfinedRecording, kind: str, rate_hz: int) -> None:
    with here, apart:
        assert (here.container, here.codec) == (apart.container, apart.codec)
        for one, other in zip(getattr(here, kind)(rate_hz), getattr(apart, kind)(rate_hz), strict=True):
            np.testing.assert_array_equal(one, other)
        assert here.decoded_s == apart.decoded_s
        assert here.warnings == apart.warnings


@pytest.mark.parametrize("channels", [3, 6, 8])
def test_many_channels(channels: int, make: Maker) -> None:
    """Blocks of every layout, packed or planar, come as the decoder gave them."""
    for name in ("wav-s16", "flac", "wav-f64"):
        data = make.recording(name, 1.5, channels)
        with Recording(io.BytesIO(data)) as here, ConfinedRecording(io.BytesIO(data), "owner") as apart:
            for one, other in zip(here.blocks(), apart.blocks(), strict=True):
                np.testing.assert_array_equal(one.channels, other.channels)
                assert (one.speakers, one.sample_rate_hz) == (other.speakers, other.sample_rate_hz)


def test_errors_and_warnings_travel(make: Maker) -> None:
    """What is no recording, or silent video, or damaged, is told as in this process."""
    cut = make.recording("flac", 3.0)[:-8_000]
    with ConfinedRecording(io.BytesIO(cut), "owner") as apart, Recording(io.BytesIO(cut)) as here:
        assert sum(len(block) for block in apart.mono(8_000)) == sum(len(block) for block in here.mono(8_000))
        assert apart.warnings == here.warnings != []
    with pytest.raises(NotARecording, match="text"):
        ConfinedRecording(io.BytesIO(b"only words " * 100), "owner")
    with pytest.raises(NoAudioStream):
        ConfinedRecording(io.BytesIO(make.video("mp4")), "owner")
    with pytest.raises(UndecodableRecording, match="no sample"):
        _all(ConfinedRecording(io.BytesIO(make.wav(b"")), "owner"))


def _all(recording: ConfinedRecording) -> None:
    with recording:
        for _ in recording.mono(8_000):
            pass


def test_a_reader_that_stops_leaves_nothing(make: Maker) -> None:
    """A pass that is left early ends its process and its descriptors; one that is slow is waited for."""
    data = make.recording("wav-s16", 30.0)
    with ConfinedRecording(io.BytesIO(data), "owner") as first:
        next(first.blocks())
    before = psutil.Process().num_fds()
    for _ in range(5):
        with ConfinedRecording(io.BytesIO(data), "owner") as recording:
            blocks = recording.blocks()
            next(blocks)
            time.sleep(0.05)
            assert len(list(islice(blocks, 3))) == 3
    assert psutil.Process().num_fds() == before


def test_many_at_once(make: Maker) -> None:
    """As many as a mix has stems, by turns: none waits for another's end."""
    data = make.recording("flac", 4.0)
    opened = [ConfinedRecording(io.BytesIO(data), "owner") for _ in range(8)]
    try:
        lengths = [
            sum(len(piece) for piece in pieces) for pieces in zip(*(one.mono(48_000) for one in opened), strict=True)
        ]
        assert sum(lengths) == 8 * 4 * 48_000
    finally:
        for one in opened:
            one.__exit__()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "|O"},
        {"type": ">f4"},
        {"shape": [2, 4]},
        {"shape": [-1, 3]},
        {"shape": [0, 0]},
        {"shape": [6]},
        {"speakers": ["FL", "FR", "FC"]},
        {"speakers": ["FL", "no speaker"]},
        {"speakers": 5},
        {"speakers": ["FL", "X" * 2_000]},
        {"sample_rate_hz": 0},
        {"sample_rate_hz": 1 << 40},
        {"sample_rate_hz": None},
        {"interleaved": None},
    ],
)
def test_a_servant_of_the_file_is_not_believed(change: dict[str, object]) -> None:
    """What no decoder gives is an error about the file, never one of this process."""
    body = np.zeros((2, 3), np.float32).tobytes()
    assert _piece(HEAD, body).channels.shape == (2, 3)
    with pytest.raises(RecordingError):
        _piece(HEAD | change, body)


def test_the_decoder_is_another_process(make: Maker) -> None:
    """The recording's bytes are parsed by no thread of this process."""
    with ConfinedRecording(io.BytesIO(make.recording("mp3")), "owner"):
        names = [" ".join(child.cmdline()) for child in psutil.Process(os.getpid()).children(recursive=True)]
    assert any("phonoscope.audio.stream:stream_samples" in name for name in names)
