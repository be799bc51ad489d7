"""Labelled sets read from folders."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from phonoscope.errors import RecordingError
from phonoscope.ml.frontend import FrontEndSettings, LogMel
from phonoscope_training.data import Clips, load_esc, load_window
from tests.support import tone_wav

SETTINGS = FrontEndSettings(n_mels=32, window_s=0.5, window_hop_s=0.25)
ROWS = [
    ("1-a.wav", 1, "rain", 3_000.0),
    ("1-b.wav", 1, "cat", 300.0),
    ("2-a.wav", 2, "dog", 900.0),
    ("2-b.wav", 2, "cat", 310.0),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A made set in ESC's layout; one clip is shorter than a window, one longer, one at another rate."""
    (tmp_path / "audio").mkdir()
    with (tmp_path / "meta.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        writer.writerows((name, fold, 99, category) for name, fold, category, _ in ROWS)
    for (name, _, _, hertz), seconds, rate in zip(
        ROWS, (0.5, 0.2, 0.9, 0.5), (44_100, 44_100, 44_100, 16_000), strict=True
    ):
        (tmp_path / "audio" / name).write_bytes(tone_wav(seconds, hertz, rate))
    return tmp_path


@pytest.fixture
def clips(folder: Path) -> Clips:
    """The made set, read."""
    return load_esc(folder, SETTINGS)


def test_every_clip_is_read_with_its_label_and_fold(clips: Clips) -> None:
    """Labels are the categories in alphabetical order, whatever numbers the file gives them."""
    assert clips.labels == ["cat", "dog", "rain"]
    assert clips.targets.tolist() == [2, 0, 1, 0]
    assert clips.folds.tolist() == [1, 1, 2, 2]
    assert clips.pictures.shape == (4, 1, 32, 13)
    assert clips.pictures.dtype == torch.float32


def test_pictures_are_those_that_serving_would_make(folder: Path, clips: Clips) -> None:
    """The same decoder and the same front end: a picture is that of the clip's first window."""
    for (name, *_), picture in zip(ROWS, clips.pictures, strict=True):
        samples = load_window(folder / "audio" / name, SETTINGS)
        torch.testing.assert_close(LogMel(SETTINGS)(samples[None])[0], picture)


def test_a_window_has_one_length(folder: Path) -> None:
    """A short clip is padded with silence behind, a long one is cut."""
    short, long = (load_window(folder / "audio" / name, SETTINGS) for name in ("1-b.wav", "2-a.wav"))
    assert short.shape == long.shape == (22_050,)
    assert short[:8_000].abs().max() > 0.3
    assert not short[8_820:].any()
    assert long[-1_000:].abs().max() > 0.3


def test_a_part_keeps_rows_together(clips: Clips) -> None:
    """A choice of clips keeps each picture with its target and its fold."""
    part = clips.part(clips.folds == 2)
    assert part.targets.tolist() == [1, 0]
    assert part.folds.tolist() == [2, 2]
    assert part.labels == clips.labels
    torch.testing.assert_close(part.pictures, clips.pictures[2:])


def test_a_clip_that_is_not_there_stops_the_reading(folder: Path) -> None:
    """No clip is passed over in silence."""
    (folder / "audio" / "2-a.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"2-a\.wav"):
        load_esc(folder, SETTINGS)


def test_a_clip_that_is_no_recording_stops_the_reading(folder: Path) -> None:
    """Nor is one that cannot be decoded."""
    (folder / "audio" / "2-a.wav").write_bytes(b"this is text" * 100)
    with pytest.raises(RecordingError):
        load_esc(folder, SETTINGS)
