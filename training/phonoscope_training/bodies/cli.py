"""``phonoscope-train body``: fine-tune a body, measure the centre of its space."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from phonoscope.catalogue import MANIFEST, BodyManifest, read_manifest
from phonoscope.catalogue.centres import CENTRES
from phonoscope.errors import InvalidManifest
from phonoscope_ml.device import choose_device
from phonoscope_ml.registry import load_body
from phonoscope_training.bodies.centring import measure_centre
from phonoscope_training.bodies.export import export_body, write_body_card
from phonoscope_training.bodies.fit import published_body
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.bodies.run import BodyRun
from phonoscope_training.folder import RECIPE
from phonoscope_training.options import DATA, DataRoot, Device, Recipe, RunFolder, Threads, use_threads

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


@app.command()
def centre(
    folder: Annotated[Path, typer.Argument(help="The body's folder.", exists=True, file_okay=False)],
    sets: Annotated[list[str], typer.Option("--set", help="A folder of recordings in the data; can be repeated.")],
    to: Annotated[Path, typer.Option(help="The folder of centres.")] = CENTRES,
    data: DataRoot = DATA,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Measure the mean of a body's unit vectors, which is subtracted before vectors are compared; sets count alike.

    A body with another centre has another space: its tracks must be embedded again.
    """
    use_threads(threads)
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, BodyManifest):
        raise InvalidManifest(f"{folder / MANIFEST}: {manifest.kind} is no body")
    bare = replace(load_body(manifest, folder, choose_device(device)), centre=None)
    found = measure_centre(bare, manifest.digest, data, sets, lambda files: track(files, console=console))
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{manifest.digest}.json"
    path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console.print(f"{path}: the centre of {manifest.name}, of length {hypot(*found.mean):.2f}")
