"""Songs in separate stems, read from ``.stem.mp4`` files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope_training.errors import InvalidDataset

SOURCES = ("drums", "bass", "other", "vocals")
SUFFIX = ".stem.mp4"


@dataclass(frozen=True)
class Song:
    """A song's name and its stems, ``(sources, 2, samples)``, float32 in the order of ``SOURCES``."""

    name: str
    stems: Tensor


def load_songs(
    folder: Path, sample_rate_hz: int, watch: Callable[[list[Path]], Iterable[Path]] = lambda paths: paths
) -> list[Song]:
    """Loads all songs of a folder, in order of name. Raises ``InvalidDataset``, which names the file."""
    return [
        Song(path.name.removesuffix(SUFFIX), read_stems(path, sample_rate_hz)) for path in watch(song_files(folder))
    ]


def song_files(folder: Path) -> list[Path]:
    """The songs' files of a folder, in order of name. Raises ``InvalidDataset`` when there is none."""
    if not folder.is_dir():
        raise InvalidDataset(f"{folder} does not exist")
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise InvalidDataset(f"{folder} has no {SUFFIX} files")
    return paths


def artist_of(name: str) -> str:
    """The artist of a song that is named ``<artist> - <title>``."""
    return name.split(" - ", maxsplit=1)[0]


def read_stems(path: Path, sample_rate_hz: int) -> Tensor:
    """Reads the stems of one file, cut to the shortest.

    Files have a stream for each of ``SOURCES``. A stream of the mixture may come first; it is skipped.

    Shape:
        - output: ``(sources, 2, samples)``, float32

    Raises ``InvalidDataset`` when the file cannot be read or has another number of streams.
    """
    try:
        with av.open(str(path)) as container:
            streams = container.streams.audio
            if len(streams) not in {len(SOURCES), len(SOURCES) + 1}:
                wanted = f"{', '.join(SOURCES)}, and optionally the mixture before them"
                raise InvalidDataset(f"{path} has {len(streams)} audio streams; expected {wanted}")
            stems = [_read(path, index, sample_rate_hz) for index in range(len(streams))][-len(SOURCES) :]
    except (OSError, av.error.FFmpegError) as error:
        raise InvalidDataset(f"{path} cannot be read: {error}") from error
    shortest = min(stem.shape[1] for stem in stems)
    return torch.from_numpy(np.stack([stem[:, :shortest] for stem in stems]))


def held_out(name: str, share: float) -> bool:
    """Whether a song, named ``<artist> - <title>``, is held out for scoring.

    The SHA-256 of the artist's name decides: about ``share`` of all artists are held out, each
    with all songs.
    """
    return int.from_bytes(hashlib.sha256(artist_of(name).encode()).digest()[:4]) < share * 2**32


def split_songs(songs: list[Song], share: float) -> tuple[list[Song], list[Song]]:
    """Splits songs into those to train on and those held out. Raises ``InvalidDataset`` when either part is empty."""
    kept = [song for song in songs if held_out(song.name, share)]
    learned = [song for song in songs if not held_out(song.name, share)]
    if not kept or not learned:
        raise InvalidDataset(f"of {len(songs)} songs {len(kept)} are held out: both parts need at least one")
    return learned, kept


def _read(path: Path, index: int, sample_rate_hz: int) -> NDArray[np.float32]:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=sample_rate_hz)
    parts: list[NDArray[Any]] = [np.zeros((2, 0), np.float32)]
    with av.open(str(path)) as container:
        for frame in container.decode(audio=index):
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
    parts += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(parts, axis=1, dtype=np.float32)
