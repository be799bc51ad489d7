"""What must hold of every recording the demo is given."""

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording


def test_every_run_writes_the_same_files(script: ModuleType, made: Path, tmp_path: Path) -> None:
    """Not one byte depends on the run, so that a service that knows a recording knows it again.

    Missing folders are made, the song's path comes first, and each file written is among the paths returned.
    """
    folder = tmp_path / "new" / "folder"
    paths = script.make_all(folder)
    assert paths[0] == folder / "song.flac"
    assert sorted(paths) == sorted(folder.rglob("*.*"))
    assert {path.relative_to(folder) for path in paths} == {path.relative_to(made) for path in made.rglob("*.*")}
    for path in paths:
        assert path.read_bytes() == (made / path.relative_to(folder)).read_bytes(), path.name


def test_they_decode_cleanly(made: Path) -> None:
    """Rate, channels and duration are the stated ones in every format, and nothing is damaged."""
    for path in sorted(made.rglob("*.*")):
        with path.open("rb") as file, Recording(file) as recording:
            stereo = path.name == "song.flac" or path.parent.name == "stems" or path.suffix == ".ogg"
            assert recording.channels == (2 if stereo else 1), path.name
            assert recording.sample_rate_hz == (48_000 if path.suffix == ".opus" else 44_100), path.name
            seconds = sum(len(block) for block in recording.mono(44_100)) / 44_100
            assert not recording.warnings, path.name
        expected = 30.0 if path.stem == "day" else 23.83 if path.suffix == ".flac" and stereo else 5.0
        assert seconds == pytest.approx(expected, abs=0.12), path.name


def test_many_formats_are_among_them(made: Path) -> None:
    """The demo shows the decoder at work, so six formats are there."""
    assert {path.suffix for path in made.iterdir() if path.suffix} == {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a"}


def test_none_clips_and_none_is_silent(heard: dict[str, NDArray[np.float32]]) -> None:
    """Samples are finite, never at full scale, and every recording can be heard."""
    for name, samples in heard.items():
        assert np.isfinite(samples).all(), name
        assert 0.1 < np.abs(samples).max() < 0.999, name


def test_every_clip_has_its_label(script: ModuleType, made: Path) -> None:
    """Each environmental recording, and nothing else, is labelled with one of the ten words."""
    clips = {path.name for path in made.iterdir() if path.is_file()} - {"song.flac", "day.opus"}
    assert set(script.LABELS) == clips
    assert len(set(script.LABELS.values())) == 10


def test_coding_keeps_the_sound(script: ModuleType, heard: dict[str, NDArray[np.float32]]) -> None:
    """A lossy file still holds the sound that was made: its short-time levels follow the samples within 3 dB."""
    for clip in script.CLIPS:
        made, decoded = clip.samples(), heard[clip.file]
        wanted, found = _levels_db(clip.peak * made / np.abs(made).max()), _levels_db(decoded)
        loud = wanted > wanted.max() - 30
        frames = min(len(wanted), len(found))
        difference = np.abs(wanted[:frames] - found[:frames])[loud[:frames]]
        assert np.median(difference) < 3.0, clip.file


def test_the_day_changes(script: ModuleType, heard: dict[str, NDArray[np.float32]]) -> None:
    """Each scene of the day is heard in its seconds, and between the scenes it is quiet."""
    samples = heard["day.opus"]
    _, scenes = script.day()
    assert len({scene.clip.label for scene in scenes}) == 5
    for scene, following in pairwise(scenes):
        sounding = _rms(samples, scene.start_s, scene.end_s)
        quiet = _rms(samples, scene.end_s + 0.1, following.start_s - 0.1)
        assert sounding > 10 * quiet, scene.clip.label


def _rms(samples: NDArray[np.float32], start_s: float, end_s: float) -> float:
    return float(np.sqrt(np.mean(samples[int(start_s * 44_100) : int(end_s * 44_100)] ** 2)))


def _levels_db(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    frames = samples[: len(samples) // 4_410 * 4_410].reshape(-1, 4_410).astype(np.float64)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))
