"""Cuts recordings of speech from packages: the same packages give the same recordings."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np

from phonoscope.audio.decode import Recording, Samples
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.errors import RecordingError
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.speech.packages import Package, find_packages
from phonoscope_training.speech.voices import VOICES, Voices

ORIGIN = "origin.json"
UTTERANCE_S, WORDS_S = 2.5, 5.0
UTTERANCES, WORDS = 12, 4
_WAV = FORMATS["wav"]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Speaker:
    """A speaker's recordings: for each file's name the paths, within the package, that it was cut from."""

    name: str
    package: Package
    files: dict[str, list[str]] = field(default_factory=dict)


def write_speech(
    packages: Path,
    to: Path,
    voices: Sequence[Voices] = VOICES,
    watch: Callable[[Sequence[Voices]], Iterable[Voices]] = iter,
) -> list[Speaker]:
    """Writes ``<speaker>/utterance-*.wav`` and ``words-*.wav``: mono, 16 bits, at the rate of what they were cut from.

    Each speaker has up to 12 utterances that last 2.5 s or longer, and up to 4 rows of shorter recordings that follow
    one another in the order of their paths, of 5 s. Both are spread evenly over the paths. Recordings with the same
    bytes count once. ``origin.json`` has the packages' versions, and the paths that each file was cut from.

    Args:
        packages: the folder of the packages' ``.deb`` files.
        watch: wraps the packages that are read, for a progress bar.

    Raises:
        InvalidDataset: a package is missing or damaged, a recording cannot be decoded, or ``to`` is not empty.
    """
    if to.exists() and any(to.iterdir()):
        raise InvalidDataset(f"{to} is not empty")
    found = find_packages(packages, [each.package for each in voices])
    seen: set[bytes] = set()
    speakers = [speaker for each in watch(voices) for speaker in _speakers(each, found[each.package], to, seen)]
    origin = {
        "packages": {package.name: package.version for package in found.values()},
        "recordings": {
            f"{speaker.name}/{name}": {"package": speaker.package.name, "paths": paths}
            for speaker in speakers
            for name, paths in speaker.files.items()
        },
    }
    to.mkdir(parents=True, exist_ok=True)
    (to / ORIGIN).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
    return speakers


def _speakers(voices: Voices, package: Package, to: Path, seen: set[bytes]) -> Iterator[Speaker]:
    """Writes the recordings of a package's speakers; one of whom there is too little is left out."""
    recordings: dict[str, dict[str, bytes]] = {}
    for path, content in package.read(lambda path: voices.speaker_of(path) is not None).items():
        digest = sha256(content).digest()
        if digest not in seen:
            recordings.setdefault(str(voices.speaker_of(path)), {})[path] = content
        seen.add(digest)
    for name, contents in sorted(recordings.items()):
        speaker = Speaker(name, package)
        for file, paths in _chosen(contents):
            _write(to / name / file, [contents[path] for path in paths], file.startswith("words"))
            speaker.files[file] = paths
        if speaker.files:
            yield speaker


def _chosen(contents: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """The names of a speaker's files, each with the paths of the recordings that it is cut from."""
    lengths_s = {path: length_s for path, content in contents.items() if (length_s := _length_s(path, content))}
    long = [path for path, length_s in lengths_s.items() if length_s >= UTTERANCE_S]
    for number, path in enumerate(_spread(long, UTTERANCES), start=1):
        yield f"utterance-{number:02}.wav", [path]
    rows = list(_rows({path: length_s for path, length_s in lengths_s.items() if length_s < UTTERANCE_S}))
    for number, row in enumerate(_spread(rows, WORDS), start=1):
        yield f"words-{number}.wav", row


def _rows(lengths_s: dict[str, float]) -> Iterator[list[str]]:
    """Recordings that follow one another, as many as fill 5 s; the last ones are left out where they do not."""
    row: list[str] = []
    for path in lengths_s:
        row.append(path)
        if sum(lengths_s[each] for each in row) >= WORDS_S:
            yield row
            row = []


def _spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many of the items, at even distances.

    >>> _spread("abcdefgh", 3)
    ['a', 'c', 'f']
    """
    count = min(most, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _write(path: Path, contents: Sequence[bytes], words: bool) -> None:
    """Writes recordings one after another, at the rate of the first one; words are cut at 5 s."""
    with Recording(io.BytesIO(contents[0])) as first:
        rate_hz = first.sample_rate_hz
    samples = np.concatenate([_decoded(content, rate_hz) for content in contents])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, Encoder(file, rate_hz, channels=1, form=_WAV) as encoder:
        encoder.write(samples[None, : round(WORDS_S * rate_hz) if words else None])


def _decoded(content: bytes, rate_hz: int) -> Samples:
    with Recording(io.BytesIO(content)) as recording:
        return np.concatenate(list(recording.mono(rate_hz)))


def _length_s(path: str, content: bytes) -> float:
    try:
        with Recording(io.BytesIO(content)) as recording:
            for _ in recording.pieces():
                pass
            return recording.decoded_s
    except RecordingError as error:
        raise InvalidDataset(f"{path}: {error.detail}") from error
