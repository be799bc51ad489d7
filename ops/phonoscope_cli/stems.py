"""Stems, for people: what there is, and how true each is where the parts are known."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from phonoscope.client import Client
from phonoscope.tasks.separate import SeparateResult
from phonoscope_cli.tables import plain_table

if TYPE_CHECKING:
    from phonoscope.audio.samples import Samples

_RATE_HZ = 44_100


def stems_table(result: SeparateResult) -> Table:
    """Which stems a separation gave, and by which model."""
    table = plain_table(f"stems by {result.model.name}")
    for stem in result.stems:
        table.add_row(Text(stem.name), stem.format, f"peak {stem.peak:.2f}")
    return table


def print_scores(console: Console, client: Client, result: SeparateResult, song: Path, parts: Path) -> None:
    """The SDR of a separation's stems against the parts that the song was mixed from, ``<parts>/<stem>.flac``."""
    mixture = _decoded(song.open("rb"))
    known = {stem.name: _decoded((parts / f"{stem.name}.flac").open("rb")) for stem in result.stems}
    found = {stem.name: _decoded(io.BytesIO(client.download(stem.audio))) for stem in result.stems}
    console.print()
    console.print(scores_table(result.model.name, mixture, known, found))


def scores_table(model: str, mixture: Samples, known: Mapping[str, Samples], found: Mapping[str, Samples]) -> Table:
    """How far each stem is from its part, and how far the untouched mixture would be, in decibels.

    Shape:
        - input: ``(2, samples)`` each
    """
    table = Table("stem", "SDR", "of the mixture", "gained", box=None, pad_edge=False, padding=(0, 2))
    table.title, table.title_justify, table.title_style = f"stems by {model}, against the known parts", "left", "bold"
    gains = []
    for name, part in known.items():
        own, plain = sdr_db(part, found[name]), sdr_db(part, mixture)
        gains.append(own - plain)
        table.add_row(name, f"{own:.1f} dB", f"{plain:.1f} dB", f"{gains[-1]:+.1f} dB")
    table.add_row("mean", "", "", f"{sum(gains) / len(gains):+.1f} dB", style="bold")
    return table


def sdr_db(part: Samples, estimate: Samples) -> float:
    """Signal to distortion: ``10 log10(|s|² / |s - e|²)``, in decibels; what one is longer by counts as silence.

    Shape:
        - input: ``(2, samples)`` each
    """
    import numpy as np

    length = max(part.shape[1], estimate.shape[1])
    wanted, given = (
        np.pad(sound.astype(np.float64), ((0, 0), (0, length - sound.shape[1]))) for sound in (part, estimate)
    )
    least = np.finfo(np.float32).tiny
    return float(10.0 * np.log10((np.square(wanted).sum() + least) / (np.square(wanted - given).sum() + least)))


def _decoded(file: BinaryIO) -> Samples:
    import numpy as np

    from phonoscope.audio.decode import Recording

    with file, Recording(file) as recording:
        return np.concatenate(list(recording.stereo(_RATE_HZ)), axis=1)
