"""Synthesises the demo's recordings; every run writes the same bytes.

Run as ``python examples/make_recordings.py OUT_DIR``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synthesis.encode import quantised, write
from synthesis.environment import CLIPS, day
from synthesis.song import TEMPO_BPM, song

__all__ = ["LABELS", "TEMPO_BPM", "make_all", "make_one"]

_SONG = "song.flac"
LABELS = {clip.file: clip.label for clip in CLIPS}


def make_all(folder: Path) -> list[Path]:
    """Writes every recording into a folder, made if absent; returns their paths, the song first and its stems last.

    ``song.flac`` is the sum of ``stems/{drums,bass,other,vocals}.flac``, sample for sample. The same folder has the
    environmental clips, whose intended labels are in ``LABELS`` by file name, and ``day.opus``, half a minute of five
    of their kind with quiet between.
    """
    (folder / "stems").mkdir(parents=True, exist_ok=True)
    mixture, stems = song()
    return [
        write(folder / _SONG, mixture),
        *(write(folder / clip.file, quantised(clip.samples(), clip.peak)) for clip in CLIPS),
        write(folder / "day.opus", quantised(day()[0], 0.9)),
        *(write(folder / "stems" / f"{name}.flac", stem) for name, stem in stems.items()),
    ]


def make_one(folder: Path, name: str) -> Path:
    """Writes the song or one of the clips into a folder, made if absent. Raises ``KeyError`` for another name."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == _SONG:
        return write(folder / name, song()[0])
    clip = {clip.file: clip for clip in CLIPS}[name]
    return write(folder / name, quantised(clip.samples(), clip.peak))


def _main() -> None:
    parser = argparse.ArgumentParser(
        description="Synthesises the demo's recordings: a song, its stems, and a day's sounds."
    )
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--only", choices=[_SONG, *LABELS], help="make this file alone")
    arguments = parser.parse_args()
    for path in [make_one(arguments.folder, arguments.only)] if arguments.only else make_all(arguments.folder):
        print(path)


if __name__ == "__main__":
    _main()
