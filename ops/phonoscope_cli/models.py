"""``phonoscope models``: lists models, checks their weights, fetches published models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.catalogue import PULLABLE, Catalogue, Pullable, pullable
from phonoscope.errors import ModelError
from phonoscope.paths import bundled, cache, pulled_models

if TYPE_CHECKING:
    from rich.table import Table

models = typer.Typer(help="Manage served models.", no_args_is_help=True)
FolderOption = Annotated[
    Path | None, typer.Option("--models-dir", envvar="PHONOSCOPE_MODELS_DIR", help="Folder of served models.")
]
PulledOption = Annotated[
    Path | None,
    typer.Option("--more-models-dir", envvar="PHONOSCOPE_MORE_MODELS_DIR", help="Folder of models that were pulled."),
]
MirrorOption = Annotated[
    Path | None,
    typer.Option("--mirror", envvar="PHONOSCOPE_MODEL_MIRROR", help="Folder of published files, used before the net."),
]


@models.command("list")
def list_(models_dir: FolderOption = None, more_models_dir: PulledOption = None) -> None:
    """Lists the served models."""
    from rich.console import Console
    from rich.table import Table

    catalogue = _catalogue(models_dir, more_models_dir)
    table = Table("name", "kind", "network", "on", "hears", "figure", "digest", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for manifest in catalogue.manifests.values():
        card = manifest.card()
        accuracy = card.metrics.get("cross_validation", {}).get("accuracy_mean")
        table.add_row(
            manifest.name,
            manifest.kind,
            manifest.architecture,
            ", ".join(body.name for body in card.bodies) or "—",
            f"{len(manifest.labels)} labels",
            f"{accuracy:.1%}" if accuracy is not None else "—",
            manifest.digest[:12],
        )
    for separator in catalogue.separators.values():
        heard, gained = f"{len(separator.sources)} stems", separator.metrics.get("improvement_of_all")
        figure = f"+{gained:.1f} dB" if gained is not None else "—"
        table.add_row(separator.name, separator.kind, separator.architecture, "—", heard, figure, separator.digest[:12])
    if (body := catalogue.with_text) is not None:
        table.add_row(body.name, "sounds, words", body.architecture, "—", "sentences", "—", body.digest[:12])
    for text in catalogue.texts.values():
        table.add_row(text.name, text.kind, text.architecture, "—", "sentences", "—", text.digest[:12])
    console = Console()
    console.print(table)
    if waiting := catalogue.absent:
        console.print("\nnot served:")
        for why in waiting.values():
            console.print(why, markup=False, highlight=False, soft_wrap=True)
    if missing := [one for one in PULLABLE.values() if not set(one.models) <= set(catalogue.models)]:
        console.print("\nto pull, with `phonoscope models pull NAME`:")
        console.print(_missing(missing))


def _missing(missing: list[Pullable]) -> Table:
    from rich.table import Table

    table = Table("name", "kind", "gives", "size", "licence", "from", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for one in missing:
        table.add_row(one.name, one.kind, ", ".join(one.models), one.size, one.licence, one.source)
    return table


@models.command()
def verify(models_dir: FolderOption = None, more_models_dir: PulledOption = None) -> None:
    """Checks every model's weights against its manifest; exits with status 1 at the first that differ."""
    catalogue = _catalogue(models_dir, more_models_dir)
    for name in sorted({*catalogue.models, *catalogue.unreadable}):
        catalogue.check(name)
        typer.echo(f"{name}: whole")


_PULL_HELP = "\n\n".join(
    [
        "Fetches published models, checks their digests and makes them servable; what is there is not fetched again.",
        *(f"{one.name}: {', '.join(one.models)} ({one.description})" for one in PULLABLE.values()),
    ]
)


@models.command(help=_PULL_HELP)
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Models to pull.", show_default=False)] = None,
    all_small: Annotated[bool, typer.Option("--all-small", help="Pull all but separation models and clap.")] = False,
    more_models_dir: PulledOption = None,
    mirror: MirrorOption = None,
    cache_dir: Annotated[
        Path | None, typer.Option(envvar="PHONOSCOPE_CACHE_DIR", help="Folder for files that can be made again.")
    ] = None,
) -> None:
    """Pulls models; one that cannot be pulled costs a line, and in the end status 1."""
    small = [one for one in PULLABLE.values() if one.small] if all_small else []
    wanted = {one.name: one for one in (*small, *map(pullable, names or []))}
    if not wanted:
        raise typer.BadParameter(f"name what to pull, or --all-small; there are: {', '.join(PULLABLE)}")
    failed = 0
    for one in wanted.values():
        try:
            _pull(one, more_models_dir or pulled_models(), mirror, cache_dir or cache())
        except ModelError as error:
            failed += 1
            typer.echo(f"{one.name} is not pulled: {error.detail}", err=True)
    raise typer.Exit(1 if failed else 0)


def _pull(wanted: Pullable, folder: Path, mirror: Path | None, cache_dir: Path) -> None:
    from phonoscope_cli.pulling import is_whole
    from phonoscope_cli.pulling import pull as fetch

    if is_whole(wanted, folder) and wanted.kind != "separation":
        return
    for place in fetch(wanted.name, folder, mirror=mirror):
        typer.echo(f"{place.name}: {place}")
        if wanted.kind == "separation":
            _compile(place, cache_dir / "cores")


def _compile(place: Path, cores: Path) -> None:
    from phonoscope_ml.separation.compiling import compile_in_process

    typer.echo("Compiling it for this machine, which takes a minute …")
    # A worker would compile it too, during its first recordings.
    if not compile_in_process(place, cores):
        typer.echo("It could not be compiled; workers run it without.", err=True)


def _catalogue(models_dir: Path | None, more_models_dir: Path | None) -> Catalogue:
    return Catalogue(more_models_dir or pulled_models(), models_dir or bundled("models"))
