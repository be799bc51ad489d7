"""``phonoscope models``: what is served, and whether its weights are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phonoscope.paths import bundled

models = typer.Typer(help="Served models.", no_args_is_help=True)
FolderOption = Annotated[
    Path | None, typer.Option("--models-dir", envvar="PHONOSCOPE_MODELS_DIR", help="Folder of served models.")
]


@models.command("list")
def list_(models_dir: FolderOption = None) -> None:
    """Shows the served models."""
    from rich.console import Console
    from rich.table import Table

    from phonoscope.catalogue import Catalogue

    catalogue = Catalogue(models_dir or bundled("models"))
    table = Table("name", "kind", "network", "labels", "accuracy", "digest")
    for manifest in catalogue.manifests.values():
        accuracy = manifest.metrics.get("cross_validation", {}).get("accuracy_mean")
        table.add_row(
            manifest.name,
            manifest.kind,
            manifest.architecture,
            str(len(manifest.labels)),
            f"{accuracy:.1%}" if accuracy is not None else "—",
            manifest.weights.sha256[:12],
        )
    Console().print(table)


@models.command()
def verify(models_dir: FolderOption = None) -> None:
    """Checks every model's weights against its manifest; ends with status 1 at the first that differ."""
    from phonoscope.catalogue import Catalogue

    catalogue = Catalogue(models_dir or bundled("models"))
    for name in catalogue.models:
        catalogue.check(name)
        typer.echo(f"{name}: whole")
