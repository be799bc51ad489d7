"""Recordings that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phonoscope_ml.frontends import DecibelSettings
from phonoscope_training.data import load_clips
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.recipe import DataSettings
from phonoscope_training.synthesis import LABELS, files, scene
from phonoscope_training.synthesis.sources import RATE_HZ, SOURCES, Samples

_TRIES = 8


def made(label: str, number: int = 1) -> Samples:
    return scene(label, np.random.default_rng(number))


def centre_hz(samples: Samples) -> float:
    """Where half of the power lies below."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(np.searchsorted(np.cumsum(power), power.sum() / 2.0)) * RATE_HZ / len(samples)


def share_of_time(samples: Samples) -> float:
    """How much of 5 s is within 30 dB of the loudest tenth of a second."""
    power = (samples.reshape(50, -1) ** 2).mean(axis=1)
    return float((power > power.max() / 1_000.0).mean())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("pattern", ["few", "steady"])
def test_a_scene_is_five_seconds_that_can_be_heard(source: str, pattern: str) -> None:
    """Of every source, short or going on: finite, within full scale, and not silent."""
    samples = made(f"{source}_{pattern}_mid")
    assert samples.shape == (5 * RATE_HZ,)
    assert np.abs(samples).max() == pytest.approx(0.9, abs=0.01)


def test_a_scene_is_its_chance() -> None:
    """The same again from the same rng, another from another, and its label says which sound."""
    assert len(LABELS) == len(set(LABELS)) == 150
    assert np.array_equal(made("voice_slow_low"), made("voice_slow_low"))
    assert not np.array_equal(made("voice_slow_low"), made("voice_slow_low", 2))


def test_labels_say_what_is_heard() -> None:
    """In the middle of some tries: low lies below high, and what is steady goes on where one event ends."""
    low, high, steady, once = (
        np.median([measure(made(label, number)) for number in range(_TRIES)])
        for label, measure in (
            ("noise_steady_low", centre_hz),
            ("noise_steady_high", centre_hz),
            ("tone_steady_mid", share_of_time),
            ("tone_once_mid", share_of_time),
        )
    )
    assert low < high / 4.0
    assert once < 0.5 < steady


def test_files_are_a_set_to_learn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for each label, which the recipes' own reader takes; the same seed writes the same bytes."""
    monkeypatch.setattr(files, "LABELS", ["click_once_mid", "noise_steady_low"])
    assert list(files.write_all(tmp_path / "one", each=2)) == [2, 4]
    list(files.write_all(tmp_path / "other", each=2))
    for path in (tmp_path / "one").rglob("*.flac"):
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()
    with pytest.raises(InvalidDataset, match="one is not empty"):
        list(files.write_all(tmp_path / "one", each=2))
    settings = DecibelSettings(n_mels=32)
    clips = load_clips(DataSettings(source="folders", path=tmp_path / "one", windows=1), settings, tmp_path)
    assert clips.labels == ["click_once_mid", "noise_steady_low"]
    assert len(clips) == 4
