"""``python -m phonoscope_cpu.profiles FOLDER --source TEXT``: prints reference profiles from a folder of recordings.

The folder has a folder for each genre. The output is kept as ``phonoscope/audio/profiles.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from phonoscope.audio.decode import Recording
from phonoscope.audio.profiles import BandLevel, differences_db
from phonoscope_cpu.measure.balance import Balance

_ROUNDS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints reference profiles from a folder of recordings.")
    parser.add_argument("folder", type=Path, help="has a folder of recordings for each genre")
    parser.add_argument("--source", required=True, help="what the recordings are; shown with every comparison")
    chosen = parser.parse_args()
    genres = {
        folder.name: profile(measured(path) for path in sorted(folder.iterdir()))
        for folder in sorted(chosen.folder.iterdir())
        if folder.is_dir()
    }
    json.dump({"source": chosen.source, "genres": genres}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def measured(path: Path) -> list[BandLevel]:
    """A recording's levels; empty when it is silent.

    Raises:
        RecordingError: the recording cannot be read.
    """
    balance = Balance()
    with path.open("rb") as file, Recording(file) as recording:
        for block in recording.blocks():
            balance.add(block)
    balance.finish()
    return balance.levels


def profile(recordings: Iterable[Sequence[BandLevel]]) -> dict[str, Any]:
    """The mean and the standard deviation of aligned recordings; those that lack a band are left out.

    Raises ``ValueError`` when none is left.
    """
    whole = [each for each in recordings if each and all(level["level_db"] is not None for level in each)]
    if not whole:
        raise ValueError("a genre needs recordings that are not silent and reach up to 11,025 Hz")
    mean = [0.0] * len(whole[0])
    # The mean depends on the recordings' alignment, and the alignment on the mean.
    for _ in range(_ROUNDS):
        mean = [each + shift for each, shift in zip(mean, _mean_apart(whole, mean), strict=True)]
    apart = zip(*(_apart(each, mean) for each in whole), strict=True)
    return {
        "recordings": len(whole),
        "mean_db": [round(each - max(mean), 2) for each in mean],
        "spread_db": [round(pstdev(each), 2) for each in apart],
    }


def _mean_apart(recordings: Sequence[Sequence[BandLevel]], mean: Sequence[float]) -> list[float]:
    return [fmean(each) for each in zip(*(_apart(levels, mean) for levels in recordings), strict=True)]


def _apart(levels: Sequence[BandLevel], mean: Sequence[float]) -> list[float]:
    return [each for each in differences_db(levels, mean) if each is not None]


if __name__ == "__main__":
    main()
