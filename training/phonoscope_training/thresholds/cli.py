"""``phonoscope-train thresholds``: choose thresholds for the labels of a model that somebody else taught."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.console import Console

from phonoscope_training.options import DATA, DataRoot, Recipe, Threads, use_threads
from phonoscope_training.thresholds.run import ThresholdRun, write_thresholds

console = Console()


def thresholds(
    recipe: Recipe,
    models: Annotated[list[Path], typer.Option(help="A folder with models; can be repeated.", exists=True)],
    to: Annotated[Path, typer.Option(help="The table to write.")],
    run: Annotated[Path | None, typer.Option(help="The run's folder. [runs/thresholds-<recipe's name>]")] = None,
    data: DataRoot = DATA,
    threads: Threads = 0,
) -> None:
    """Choose a threshold for each label of a model, on recordings of which something is known."""
    use_threads(threads)
    folder = run or Path("runs") / f"thresholds-{recipe.stem}"
    found = ThresholdRun.open(folder, recipe, data, models, console).choose()
    write_thresholds(found, to)
    rules = Counter(each.rule for each in found)
    console.print(f"{to}: {', '.join(f'{count} {rule}' for rule, count in sorted(rules.items()))}")
    measured = [each for each in found if each.rule == "measured"]
    precisions = [each.precision for each in measured if each.precision is not None]
    recalls = [each.recall for each in measured if each.recall is not None]
    console.print(
        f"on the fold that checks, means over measured labels: precision {fmean(precisions):.2f} (of {len(precisions)} "
        f"that were heard), recall {fmean(recalls):.2f}"
    )
