"""``phonoscope-train``: fit a recipe, evaluate the run, export the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from phonoscope_ml.device import choose_device
from phonoscope_training.bodies.cli import app as body
from phonoscope_training.card import spread, write_card
from phonoscope_training.export import export as export_run
from phonoscope_training.heads.cli import app as head
from phonoscope_training.options import DATA, DataRoot, Device, Recipe, RunFolder, Threads, use_threads
from phonoscope_training.results import evaluate_run
from phonoscope_training.run import Run
from phonoscope_training.separation.cli import app as separation
from phonoscope_training.speech.cli import speech
from phonoscope_training.synthesis import LABELS, write_all
from phonoscope_training.thresholds.cli import thresholds

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trains, scores and exports the served models.")
app.add_typer(separation, name="separation")
app.add_typer(body, name="body")
app.add_typer(head, name="head")
app.command()(thresholds)
app.command()(speech)
console = Console()


@app.command()
def fit(
    recipe: Recipe,
    run: Annotated[Path | None, typer.Option(help="The run's folder. [runs/<recipe's name>]")] = None,
    data: DataRoot = DATA,
    device: Device = "auto",
    fold: Annotated[list[int] | None, typer.Option(help="Only this fold; can be repeated.")] = None,
    folds: Annotated[bool, typer.Option(help="Cross-validate. Without it there are weights, but no metrics.")] = True,
    final: Annotated[bool, typer.Option(help="Fit the weights to serve, on all folds.")] = True,
    trial: Annotated[
        bool, typer.Option(help="Score a part of the training folds instead, to choose settings.")
    ] = False,
    threads: Threads = 0,
) -> None:
    """Cross-validate a recipe, then fit the weights to serve. A stopped run continues."""
    use_threads(threads)
    this = Run.open(run or Path("runs") / recipe.stem, recipe, data, choose_device(device), console)
    clips = this.load(this.recipe.data)
    if trial:
        console.print(f"accuracy on the validation part: {this.trial(clips):.4f}")
        return
    strangers = this.load_strangers(clips.labels)
    for number in (fold or torch.unique(clips.folds).tolist()) if folds else ():
        this.fit_fold(clips, number, strangers)
    if final:
        this.fit_all(clips)
    if folds:
        _show(evaluate_run(this.folder))


@app.command()
def synthesise(
    to: Annotated[
        Path, typer.Argument(help="The folder to write to; each label gets a folder in it.", file_okay=False)
    ],
    each: Annotated[int, typer.Option(help="The number of recordings for each label.", min=2)] = 32,
    seed: Annotated[int, typer.Option(help="Another seed gives other recordings.")] = 1,
) -> None:
    """Synthesise labelled recordings, to pre-train on where there are few."""
    written = write_all(to, each, seed)
    for _ in track(written, "writing", total=len(LABELS), console=console, disable=not console.is_terminal):
        pass
    console.print(f"{to}: {len(LABELS)} labels, {each} recordings each")


@app.command()
def evaluate(run: RunFolder) -> None:
    """Score the folds of a run from its saved predictions, and write its metrics."""
    _show(evaluate_run(run))


@app.command()
def export(
    run: RunFolder,
    to: Annotated[Path, typer.Option(help="The model's folder; its last part is the model's name.")],
    card: Annotated[Path, typer.Option(help="The folder for the model's card.")] = Path("docs/models"),
) -> None:
    """Write a finished run as a model that the service can serve, with its card."""
    manifest = export_run(run, to)
    write_card(manifest, card)
    console.print(f"{to} is ready to be served; its card is {card / to.name}.md")


def _show(metrics: dict[str, Any]) -> None:
    figures, calibration, unknown = metrics["cross_validation"], metrics["calibration"], metrics["unknown"]
    table = Table("out of fold", "", box=None)
    for fold, value in figures["accuracy_by_fold"].items():
        table.add_row(f"accuracy, fold {fold}", f"{value:.1%}")
    table.add_row("accuracy, mean", f"{figures['accuracy_mean']:.1%}{spread(figures)}")
    table.add_row("macro F1", f"{figures['macro_f1']:.3f}")
    table.add_row("calibration error", f"{calibration['ece_before']:.3f}, scaled {calibration['ece_after']:.3f}")
    table.add_row("unknown below", f"{unknown['below']:.3f}")
    if "strangers" in unknown:
        table.add_row("strangers rejected", f"{unknown['strangers_rejected']:.1%} of {unknown['strangers']:,}")
    if metrics["retrieval"]:
        table.add_row("retrieval mAP", f"{metrics['retrieval']['map']:.3f}")
    console.print(table)
