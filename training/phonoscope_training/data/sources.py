"""The layouts of labelled sets: each is read as a list of files with label and fold, or as spectrograms."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from phonoscope_ml.frontends import DecibelSettings
from phonoscope_training.data.clips import Clips, LabelledFile, check_labels, number_names, read_clips
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.recipe import DataSettings
from phonoscope_training.separation.songs import artist_of, song_files

_TAKE = re.compile(r"(\d+-\d+)-[A-Z]")
_FILTERED = ("train_filtered.txt", "valid_filtered.txt", "test_filtered.txt")


def load_clips(
    data: DataSettings,
    settings: DecibelSettings,
    root: Path,
    watch: Callable[[list[LabelledFile]], Iterable[LabelledFile]] = iter,
) -> Clips:
    """Reads the clips that a section of a recipe names.

    Args:
        root: the folder that relative paths start from.
        watch: wraps the list of files that are decoded, for a progress bar.

    Raises:
        InvalidDataset: names the file and what is wrong with it.
    """
    path = root / data.path.expanduser()
    if not path.exists():
        raise InvalidDataset(f"{path} does not exist")
    if data.source == "spectrograms":
        return read_spectrograms(path, settings, data.labels)
    return read_clips(read_files(data.source, path, data.folds), settings, data.windows, watch)


def read_files(source: str, path: Path, folds: int = 4) -> list[LabelledFile]:
    """The files of a set of audio. Raises ``InvalidDataset``.

    Args:
        source: its layout: ``esc``, ``files``, ``folders``, ``gtzan`` or ``stems``.
    """
    if not path.exists():
        raise InvalidDataset(f"{path} does not exist")
    layouts = {
        "esc": esc_files,
        "files": plain_files,
        "folders": folder_files,
        "gtzan": gtzan_files,
        "stems": stem_files,
    }
    return layouts[source](path, folds)


def esc_files(folder: Path, _folds: int) -> list[LabelledFile]:
    """The files of ESC's layout: ``meta.csv`` (filename, fold, category) and ``audio/`` (Piczak, 2015)."""
    meta = folder / "meta.csv"
    try:
        with meta.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        named = [(row["filename"], row["category"], int(row["fold"])) for row in rows]
        files = [LabelledFile(folder / "audio" / name, label, fold, _source(name)) for name, label, fold in named]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidDataset(f"{meta}: {_sentence(error)}") from error
    missing = [file.path for file in files if not file.path.is_file()]
    if missing:
        raise InvalidDataset(f"{meta} names {missing[0].name}, which is not in {missing[0].parent}")
    return files


def plain_files(folder: Path, folds: int) -> list[LabelledFile]:
    """The recordings of a folder, without labels; text files are left out."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".txt")
    return [LabelledFile(path, "", 1 + index * folds // len(paths)) for index, path in enumerate(paths)]


def stem_files(folder: Path, folds: int) -> list[LabelledFile]:
    """The songs of a folder, without labels, in blocks of artists: songs are named ``<artist> - <title>.stem.mp4``."""
    paths = song_files(folder)
    artists = sorted({artist_of(path.name) for path in paths})
    return [
        LabelledFile(path, "", 1 + artists.index(artist_of(path.name)) * folds // len(artists), artist_of(path.name))
        for path in paths
    ]


def folder_files(folder: Path, folds: int) -> list[LabelledFile]:
    """The files of ``<label>/<files>``; each label's files are cut into a block for each fold, in order of name."""
    by_label = {
        inside.name: sorted(path for path in inside.rglob("*") if path.is_file() and not path.name.startswith("."))
        for inside in sorted(folder.iterdir())
        if inside.is_dir() and not inside.name.startswith(".")
    }
    return [
        LabelledFile(path, label, 1 + index * folds // len(paths))
        for label, paths in by_label.items()
        for index, path in enumerate(paths)
    ]


def gtzan_files(folder: Path, folds: int) -> list[LabelledFile]:
    """The files of ``<genre>/<genre>.<number>.<ending>`` (Tzanetakis and Cook, 2002).

    Where the lists of the artist-filtered split lie in the folder (Kereliuk, Sturm and Larsen, 2015), they are the
    folds: 1 to train, 2 to validate, 3 to test. Otherwise the folds are blocks of consecutive numbers, which keeps
    most neighbours of one artist together.
    """
    inside = folder / "genres" if (folder / "genres").is_dir() else folder
    lists = [folder / name for name in _FILTERED]
    if not all(path.is_file() for path in lists):
        return folder_files(inside, folds)
    return [
        LabelledFile(_listed(inside, line, path), line.split("/")[0], fold)
        for fold, path in enumerate(lists, start=1)
        for line in path.read_text(encoding="utf-8").split()
    ]


def read_spectrograms(path: Path, settings: DecibelSettings, labels: list[str]) -> Clips:
    """Reads ``x`` uint8 ``(clips, mels, frames)``, ``fold``, ``target``, ``clip`` (names) and ``frames`` from a
    ``.npz``.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            x, fold, target, clip, frames = (file[name] for name in ("x", "fold", "target", "clip", "frames"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidDataset(f"{path}: {_sentence(error)}") from error
    wanted = settings.kept_frames(settings.window_samples // settings.hop_length + 1)
    if x.shape[1:] != (settings.n_mels, len(wanted)) or frames.tolist() != wanted:
        raise InvalidDataset(
            f"{path}: spectrograms of {x.shape[1:]} are not what the recipe's front end makes, "
            f"{(settings.n_mels, len(wanted))} with the same frames"
        )
    if int(target.max()) >= len(labels):
        raise InvalidDataset(f"{path}: target {target.max()} has no name among the recipe's {len(labels)} labels")
    check_labels([labels[index] for index in target], str(path))
    return Clips(
        spectrograms=torch.from_numpy(x).float().div_(255.0).unsqueeze(1),
        targets=torch.from_numpy(target.astype(np.int64)),
        folds=torch.from_numpy(fold.astype(np.int64)),
        recordings=torch.arange(len(x)),
        sources=number_names([_source(name) for name in clip.tolist()]),
        labels=list(labels),
    )


def _source(name: str) -> str:
    """The source of an ESC clip, named ``<fold>-<upload>-<take>``: the upload; another name is a source of its own."""
    take = _TAKE.match(name)
    return take[1] if take else name


def _listed(folder: Path, line: str, source: Path) -> Path:
    """The file that a split's list names, whatever its suffix is now."""
    found = sorted((folder / line).parent.glob(f"{Path(line).stem}.*"))
    if not found:
        raise InvalidDataset(f"{source} names {line}, which is not in {folder}")
    return found[0]


def _sentence(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)
