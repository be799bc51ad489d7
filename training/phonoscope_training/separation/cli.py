"""``phonoscope-train separation``: fit a recipe of stems, score the run, export the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from phonoscope_ml.device import choose_device
from phonoscope_training.options import DATA, DataRoot, Device, Recipe, RunFolder, Threads, use_threads
from phonoscope_training.separation.export import export as export_run
from phonoscope_training.separation.run import SeparationRun
from phonoscope_training.separation.songs import SOURCES

app = typer.Typer(no_args_is_help=True, help="Networks that separate music into stems.")
console = Console()


@app.command()
def fit(
    recipe: Recipe,
    run: Annotated[Path | None, typer.Option(help="The run's folder. [runs/<recipe's name>]")] = None,
    data: DataRoot = DATA,
    device: Device = "auto",
    threads: Threads = 0,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the network first.")] = False,
) -> None:
    """Train on all songs but those held out, then score those. A stopped run continues."""
    use_threads(threads)
    this = SeparationRun.open(run or Path("runs") / recipe.stem, recipe, data, choose_device(device), console)
    learned, held_out = this.load()
    this.fit(learned, held_out, compiled=compiled)
    _show(this.evaluate(learned, held_out))


@app.command()
def evaluate(run: RunFolder, data: DataRoot = DATA, device: Device = "auto", threads: Threads = 0) -> None:
    """Score a run, finished or from its last checkpoint, on its held-out songs, and write its metrics."""
    use_threads(threads)
    this = SeparationRun.open(run, None, data, choose_device(device), console)
    _show(this.evaluate(*this.load()))


@app.command()
def export(
    run: RunFolder,
    to: Annotated[Path, typer.Option(help="The model's folder; its last part is the model's name.")],
    card: Annotated[Path, typer.Option(help="The folder for the model's card.")] = Path("docs/models"),
) -> None:
    """Write a scored run as a model that the service can serve, with its card."""
    export_run(run, to, card)
    console.print(f"{to} is ready to be served; its card is {card / to.name}.md")


def _show(metrics: dict[str, Any]) -> None:
    table = Table(f"after {metrics['epochs']} epochs, dB", *SOURCES, "mean", box=None)
    for name in ("sdr_median", "sdr_mean", "improvement"):
        cells = [f"{metrics[name][source]:.2f}" if source in metrics[name] else "" for source in SOURCES]
        table.add_row(name, *cells, f"{metrics[f'{name}_of_all']:.2f}")
    console.print(table)
