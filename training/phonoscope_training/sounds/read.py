"""Reads the windows of recordings, by the decoder and the windows that serving uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope.audio.decode import Recording, Samples
from phonoscope.errors import RecordingError
from phonoscope_ml.audible import audible
from phonoscope_ml.frontends import FrontEndSettings
from phonoscope_ml.windows import Window, cut_windows
from phonoscope_training.data.clips import LabelledFile, number_names
from phonoscope_training.data.sources import read_files
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.separation.songs import SOURCES, read_stems
from phonoscope_training.sounds.settings import MIXTURE, SoundSettings

_FULL_SCALE = 32_767.0

Watch = Callable[[list[LabelledFile]], Iterable[LabelledFile]]


@dataclass(frozen=True)
class Windows:
    """Where the windows of recordings from several sets come from, and what is heard in them.

    Shape:
        - targets: ``(windows,)``, int64 indices into ``labels``; -1 without a label
        - folds, recordings, sources, sets: ``(windows,)``, int64: the fold (0 without a label), which recording the
          window was cut from, which source the recording was cut from, and which set it is of
    """

    targets: Tensor
    folds: Tensor
    recordings: Tensor
    sources: Tensor
    sets: Tensor
    labels: list[str]

    def __len__(self) -> int:
        return len(self.targets)

    def part(self, chosen: Tensor) -> Self:
        """The windows where ``chosen``, a mask of shape ``(windows,)``, is true: rows of every tensor."""
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        kept = {name: value[chosen] for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **values | kept)


@dataclass(frozen=True)
class Sounds(Windows):
    """Windows of recordings as samples.

    Shape:
        - samples: ``(windows, samples)``, int16
        - spans_s: ``(windows, 2)``, float64: each window's start and end in its recording
    """

    samples: Tensor
    spans_s: Tensor

    def wave(self, chosen: Tensor) -> Tensor:
        """Samples of some windows. Shape: ``(chosen, samples)``, float32 in [-1, 1]."""
        return self.samples[chosen].float() / _FULL_SCALE


def read_sounds(
    sets: Sequence[SoundSettings],
    root: Path,
    front_end: FrontEndSettings,
    watch: Watch = iter,
) -> Sounds:
    """Reads the windows that a front end takes of all sets. Raises ``InvalidDataset``, which names the file."""
    files = [(index, file) for index, each in enumerate(sets) for file in _few(_files(each, root), each.most)]
    labels = sorted({file.label for index, file in files if sets[index].labelled})
    heard: list[Window] = []
    of: list[int] = []
    for number, file in enumerate(watch([file for _, file in files])):
        cut = _windows(file, front_end, sets[files[number][0]])
        heard += cut
        of += [number] * len(cut)
    recordings = torch.tensor(of)
    return Sounds(
        samples=torch.from_numpy(np.stack([_as_int16(each.samples) for each in heard])),
        spans_s=torch.tensor([(each.start_s, each.end_s) for each in heard], dtype=torch.float64),
        targets=torch.tensor([labels.index(file.label) if sets[n].labelled else -1 for n, file in files])[recordings],
        folds=torch.tensor([file.fold if sets[n].labelled else 0 for n, file in files])[recordings],
        recordings=recordings,
        sources=number_names([file.source or str(file.path) for _, file in files])[recordings],
        sets=torch.tensor([n for n, _ in files])[recordings],
        labels=labels,
    )


def _files(settings: SoundSettings, root: Path) -> list[LabelledFile]:
    """The files of a set, with the label and the stem that its settings give them."""
    found = read_files(settings.source, root / settings.path.expanduser(), settings.folds)
    stem = settings.stem if settings.source == "stems" else None
    return [replace(file, label=settings.label or file.label, stem=stem) for file in found]


def _few(files: list[LabelledFile], most: int | None) -> list[LabelledFile]:
    """At most so many files of each label, the first ones of each fold in turn."""
    if most is None:
        return files
    ranks: dict[tuple[str, int], int] = {}
    turns = []
    for file in files:
        ranks[file.label, file.fold] = ranks.get((file.label, file.fold), 0) + 1
        turns.append(ranks[file.label, file.fold])
    counts: dict[str, int] = {}
    kept = set()
    for index in sorted(range(len(files)), key=turns.__getitem__):
        counts[files[index].label] = counts.get(files[index].label, 0) + 1
        if counts[files[index].label] <= most:
            kept.add(index)
    return [files[index] for index in sorted(kept)]


def _windows(file: LabelledFile, front_end: FrontEndSettings, settings: SoundSettings) -> list[Window]:
    """The first windows of a recording, cut as in serving.

    Raises ``InvalidDataset`` when the file is missing, cannot be decoded or holds no samples.
    """
    rate_hz, window, hop = front_end.sample_rate_hz, front_end.window_samples, front_end.window_hop_samples
    filling = "repetition" if settings.repeated else front_end.filling
    try:
        with _samples(file, rate_hz) as blocks:
            heard = audible(blocks, rate_hz) if front_end.filtered else blocks
            cut = list(islice(cut_windows(heard, rate_hz, window, hop, filling), settings.windows))
    except OSError as error:
        raise InvalidDataset(f"{file.path}: {error.strerror}") from error
    except RecordingError as error:
        raise InvalidDataset(f"{file.path}: {error.detail}") from error
    if not cut:
        raise InvalidDataset(f"{file.path}: the recording holds no samples")
    return cut


@contextmanager
def _samples(file: LabelledFile, sample_rate_hz: int) -> Iterator[Iterable[Samples]]:
    """The samples of a recording, or of a stem of a song, as mono blocks."""
    if file.stem is None:
        with file.path.open("rb") as opened, Recording(opened) as recording:
            yield recording.mono(sample_rate_hz)
        return
    stems = read_stems(file.path, sample_rate_hz).mean(1)
    chosen = stems.sum(0) if file.stem == MIXTURE else stems[SOURCES.index(file.stem)]
    yield [chosen.numpy()]


def _as_int16(samples: Samples) -> NDArray[np.int16]:
    scaled: NDArray[np.int16] = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE).astype(np.int16)
    return scaled
