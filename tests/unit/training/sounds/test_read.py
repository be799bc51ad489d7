"""Sets of recordings are read by the windows that serving uses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from phonoscope_ml.frontends import FrontEndSettings, KaldiSettings, Log10Settings
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.separation.songs import SUFFIX
from phonoscope_training.sounds import SoundSettings, read_sounds
from tests.support import tone_wav
from tests.unit.training.separation.tones import stems_of, write_stems

RATE_HZ = 8_000


def front_end(hop_s: float = 1.0, kind: type[FrontEndSettings] = KaldiSettings) -> FrontEndSettings:
    """Windows of one second."""
    return kind(sample_rate_hz=RATE_HZ, f_max_hz=4_000.0, window_s=1.0, window_hop_s=hop_s)  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of each of two labels, and two without a label, one of which is long."""
    root = tmp_path_factory.mktemp("sounds")
    for label in ("high", "low"):
        (root / "sounds" / label).mkdir(parents=True)
        for number in range(6):
            (root / "sounds" / label / f"{number}.wav").write_bytes(tone_wav(0.5, 300.0, RATE_HZ, seed=number))
    (root / "plain").mkdir()
    (root / "plain" / "0.wav").write_bytes(tone_wav(0.5, 300.0, RATE_HZ))
    (root / "plain" / "1.wav").write_bytes(tone_wav(5.0, 300.0, RATE_HZ))
    (root / "plain" / "1.txt").write_text("credits")
    return root


def test_sets_follow_one_another(root: Path) -> None:
    """A set without labels has no targets and no folds; a long recording has as many windows as are asked for."""
    sets = [
        SoundSettings(source="folders", path=Path("sounds"), folds=3),
        SoundSettings(source="files", path=Path("plain"), windows=3, labelled=False),
    ]
    sounds = read_sounds(sets, root, front_end(hop_s=0.5))
    assert sounds.labels == ["high", "low"]
    assert sounds.targets.tolist() == [0] * 6 + [1] * 6 + [-1] * 4
    assert sounds.folds.tolist() == [1, 1, 2, 2, 3, 3] * 2 + [0] * 4
    assert sounds.recordings.tolist() == [*range(12), 12, 13, 13, 13]
    assert sounds.sets.tolist() == [0] * 12 + [1] * 4
    assert sounds.spans_s[-3:].tolist() == [[0.0, 1.0], [0.5, 1.5], [1.0, 2.0]]


def test_a_short_recording_is_padded_with_silence(root: Path) -> None:
    """As in serving, and nothing else changes its samples."""
    sounds = read_sounds([SoundSettings(source="files", path=Path("plain"))], root, front_end())
    wave = sounds.wave(torch.tensor([0]))[0]
    assert wave[: RATE_HZ // 2].abs().max() > 0.3
    assert wave[RATE_HZ // 2 :].abs().max() == 0.0


def test_a_short_recording_is_repeated_where_the_set_or_the_front_end_says_so(root: Path) -> None:
    """As windows in the middle of a long recording are full, and as musicnn is served."""
    plain = SoundSettings(source="files", path=Path("plain"))
    for settings, of in (
        (plain.model_copy(update={"repeated": True}), front_end()),
        (plain, front_end(kind=Log10Settings)),
    ):
        wave = read_sounds([settings], root, of).wave(torch.tensor([0]))[0]
        assert torch.equal(wave[: RATE_HZ // 2], wave[RATE_HZ // 2 :])
        assert wave.abs().max() > 0.3


def test_a_few_recordings_are_taken_from_all_folds(root: Path) -> None:
    """The first of each fold, so that no fold is empty."""
    few = SoundSettings(source="folders", path=Path("sounds"), folds=3, most=3)
    sounds = read_sounds([few], root, front_end())
    assert sounds.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert sounds.folds.tolist() == [1, 2, 3] * 2


def test_a_set_that_is_absent_is_named(root: Path) -> None:
    """The error has its path."""
    with pytest.raises(InvalidDataset, match="nowhere does not exist"):
        read_sounds([SoundSettings(source="files", path=Path("nowhere"))], root, front_end())


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of two artists, in stems, each stem a tone."""
    folder = tmp_path_factory.mktemp("songs")
    for seed, name in enumerate(("a - one", "a - two", "b - one")):
        write_stems(folder / f"{name}{SUFFIX}", list(stems_of(seed)))
    return folder


def test_songs_of_one_artist_share_a_fold(songs: Path) -> None:
    """And all recordings of the set have its label, whichever stem is read."""
    read = SoundSettings(source="stems", path=songs, stem="vocals", label="singing", folds=2)
    sounds = read_sounds([read], songs, front_end())
    assert sounds.labels == ["singing"]
    assert (sounds.folds.tolist(), sounds.sources.tolist()) == ([1, 1, 2], [0, 0, 2])


def test_a_stem_is_heard_alone(songs: Path) -> None:
    """A mixture is the sum of its stems."""
    heard = {}
    for stem in ("drums", "bass", "other", "vocals", "mixture"):
        read = SoundSettings(source="stems", path=songs, stem=stem, label="music")
        heard[stem] = read_sounds([read], songs, front_end()).wave(torch.arange(3))
    mixture = heard.pop("mixture")
    torch.testing.assert_close(mixture, sum(heard.values()), atol=3e-3, rtol=0.0)
    loudest = {stem: torch.fft.rfft(wave[0]).abs().argmax().item() for stem, wave in heard.items()}
    assert loudest["bass"] < loudest["other"] < loudest["vocals"] < loudest["drums"]


def test_a_label_replaces_those_of_the_set(root: Path) -> None:
    """Folders are then no labels."""
    read = SoundSettings(source="folders", path=Path("sounds"), label="tone")
    assert read_sounds([read], root, front_end()).labels == ["tone"]
