"""``phonoscope-train head``: teach heads on the features of bodies, and export them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from phonoscope.catalogue import Catalogue
from phonoscope_training.card import spread
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.heads.card import write_head_card
from phonoscope_training.heads.check import check_head
from phonoscope_training.heads.export import export_head
from phonoscope_training.heads.run import HeadRun
from phonoscope_training.options import DATA, DataRoot, Recipe, RunFolder, Threads, use_threads

app = typer.Typer(no_args_is_help=True, help="Teaches heads: labels, on the features of bodies.")
console = Console()


@app.command()
def fit(
    recipe: Recipe,
    models: Annotated[list[Path], typer.Option(help="A folder with bodies; can be repeated.", exists=True)],
    run: Annotated[Path | None, typer.Option(help="The run's folder. [runs/<recipe's name>]")] = None,
    unheard: Annotated[
        Path | None,
        typer.Option(help="The bodies that were trained on these recordings, without one fold.", exists=True),
    ] = None,
    data: DataRoot = DATA,
    threads: Threads = 0,
) -> None:
    """Cross-validate a head on each choice of bodies that is there, then fit it on all folds."""
    use_threads(threads)
    this = HeadRun.open(run or Path("runs") / recipe.stem, recipe, data, models, console, unheard)
    there = this.choices
    for names in this.recipe.on:
        if names not in there:
            console.print(f"not on {' and '.join(names)}, which is not there")
    for names in there:
        _show(names, this.fit(names))


@app.command()
def export(
    run: RunFolder,
    to: Annotated[Path, typer.Option(help="The head's folder; its last part is the model's name.")],
    card: Annotated[Path, typer.Option(help="The folder for the model's card.")] = Path("docs/models"),
) -> None:
    """Write a finished run as a model that the service can serve, with its card."""
    write_head_card(export_head(run, to), card)
    console.print(f"{to} is ready to be served; its card is {card / to.name}.md")


@app.command()
def check(
    head: Annotated[Path, typer.Argument(help="An exported head's folder.", exists=True, file_okay=False)],
    models: Annotated[list[Path], typer.Option(help="A folder with bodies; can be repeated.", exists=True)],
    data: DataRoot = DATA,
    card: Annotated[Path, typer.Option(help="The folder for the model's card.")] = Path("docs/models"),
    threads: Threads = 0,
) -> None:
    """Score a head again on the sets that are only scored, and write that into its manifest and card."""

    def watch(files: list[LabelledFile]) -> Iterable[LabelledFile]:
        return track(files, "hearing recordings", console=console, disable=not console.is_terminal)

    use_threads(threads)
    manifest = check_head(head, Catalogue(*models), data, watch)
    write_head_card(manifest, card)
    for choice in manifest["on"]:
        _show_answers(manifest["labels"], choice)


def _show_answers(labels: list[str], choice: dict[str, Any]) -> None:
    rows = [row for row in choice["metrics"].get("answers_by_set", []) if row.get("only_scored")]
    table = Table(f"on {' and '.join(body['name'] for body in choice['bodies'])}", "recordings", *labels, box=None)
    for row in rows:
        table.add_row(row["set"], f"{row['recordings']:,}", *(f"{share:.1%}" for share in row["answers"]))
    console.print(table)


def _show(names: list[str], metrics: dict[str, Any]) -> None:
    figures, unknown = metrics["cross_validation"], metrics["unknown"]
    table = Table(f"on {' and '.join(names)}, out of fold", "", box=None)
    table.add_row("accuracy, mean", f"{figures['accuracy_mean']:.1%}{spread(figures)}")
    for name, value in metrics["accuracy_by_set"].items():
        table.add_row(f"accuracy, {name}", f"{value:.1%}")
    table.add_row("calibration error, scaled", f"{metrics['calibration']['ece_after']:.3f}")
    if "strangers" in unknown:
        table.add_row("strangers rejected", f"{unknown['strangers_rejected']:.1%} of {unknown['strangers']:,}")
    console.print(table)
