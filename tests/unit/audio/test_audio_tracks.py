"""Which of several audio tracks is read, and that it is read whole."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.decode import Recording
from phonoscope.errors import NoSuchAudioTrack
from tests.integration.test_audio_tracks import RATE_HZ, several

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.audio.maker import Maker

FAINT = 5e-5


@pytest.mark.parametrize(
    ("levels", "read"),
    [((0.5, 0.25), 1), ((0.5, 0.0), 0), ((0.5, FAINT, 0.25), 0), ((0.0, 0.0, 0.25), 2), ((0.0, 0.0), 1), ((0.0,), 0)],
)
def test_the_default_is_read_unless_it_is_silent(levels: tuple[float, ...], read: int, make: Maker) -> None:
    """Then the first one with sound, which is said; where all are silent it is the default after all."""
    found = make.examine(several(*levels))
    assert found.audio_track == read
    passed_over = read != min(1, len(levels) - 1)
    assert found.warnings == (
        [f"audio track 1 is silent where it begins; audio track {read} is read"] if passed_over else []
    )


@pytest.mark.parametrize("seconds", [0.01, 1.0, 70.0])
def test_a_look_takes_nothing_away(seconds: float, make: Maker) -> None:
    """After it the recording is read from its start, to its end."""
    decoded = make.decode(several(0.5, 0.0, seconds=seconds), RATE_HZ)
    expected = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    np.testing.assert_allclose(decoded.samples, expected, atol=1e-4)


def test_a_look_ends_after_a_minute(make: Maker) -> None:
    """What comes later does not count: 61 seconds of silence are silent."""
    late = several(0.0, 0.5, seconds=0.2)
    assert make.examine(late).audio_track == 1
    assert make.examine(several(0.0, 0.0, 0.25, seconds=61.0)).audio_track == 2


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_sandbox_reads_the_audio_track_that_is_named(index: int) -> None:
    """The same as outside of it, silent or not."""
    data = several(0.5, 0.25, 0.0)
    with Recording(io.BytesIO(data), index) as here, ConfinedRecording(io.BytesIO(data), "owner", index) as apart:
        samples = np.concatenate([*here.mono(RATE_HZ)])
        np.testing.assert_array_equal(samples, np.concatenate([*apart.mono(RATE_HZ)]))
    assert np.abs(samples).max() == pytest.approx([0.5, 0.25, 0.0][index], abs=1e-3)


def test_there_is_no_such_audio_track() -> None:
    """It is said, with the last one there is."""
    with pytest.raises(NoSuchAudioTrack, match="the last one of the file is 1"):
        Recording(io.BytesIO(several(0.5, 0.25)), 2)


def test_a_file_of_stems_says_how_many(data: Path, make: Maker) -> None:
    """The stems of a real ``.stem.mp4`` differ; the mix at its start is the default."""
    path = min((data / "musdb7s").glob("*.stem.mp4"), key=lambda each: each.stat().st_size)
    content = path.read_bytes()
    found = make.examine(content)
    assert [track.index for track in found.audio_tracks] == [*range(len(found.audio_tracks))]
    assert len(found.audio_tracks) in {4, 5}
    assert found.audio_track == 0
    peaks = set()
    for track in found.audio_tracks:
        with Recording(io.BytesIO(content), track.index) as recording:
            peaks.add(float(np.abs(np.concatenate([*recording.mono(RATE_HZ)])).max()))
    assert len(peaks) == len(found.audio_tracks)
