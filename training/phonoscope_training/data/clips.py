"""A labelled set of recordings, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from phonoscope.audio.decode import Recording
from phonoscope.errors import RecordingError
from phonoscope_ml.audible import audible
from phonoscope_ml.frontends import DecibelSettings, LogMel
from phonoscope_ml.windows import cut_windows
from phonoscope_training.errors import InvalidDataset


@dataclass(frozen=True)
class Clips:
    """Windows of labelled recordings.

    Shape:
        - spectrograms: ``(windows, 1, mels, frames)``, float32 in [0, 1]
        - targets: ``(windows,)``, int64 indices into ``labels``
        - folds: ``(windows,)``, int64; windows of one recording share a fold
        - recordings: ``(windows,)``, int64: which recording a window was cut from
        - sources: ``(windows,)``, int64: which source the recording was cut from, where the set says so
    """

    spectrograms: Tensor
    targets: Tensor
    folds: Tensor
    recordings: Tensor
    sources: Tensor
    labels: list[str]

    def __len__(self) -> int:
        return len(self.targets)

    def part(self, chosen: Tensor) -> Clips:
        """The windows where ``chosen``, a mask of shape ``(windows,)``, is true."""
        return replace(
            self,
            spectrograms=self.spectrograms[chosen],
            targets=self.targets[chosen],
            folds=self.folds[chosen],
            recordings=self.recordings[chosen],
            sources=self.sources[chosen],
        )

    def to(self, device: torch.device) -> Clips:
        return replace(self, spectrograms=self.spectrograms.to(device), targets=self.targets.to(device))


@dataclass(frozen=True)
class LabelledFile:
    """A labelled file.

    Args:
        source: what recordings that were cut from one longer one share; ``None`` is a source of its own.
        stem: which stem of a song in stems is meant; ``None`` for any other file.
    """

    path: Path
    label: str
    fold: int
    source: str | None = None
    stem: str | None = None


def read_clips(
    files: list[LabelledFile],
    settings: DecibelSettings,
    most_windows: int,
    watch: Callable[[list[LabelledFile]], Iterable[LabelledFile]] = iter,
) -> Clips:
    """Decodes and transforms every file, by the decoder, the windows and the front end that serving uses.

    Raises ``InvalidDataset`` when a file is missing or cannot be decoded, or when a label has a single recording.
    """
    labels = sorted({file.label for file in files})
    check_labels([file.label for file in files], str(files[0].path.parent) if files else "no files")
    front_end = LogMel(settings)
    sources = number_names([file.source or str(file.path) for file in files])
    spectrograms, recordings = [], []
    for number, file in enumerate(watch(files)):
        cut = _spectrograms(file.path, front_end, most_windows)
        spectrograms.append(cut)
        recordings += [number] * len(cut)
    of = torch.tensor(recordings)
    return Clips(
        spectrograms=torch.cat(spectrograms),
        targets=torch.tensor([labels.index(file.label) for file in files])[of],
        folds=torch.tensor([file.fold for file in files])[of],
        recordings=of,
        sources=sources[of],
        labels=labels,
    )


def split_for_validation(clips: Clips, share: float = 0.2) -> tuple[Clips, Clips]:
    """Splits clips into those to train on and a share to choose settings by: the last recordings of each label.

    Recordings of one source stay together, so that no source is on both sides.
    """
    held = torch.zeros(len(clips), dtype=torch.bool)
    for target in range(len(clips.labels)):
        recordings = torch.unique(clips.recordings[clips.targets == target])
        held |= torch.isin(clips.recordings, recordings[len(recordings) - round(share * len(recordings)) :])
    held = torch.isin(clips.sources, clips.sources[held])
    return clips.part(~held), clips.part(held)


def number_names(names: list[str]) -> Tensor:
    """Each name's first index in the list: ``(names,)``, int64."""
    return torch.tensor([names.index(name) for name in names])


def check_labels(labels: list[str], where: str) -> None:
    """Raises ``InvalidDataset`` unless there are two labels or more, with two recordings or more each."""
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    if len(counts) < 2:  # noqa: PLR2004
        raise InvalidDataset(f"{where}: a classifier needs at least two labels, there is {len(counts)}")
    lonely = [label for label, count in counts.items() if count == 1]
    if lonely:
        raise InvalidDataset(
            f"{where}: the label {lonely[0]!r} has a single recording, which cannot be both trained on and scored"
        )


def _spectrograms(path: Path, front_end: LogMel, most: int) -> Tensor:
    settings = front_end.settings
    try:
        with path.open("rb") as file, Recording(file) as recording, torch.inference_mode():
            windows = cut_windows(
                audible(recording.mono(settings.sample_rate_hz), settings.sample_rate_hz),
                settings.sample_rate_hz,
                settings.window_samples,
                settings.window_hop_samples,
            )
            samples = [torch.from_numpy(window.samples) for window in islice(windows, most)]
            spectrograms: Tensor = front_end(torch.stack(samples)) if samples else torch.zeros(0)
    except OSError as error:
        raise InvalidDataset(f"{path}: {error.strerror}") from error
    except RecordingError as error:
        raise InvalidDataset(f"{path}: {error.detail}") from error
    if not len(spectrograms):
        raise InvalidDataset(f"{path}: the recording holds no samples")
    return spectrograms.clone()  # out of inference mode
