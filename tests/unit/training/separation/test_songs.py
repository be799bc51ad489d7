"""Songs in separate stems: reading them, and which are never learned from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from phonoscope_training.errors import InvalidDataset
from phonoscope_training.separation.songs import SOURCES, SUFFIX, Song, held_out, load_songs, read_stems, split_songs
from tests.unit.training.separation.tones import NAMES, RATE_HZ, stems_of, write_stems


def test_stems_come_in_their_order_at_their_level(root: Path) -> None:
    """Drums, bass, other, vocals, each as it was written but for what AAC takes away."""
    stems = read_stems(root / "songs" / f"{NAMES[2]}{SUFFIX}", RATE_HZ)
    written = stems_of(2)
    assert stems.shape[:2] == (len(SOURCES), 2)
    assert abs(stems.shape[2] - written.shape[2]) <= 2 * 1024
    middle = slice(2_000, 10_000)
    ratio = stems[..., middle].square().mean((1, 2)) / written[..., middle].square().mean((1, 2))
    torch.testing.assert_close(ratio, torch.ones(4), rtol=0.1, atol=0.0)


def test_a_mixture_before_the_stems_is_passed_over(tmp_path: Path) -> None:
    """Files as they are published have five streams; the four stems are the same."""
    stems = stems_of(1)
    write_stems(tmp_path / "four.stem.mp4", list(stems))
    write_stems(tmp_path / "five.stem.mp4", [stems.sum(0), *stems])
    four, five = (read_stems(tmp_path / f"{name}.stem.mp4", RATE_HZ) for name in ("four", "five"))
    torch.testing.assert_close(four, five, rtol=0.0, atol=0.0)


def test_mono_and_other_rates_become_what_is_asked_for(tmp_path: Path) -> None:
    """Every stem comes in stereo at the recipe's rate, as long as it was."""
    stems = stems_of(1, seconds=1.0, rate_hz=16_000).mean(1, keepdim=True)
    write_stems(tmp_path / "mono.stem.mp4", list(stems), rate_hz=16_000)
    read = read_stems(tmp_path / "mono.stem.mp4", RATE_HZ)
    assert read.shape[:2] == (4, 2)
    assert abs(read.shape[2] - RATE_HZ) <= 1_024
    torch.testing.assert_close(read[:, 0], read[:, 1])


@pytest.mark.parametrize("count", [1, 3, 6])
def test_another_number_of_streams_is_refused_by_name(tmp_path: Path, count: int) -> None:
    """The sentence names the file, what it holds and what was wanted."""
    path = tmp_path / "few.stem.mp4"
    write_stems(path, [stems_of(0)[0]] * count)
    with pytest.raises(InvalidDataset, match=rf"few\.stem\.mp4 has {count} audio streams; expected drums, bass"):
        read_stems(path, RATE_HZ)


def test_what_is_no_song_is_refused_by_name(tmp_path: Path) -> None:
    """A file of another kind, a folder without songs, no folder at all."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidDataset, match=r"empty has no \.stem\.mp4 files"):
        load_songs(tmp_path / "empty", RATE_HZ)
    with pytest.raises(InvalidDataset, match="nowhere does not exist"):
        load_songs(tmp_path / "nowhere", RATE_HZ)
    (tmp_path / "text.stem.mp4").write_text("no song")
    with pytest.raises(InvalidDataset, match=r"text\.stem\.mp4 cannot be read"):
        load_songs(tmp_path, RATE_HZ)


def test_songs_come_by_name(root: Path) -> None:
    """In the order of their names, each file once, watched on the way."""
    watched: list[Path] = []

    def watch(paths: list[Path]) -> list[Path]:
        watched.extend(paths)
        return paths

    songs = load_songs(root / "songs", RATE_HZ, watch)
    assert [song.name for song in songs] == NAMES
    assert [path.name for path in watched] == [f"{name}{SUFFIX}" for name in NAMES]


def test_an_artist_is_held_out_whole_and_for_ever(songs: list[Song]) -> None:
    """The artist's name decides, whatever the title; a larger share keeps whom a smaller one did."""
    names = [f"artist {number}" for number in range(500)]
    few = {name for name in names if held_out(f"{name} - one", 0.15)}
    assert few == {name for name in names if held_out(f"{name} - another - song", 0.15)}
    assert 0.1 < len(few) / len(names) < 0.2
    assert few <= {name for name in names if held_out(f"{name} - one", 0.3)}
    learned, kept = split_songs(songs, 0.5)
    assert [song.name for song in kept] == [NAMES[0], NAMES[3]]
    assert [song.name for song in learned] == [NAMES[1], NAMES[2]]


def test_a_part_without_songs_is_refused(songs: list[Song]) -> None:
    """Nothing to learn from, or nothing to score on, is said before any work."""
    with pytest.raises(InvalidDataset, match="of 4 songs 0 are held out"):
        split_songs(songs, 1e-6)
    with pytest.raises(InvalidDataset, match="of 4 songs 4 are held out"):
        split_songs(songs, 1.0 - 1e-6)


def test_the_published_excerpts_can_be_read(data: Path) -> None:
    """One of the real songs: four stems in stereo, of which at least one sounds."""
    folder = data / "musdb7s"
    if not folder.is_dir():
        pytest.skip(f"nothing at {folder}; set PHONOSCOPE_DATA")
    stems = read_stems(min(folder.glob(f"*{SUFFIX}")), 44_100)
    assert stems.shape[:2] == (4, 2)
    assert 6.5 < stems.shape[2] / 44_100 < 7.5
    assert stems.square().mean().sqrt() > 0.01
