"""Labelled sets in every layout they come in."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from phonoscope_ml.frontends import DecibelSettings, LogMel
from phonoscope_training.data import Clips, load_clips, split_for_validation
from phonoscope_training.data.sources import folder_files, gtzan_files
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.recipe import DataSettings, Recipe
from tests.support import tone_wav

RECIPES = Path(__file__).parents[3] / "training" / "recipes"
SETTINGS = DecibelSettings(n_mels=32, window_s=0.5, window_hop_s=0.25)
ROWS = [
    ("1-17-A.wav", 1, "rain", 3_000.0, 0.5),
    ("1-b.wav", 1, "cat", 300.0, 0.2),
    ("2-a.wav", 2, "rain", 900.0, 1.0),
    ("2-b.wav", 2, "cat", 310.0, 0.5),
]
ESC = DataSettings(source="esc", path=Path("esc"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A made set in ESC's layout; one clip is shorter than a window, one longer."""
    (tmp_path / "esc" / "audio").mkdir(parents=True)
    with (tmp_path / "esc" / "meta.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category"])
        writer.writerows((name, fold, 99, category) for name, fold, category, _, _ in ROWS)
    for name, _, _, hertz, seconds in ROWS:
        (tmp_path / "esc" / "audio" / name).write_bytes(tone_wav(seconds, hertz))
    return tmp_path


@pytest.fixture
def clips(root: Path) -> Clips:
    """The made set, read."""
    return load_clips(ESC, SETTINGS, root)


def spectrograms(path: Path, **changes: np.ndarray) -> DataSettings:
    """A file of spectrograms, four of two labels in two folds."""
    frames = np.array(SETTINGS.kept_frames(13), dtype=np.int16)
    arrays = {
        "x": np.random.default_rng(1).integers(0, 255, (4, 32, 13), dtype=np.uint8),
        "fold": np.array([1, 1, 2, 2], dtype=np.int8),
        "target": np.array([1, 0, 1, 0], dtype=np.int8),
        "clip": np.array(["1-17-A-1", "1-17-B-0", "2-17-A-1", "rain-18-A"]),
        "frames": frames,
    }
    np.savez(path, **(arrays | changes))  # type: ignore[arg-type]
    return DataSettings(source="spectrograms", path=path, labels=["cat", "rain"])


def test_every_window_is_read_with_its_label_fold_and_recording(clips: Clips) -> None:
    """Labels are the categories in alphabetical order; a recording of a second gives three windows of half of one."""
    assert clips.labels == ["cat", "rain"]
    assert clips.targets.tolist() == [1, 0, 1, 1, 1, 0]
    assert clips.folds.tolist() == [1, 1, 2, 2, 2, 2]
    assert clips.recordings.tolist() == [0, 1, 2, 2, 2, 3]
    assert clips.sources.tolist() == [0, 1, 2, 2, 2, 3]
    assert clips.spectrograms.shape == (6, 1, 32, 13)


def test_no_more_windows_of_a_recording_than_asked_for(root: Path) -> None:
    """A long recording does not outweigh the others."""
    few = load_clips(ESC.model_copy(update={"windows": 2}), SETTINGS, root)
    assert few.recordings.tolist() == [0, 1, 2, 2, 3]


def test_pictures_are_those_that_serving_would_make(clips: Clips) -> None:
    """The decoder, the windows and the front end of serving: a tone lights the band it lies in, padding stays dark."""
    time_s = torch.arange(22_050) / 44_100
    wanted = LogMel(SETTINGS)((0.5 * torch.sin(2 * torch.pi * 3_000.0 * time_s))[None])[0, 0]
    torch.testing.assert_close(clips.spectrograms[0, 0].argmax(0), wanted.argmax(0))
    assert clips.spectrograms[1, 0, :, :4].any(0).all()
    assert not clips.spectrograms[1, 0, :, 8:].any()


def test_the_recipe_to_beat_hears_audio_as_its_published_spectrograms(root: Path) -> None:
    """One window of each recording, with the bands and the frames of these."""
    recipe = Recipe.read(RECIPES / "melmage.toml")
    assert recipe.data.source == "esc"
    heard = load_clips(recipe.data.model_copy(update={"path": Path("esc")}), recipe.front_end, root)
    assert heard.spectrograms.shape == (4, 1, 128, 247)
    assert heard.recordings.tolist() == [0, 1, 2, 3]


def test_a_part_keeps_rows_together(clips: Clips) -> None:
    """A choice of windows keeps each spectrogram with its target, fold and recording."""
    part = clips.part(clips.folds == 2)
    assert (part.targets.tolist(), part.recordings.tolist()) == ([1, 1, 1, 0], [2, 2, 2, 3])
    torch.testing.assert_close(part.spectrograms, clips.spectrograms[2:])


def test_validation_takes_whole_recordings_of_every_label() -> None:
    """A fifth of each label's recordings is held out, and no recording is on both sides."""
    recordings = torch.arange(40) // 2
    clips = Clips(torch.rand(40, 1, 4, 4), recordings % 2, torch.ones(40), recordings, recordings, ["a", "b"])
    training, held = split_for_validation(clips)
    assert set(held.recordings.tolist()) == {16, 17, 18, 19}
    assert set(training.recordings.tolist()) == set(range(16))
    assert held.targets.bincount().tolist() == [4, 4]
    takes = replace(clips, sources=recordings // 6)
    training, held = split_for_validation(takes)
    assert set(held.recordings.tolist()) == set(range(12, 20))
    assert not set(training.sources.tolist()) & set(held.sources.tolist())


def test_a_folder_of_labels_needs_nothing_else(root: Path) -> None:
    """Each folder is a label; its files by name are cut into blocks, so that neighbours share a fold."""
    for label in ("dog", "cat"):
        (root / "mine" / label / "deeper").mkdir(parents=True)
        for number in range(3):
            (root / "mine" / label / f"{number}.wav").write_bytes(tone_wav(0.5))
        (root / "mine" / label / "deeper" / "3.wav").write_bytes(tone_wav(0.5))
    (root / "mine" / "dog" / ".hidden").write_text("not a recording")
    files = folder_files(root / "mine", folds=2)
    assert [(file.label, file.path.name, file.fold) for file in files] == [
        (label, f"{number}.wav", 1 + number // 2) for label in ("cat", "dog") for number in range(4)
    ]
    clips = load_clips(DataSettings(source="folders", path=root / "mine", folds=2), SETTINGS, Path())
    assert clips.labels == ["cat", "dog"]
    assert len(clips) == 8


def test_gtzan_is_cut_into_blocks_of_numbers(root: Path) -> None:
    """Neighbouring numbers, which often share an artist, share a fold; ``genres/`` is found inside."""
    for genre in ("blues", "rock"):
        (root / "genres" / genre).mkdir(parents=True)
        for number in range(8):
            (root / "genres" / genre / f"{genre}.{number:05}.au").touch()
    assert [file.fold for file in gtzan_files(root, folds=4)] == [1, 1, 2, 2, 3, 3, 4, 4] * 2


def test_gtzan_follows_the_artist_filtered_lists_where_they_are(root: Path) -> None:
    """The lists are the folds, tracks they leave out are left out, and a file's ending may be another."""
    (root / "genres" / "blues").mkdir(parents=True)
    for number in range(4):
        (root / "genres" / "blues" / f"blues.{number:05}.ogg").touch()
    for name, number in (("train", 0), ("valid", 3), ("test", 1)):
        (root / f"{name}_filtered.txt").write_text(f"blues/blues.{number:05}.wav\n")
    files = gtzan_files(root, folds=4)
    assert [(file.path.name, file.label, file.fold) for file in files] == [
        ("blues.00000.ogg", "blues", 1),
        ("blues.00003.ogg", "blues", 2),
        ("blues.00001.ogg", "blues", 3),
    ]
    (root / "test_filtered.txt").write_text("blues/blues.00077.wav\n")
    with pytest.raises(InvalidDataset, match=r"test_filtered\.txt names blues/blues\.00077\.wav"):
        gtzan_files(root, folds=4)


def test_spectrograms_are_scaled_to_one(tmp_path: Path) -> None:
    """Bytes become [0, 1]; targets get the recipe's names."""
    clips = load_clips(spectrograms(tmp_path / "x.npz"), SETTINGS, Path())
    stored = np.load(tmp_path / "x.npz")["x"]
    torch.testing.assert_close(clips.spectrograms[:, 0], torch.from_numpy(stored) / 255.0)
    assert [clips.labels[target] for target in clips.targets] == ["rain", "cat", "rain", "cat"]
    assert clips.sources.tolist() == [0, 0, 2, 3]


def test_spectrograms_of_another_front_end_are_refused(tmp_path: Path) -> None:
    """A model trained on them could not be served on audio."""
    other = spectrograms(tmp_path / "x.npz", frames=np.arange(1, 14, dtype=np.int16))
    with pytest.raises(InvalidDataset, match="not what the recipe's front end makes"):
        load_clips(other, SETTINGS, Path())
    narrow = spectrograms(tmp_path / "x.npz", x=np.zeros((4, 16, 13), dtype=np.uint8))
    with pytest.raises(InvalidDataset, match=r"\(16, 13\).*\(32, 13\)"):
        load_clips(narrow, SETTINGS, Path())


def test_spectrograms_that_hold_a_pickle_are_refused(tmp_path: Path) -> None:
    """Loading one would run code of a stranger."""
    data = spectrograms(tmp_path / "x.npz", fold=np.array([1, "two", None, 3], dtype=object))
    with pytest.raises(InvalidDataset, match=r"x\.npz.*allow_pickle=False"):
        load_clips(data, SETTINGS, Path())


def test_a_target_without_a_name_is_refused(tmp_path: Path) -> None:
    """The recipe has to name every class."""
    data = spectrograms(tmp_path / "x.npz", target=np.array([0, 1, 2, 0], dtype=np.int8))
    with pytest.raises(InvalidDataset, match="target 2 has no name"):
        load_clips(data, SETTINGS, Path())


def test_a_file_that_is_named_but_missing_stops_before_any_reading(root: Path) -> None:
    """No clip is passed over in silence."""
    (root / "esc" / "audio" / "2-a.wav").unlink()
    with pytest.raises(InvalidDataset, match=r"meta\.csv names 2-a\.wav"):
        load_clips(ESC, SETTINGS, root)


@pytest.mark.parametrize("content", ["filename,fold\n1-a.wav,1\n", "filename,fold,category\n1-a.wav,first,cat\n", ""])
def test_a_table_that_lacks_something_is_named(root: Path, content: str) -> None:
    """A column that is missing, a fold that is no number, an empty table."""
    (root / "esc" / "meta.csv").write_text(content)
    with pytest.raises(InvalidDataset, match=r"meta\.csv|two labels"):
        load_clips(ESC, SETTINGS, root)


@pytest.mark.parametrize("content", [b"this is text" * 100, b"", tone_wav(0.5)[:20]], ids=["text", "empty", "cut"])
def test_a_clip_that_is_no_recording_is_named(root: Path, content: bytes) -> None:
    """Nor is one that cannot be decoded."""
    (root / "esc" / "audio" / "2-a.wav").write_bytes(content)
    with pytest.raises(InvalidDataset, match=r"2-a\.wav"):
        load_clips(ESC, SETTINGS, root)


def test_a_label_with_one_recording_is_refused(root: Path) -> None:
    """It could be learned or scored, not both."""
    meta = root / "esc" / "meta.csv"
    meta.write_text(meta.read_text().replace("2-a.wav,2,99,rain", "2-a.wav,2,99,wolf"))
    with pytest.raises(InvalidDataset, match="'rain' has a single recording"):
        load_clips(ESC, SETTINGS, root)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """Before anything else."""
    with pytest.raises(InvalidDataset, match="esc does not exist"):
        load_clips(ESC, SETTINGS, tmp_path)
