"""Options that the commands of all trainings share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

DATA = Path("../shared/data")
Recipe = Annotated[Path, typer.Argument(help="A recipe; see training/recipes.", exists=True, dir_okay=False)]
RunFolder = Annotated[Path, typer.Argument(help="The run's folder.", exists=True, file_okay=False)]
DataRoot = Annotated[
    Path, typer.Option(help="The folder that the recipe's paths start from.", envvar="PHONOSCOPE_DATA")
]
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 uses all.", min=0)]


def use_threads(threads: int) -> None:
    """Sets the number of CPU threads; 0 leaves all."""
    if threads:
        torch.set_num_threads(threads)
