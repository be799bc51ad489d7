"""Measures how well copies of recordings are recognised: two songs, GTZAN's excerpts and ESC-50's clips.

Some recordings are copied by ffmpeg in each of several ways. Each copy is looked for among all recordings: by the
cosine of the vectors that `embed` gives, and by its acoustic fingerprint. All pairs of the recordings themselves are
compared too: those that are found are printed, as they are repeated in the sets or taken for copies by mistake. Prints
tables for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from common import DATA, machine
from numpy.typing import NDArray
from tasks import catalogue

from phonoscope.audio.acoustic import AcousticFingerprinter
from phonoscope.audio.copies import Comparable, agreement
from phonoscope.audio.decode import Recording
from phonoscope.logs import configure_logs
from phonoscope.work import AcousticFingerprint
from phonoscope_gateway.search.copies import LEAST_SIMILARITY
from phonoscope_ml.bodies import Body
from phonoscope_ml.device import choose_device
from phonoscope_ml.inference import run_body
from phonoscope_ml.loaded import LoadedModels

EXCERPT_S = 60
STEMS = ("drums", "bass", "other", "vocals")
WAYS = {
    "MP3, 128 kbit/s": "-b:a 128k .mp3",
    "MP3, 64 kbit/s": "-b:a 64k .mp3",
    "MP3, 22 kHz, 32 kbit/s": "-ar 22050 -ac 1 -b:a 32k .mp3",
    "AAC, 22 kHz, 24 kbit/s": "-ar 22050 -ac 1 -c:a aac -b:a 24k .m4a",
    "Opus, 16 kbit/s": "-ac 1 -c:a libopus -b:a 16k .opus",
    "8 kHz": "-ar 8000 .wav",
    "20 dB quieter": "-af volume=-20dB .wav",
    "mono": "-ac 1 .wav",
    "bass +8 dB, treble -8 dB": "-af bass=g=8,treble=g=-8 .wav",
    "compressed 4:1": "-af acompressor=threshold=-24dB:ratio=4:attack=5:release=80 .wav",
    "without its first 0.3 s": "-ss 0.3 .wav",
    "without its first 0.93 s, MP3, 64 kbit/s": "-ss 0.93 -b:a 64k .mp3",
    "without its first 5 s": "-ss 5 .wav",
    "after 1 s of silence": "-af adelay=1000:all=1 .wav",
    "the first half": "half .wav",
}


@dataclass(frozen=True)
class Known:
    """A recording's unit vector and its acoustic fingerprint. The vector of silence is zeros."""

    vector: NDArray[np.float32]
    acoustic: AcousticFingerprint


def main() -> None:
    arguments = _arguments()
    configure_logs("console", "error")
    torch.set_num_threads(arguments.threads)
    models = LoadedModels(catalogue(), choose_device())
    body = models.get(arguments.model or (models.auto.general or models.auto.models[0]).name).body
    with tempfile.TemporaryDirectory() as folder:
        sets = _sets(Path(folder), arguments.most)
        known = {name: [_known(path, body) for path in paths] for name, paths in sets.items()}
        print(f"{machine()}, vectors of `{body.name}`\n")
        _print_pairs(sets, known)
        _print_mixes(body, arguments.copied)
        _print_ways(Path(folder), sets, known, body, arguments.copied)


def _print_pairs(sets: dict[str, list[Path]], known: dict[str, list[Known]]) -> None:
    print("| recordings | pairs | taken for copies |\n| --- | ---: | ---: |")
    found = []
    for name, recordings in known.items():
        pairs = list(combinations(range(len(recordings)), 2))
        for one, other in pairs:
            cosine = float(recordings[one].vector @ recordings[other].vector)
            found_here = agreement(*(Comparable(recordings[each].acoustic) for each in (one, other)))
            if found_here.of_copies and cosine >= LEAST_SIMILARITY:
                names = f"{sets[name][one].name}, {sets[name][other].name}"
                found.append((name, f"{names}: bit error {found_here.error:.3f}, cosine {cosine:.3f}"))
        count = sum(where == name for where, _ in found)
        print(f"| {name} | {len(pairs):,} | {count} |", flush=True)
    print("\n" + "\n".join(words for _, words in found) + "\n")


def _print_mixes(body: Body, most: int) -> None:
    print("| excerpts of 7 s without | taken for copies of the mix | bit error, median |\n| --- | ---: | ---: |")
    paths = _spread(sorted(DATA.glob("musdb7s/*.mp4")), most)
    mixes = [_stems(path, body.front_end.settings.sample_rate_hz) for path in paths]
    whole = [_known_of(stems.sum(axis=0), body) for stems in mixes]
    for index, stem in enumerate(STEMS):
        without = [_known_of(np.delete(stems, index, axis=0).sum(axis=0), body) for stems in mixes]
        found = [
            agreement(Comparable(one.acoustic), Comparable(other.acoustic))
            for one, other in zip(whole, without, strict=True)
        ]
        error = np.median([each.error for each in found])
        print(f"| {stem} | {sum(each.of_copies for each in found)} of {len(found)} | {error:.3f} |", flush=True)
    print()


def _stems(path: Path, sample_rate_hz: int) -> NDArray[np.float32]:
    """Shape: ``(4, samples)``."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(sample_rate_hz), "-f", "f32le", "-map"]
    sounds = [subprocess.run([*command, f"0:a:{index}", "-"], check=True, capture_output=True) for index in range(4)]
    return np.stack([np.frombuffer(sound.stdout, np.float32) for sound in sounds])


def _print_ways(
    folder: Path, sets: dict[str, list[Path]], known: dict[str, list[Known]], body: Body, copied: int
) -> None:
    print(
        "| copy | recognised | bit error, median and 95 % | cosine, median and 5 % | nearest by cosine "
        "| first in `similar` |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    vectors = np.concatenate([np.stack([one.vector for one in recordings]) for recordings in known.values()])
    for way, words in WAYS.items():
        rows, place = [], 0
        for name, paths in sets.items():
            for index in _some(len(paths), copied):
                copy = _copied(folder, paths[index], words)
                if copy is not None:
                    rows.append(_row(_known(copy, body), known[name][index], vectors, place + index))
            place += len(paths)
        of_copies, error, cosine, nearest = np.array(rows).T
        recognised = (of_copies == 1.0) & (cosine >= LEAST_SIMILARITY)
        first = recognised | (nearest == 1.0)
        print(
            f"| {way} | {recognised.mean():.3f} | {np.median(error):.3f}, {np.quantile(error, 0.95):.3f} "
            f"| {np.median(cosine):.3f}, {np.quantile(cosine, 0.05):.3f} | {nearest.mean():.3f} | {first.mean():.3f} |",
            flush=True,
        )


def _row(copy: Known, original: Known, vectors: NDArray[np.float32], place: int) -> tuple[float, float, float, float]:
    """Whether the fingerprints are of copies, the bit error, the cosine, and whether the original is nearest."""
    similarity = vectors @ copy.vector
    found = agreement(Comparable(original.acoustic), Comparable(copy.acoustic))
    return found.of_copies, found.error, float(similarity[place]), float(similarity.argmax() == place)


def _known(path: Path, body: Body) -> Known:
    rate = body.front_end.settings.sample_rate_hz
    with path.open("rb") as file, Recording(file) as recording:
        return _known_of(np.concatenate(list(recording.mono(rate))), body)


def _known_of(samples: NDArray[np.float32], body: Body) -> Known:
    rate = body.front_end.settings.sample_rate_hz
    fingerprinter = AcousticFingerprinter(rate)
    fingerprinter(samples)
    vector = run_body(body, [samples]).embedding
    return Known(np.zeros(512, np.float32) if vector is None else vector, fingerprinter.end())


def _copied(folder: Path, path: Path, words: str) -> Path | None:
    """The copy; ``None`` where less than two thirds of the recording would be left."""
    *arguments, suffix = words.split()
    copy = folder / f"copy{suffix}"
    with path.open("rb") as file, Recording(file) as recording:
        seconds = sum(map(len, recording.mono(8_000))) / 8_000
    if arguments == ["half"]:
        arguments = ["-t", f"{seconds / 2:.3f}"]
    elif arguments[0] == "-ss" and float(arguments[1]) > seconds / 3:
        return None
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(path), "-vn", *arguments, str(copy)]
    subprocess.run(command, check=True)
    return copy


def _sets(folder: Path, most: int) -> dict[str, list[Path]]:
    songs = []
    for path in sorted((DATA / "songs").glob("*.ogg")):
        songs.append(folder / f"{path.stem}.flac")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-t", str(EXCERPT_S), str(songs[-1])], check=True
        )
    gtzan, esc50 = (sorted(DATA.glob(pattern)) for pattern in ("gtzan-clips/*/*.ogg", "esc50/audio/*.ogg"))
    return {"songs, a minute of each": songs, "GTZAN": _spread(gtzan, most), "ESC-50": _spread(esc50, most)}


def _spread(paths: Sequence[Path], most: int) -> list[Path]:
    return [paths[index] for index in _some(len(paths), most)]


def _some(count: int, most: int) -> Iterator[int]:
    """At most so many of the first numbers, evenly apart."""
    return iter(range(0, count, max(1, -(-count // most))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="in whose body's space; by default the general one of `auto`")
    parser.add_argument("--most", type=int, default=2_000, help="recordings of each set, for a quick run")
    parser.add_argument("--copied", type=int, default=40, help="recordings of each set that are copied")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
