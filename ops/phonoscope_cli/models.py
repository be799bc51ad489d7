"""``phonoscope models``: lists models, checks their weights, fetches models from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.paths import bundled, cache, pulled_models

if TYPE_CHECKING:
    from phonoscope.catalogue import Catalogue

models = typer.Typer(help="Manage served models.", no_args_is_help=True)
FolderOption = Annotated[
    Path | None, typer.Option("--models-dir", envvar="PHONOSCOPE_MODELS_DIR", help="Folder of served models.")
]
PulledOption = Annotated[
    Path | None,
    typer.Option("--more-models-dir", envvar="PHONOSCOPE_MORE_MODELS_DIR", help="Folder of models that were pulled."),
]


@models.command("list")
def list_(models_dir: FolderOption = None, more_models_dir: PulledOption = None) -> None:
    """Lists the served models."""
    from rich.console import Console
    from rich.table import Table

    catalogue = _catalogue(models_dir, more_models_dir)
    table = Table("name", "kind", "network", "hears", "figure", "digest", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for manifest in catalogue.manifests.values():
        accuracy = manifest.card().metrics.get("cross_validation", {}).get("accuracy_mean")
        table.add_row(
            manifest.name,
            manifest.kind,
            manifest.architecture,
            f"{len(manifest.labels)} labels",
            f"{accuracy:.1%}" if accuracy is not None else "—",
            manifest.digest[:12],
        )
    for separator in catalogue.separators.values():
        heard, gained = f"{len(separator.sources)} stems", separator.metrics.get("improvement_of_all")
        figure = f"+{gained:.1f} dB" if gained is not None else "—"
        table.add_row(separator.name, separator.kind, separator.architecture, heard, figure, separator.digest[:12])
    Console().print(table)


@models.command()
def verify(models_dir: FolderOption = None, more_models_dir: PulledOption = None) -> None:
    """Checks every model's weights against its manifest; exits with status 1 at the first that differ."""
    catalogue = _catalogue(models_dir, more_models_dir)
    for name in catalogue.models:
        catalogue.check(name)
        typer.echo(f"{name}: whole")


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help="htdemucs, htdemucs_ft or htdemucs_6s.")],
    more_models_dir: PulledOption = None,
    cache_dir: Annotated[
        Path | None, typer.Option(envvar="PHONOSCOPE_CACHE_DIR", help="Folder for files that can be made again.")
    ] = None,
) -> None:
    """Fetches a separation model from the Hugging Face hub (or HF_ENDPOINT), checks it and compiles it."""
    from phonoscope_cli.pulling import pull as fetch
    from phonoscope_ml.separation.compiling import compile_in_process

    place = fetch(name, more_models_dir or pulled_models())
    typer.echo(f"{name}: {place}")
    typer.echo("Compiling it for this machine, which takes a minute …")
    # A worker would compile it too, during its first recordings.
    if not compile_in_process(place, (cache_dir or cache()) / "cores"):
        typer.echo("It could not be compiled; workers run it without.", err=True)


def _catalogue(models_dir: Path | None, more_models_dir: Path | None) -> Catalogue:
    from phonoscope.catalogue import Catalogue

    return Catalogue(more_models_dir or pulled_models(), models_dir or bundled("models"))
