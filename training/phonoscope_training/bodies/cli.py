"""``phonoscope-train body``: fine-tune a body."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from phonoscope_training.bodies.export import export_body, write_body_card
from phonoscope_training.bodies.fit import published_body
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.bodies.run import BodyRun
from phonoscope_training.folder import RECIPE
from phonoscope_training.options import DATA, DataRoot, Recipe, RunFolder, Threads, use_threads

app = typer.Typer(no_args_is_help=True, help="Fine-tunes bodies, the networks that heads are taught on.")
console = Console()


Start = Annotated[
    Path, typer.Option(help="The weights that the run starts from, as safetensors.", exists=True, dir_okay=False)
]


@app.command()
def fit(
    recipe: Recipe,
    start: Start,
    run: Annotated[Path | None, typer.Option(help="The run's folder. [runs/<recipe's name>]")] = None,
    data: DataRoot = DATA,
    fold: Annotated[int, typer.Option(help="The fold to choose by; 0 leaves it out.")] = 1,
    final: Annotated[bool, typer.Option(help="Fit the weights to serve, on all folds.")] = True,
    threads: Threads = 0,
) -> None:
    """Train without a fold to choose by, then on all folds. A stopped run continues."""
    use_threads(threads)
    this = BodyRun.open(
        run or Path("runs") / recipe.stem, recipe, published_body(start, BodyRecipe.read(recipe)), console
    )
    sounds = this.load(data)
    if fold:
        console.print_json(data=this.fit_without(sounds, fold)["shares"])
    if final:
        this.fit_all(sounds)


@app.command()
def export(
    run: RunFolder,
    start: Start,
    to: Annotated[Path, typer.Option(help="The body's folder; its last part is the body's name.")],
    card: Annotated[Path, typer.Option(help="The folder for the body's card.")] = Path("docs/models"),
) -> None:
    """Write a finished run as a body that heads can be taught on, with its card.

    RUN/fold-1/models has the same body trained without the fold that chose, for `head fit --unheard`.
    """
    published = published_body(start, BodyRecipe.read(run / RECIPE))
    write_body_card(export_body(run, to, published), card)
    console.print(f"{to} is ready for heads; its card is {card / to.name}.md")
