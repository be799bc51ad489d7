"""``phonoscope-train speech``: recordings of speech to score by, cut from Debian's packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from phonoscope_training.speech import write_speech
from phonoscope_training.speech.voices import VOICES, Voices

console = Console()
_PACKAGES = " ".join(voices.package for voices in VOICES)


def speech(
    packages: Annotated[
        Path,
        typer.Argument(
            help=f"A folder of .deb files, made there by: apt-get download {_PACKAGES}", exists=True, file_okay=False
        ),
    ],
    to: Annotated[
        Path, typer.Option(help="The folder to write to; each speaker gets a folder in it.", file_okay=False)
    ],
) -> None:
    """Cut recordings of speech from Debian's packages, for scoring; the same packages give the same recordings."""

    def watch(voices: Sequence[Voices]) -> Iterable[Voices]:
        return track(voices, "reading packages", console=console, disable=not console.is_terminal)

    speakers = write_speech(packages, to, watch=watch)
    table = Table("package", "version", "speakers", "recordings", box=None)
    for package in {speaker.package.name: speaker.package for speaker in speakers}.values():
        own = [speaker for speaker in speakers if speaker.package == package]
        table.add_row(package.name, package.version, str(len(own)), str(sum(len(each.files) for each in own)))
    console.print(table)
    console.print(f"{to}: {sum(len(speaker.files) for speaker in speakers)} recordings of {len(speakers)} speakers")
