"""``phonoscope classifiers``: classifiers of one's own, taught on stored vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect
from phonoscope_cli.teach import SpaceOption

if TYPE_CHECKING:
    from rich.console import Console

    from phonoscope.client import Client
    from phonoscope.contract.classifiers import ClassifierCard, ClassifierFigures, SpaceChoice

classifiers = typer.Typer(help="Teach classifiers of your own, and use them.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The classifier's name, as the list shows it.")]
_MOST_SHOWN = 12


@classifiers.command("list")
def list_(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Lists your classifiers with their labels and figures."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "state", "version", "labels", "recordings", "accuracy", "to review")
    with connect(url, api_key, data_dir) as client:
        for card in client.classifiers():
            recordings = "" if card.figures is None else f"{card.figures.recordings:,}"
            facts = (card.state, str(card.version), f"{card.label_count:,}", recordings, accuracy_of(card.figures))
            table.add_row(Text(card.name), *facts, f"{card.queue:,}")
    Console().print(table)


@classifiers.command()
def show(name: NameArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Prints a classifier's card: its figures, what it mistakes, and which examples may be labelled wrongly."""
    from rich.console import Console

    with connect(url, api_key, data_dir) as client:
        print_card(Console(), client.classifier(name))


@classifiers.command("teach")
def teach_again(
    name: NameArgument,
    space: SpaceOption = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Teaches a classifier again, or makes a new one, from the labels that you confirmed and rejected."""
    from rich.console import Console

    from phonoscope.contract.classifiers import ClassifierRequest, TeachRequest

    asked = {} if space is None else {"space": space}
    with connect(url, api_key, data_dir) as client:
        if name in {card.name for card in client.classifiers()}:
            client.teach_again(name, TeachRequest.model_validate(asked))
        else:
            client.create_classifier(ClassifierRequest.model_validate({"name": name, **asked}))
        with Console(stderr=True).status(f"teaching {name}"):
            card = client.taught(name)
        print_card(Console(), card)
    raise typer.Exit(0 if card.problem is None else 1)


@classifiers.command("apply")
def apply_(
    name: NameArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Labels the whole library, from stored vectors."""
    from rich.console import Console

    with connect(url, api_key, data_dir) as client:
        run_application(client, Console(), name)


@classifiers.command()
def queue(
    name: NameArgument,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many windows to show.")] = 10,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Lists the windows whose labels would teach most; `phonoscope labels confirm` and `reject` answer."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from phonoscope_cli.tables import clock

    table = Table("recording", "file", "from", "to", "may be", "probability", "because")
    with connect(url, api_key, data_dir) as client:
        for one in client.review_queue(name, limit).items:
            span = (clock(one.start_s), clock(one.end_s))
            table.add_row(
                one.track_id, Text(one.filename), *span, Text(one.label), f"{one.probability:.2f}", one.reason
            )
    Console().print(table)


@classifiers.command()
def versions(
    name: NameArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Lists a classifier's versions, the newest first."""
    from rich.console import Console
    from rich.table import Table

    table = Table("version", "taught", "labels", "accuracy", "space", "digest")
    with connect(url, api_key, data_dir) as client:
        for one in client.classifier_versions(name):
            moment = f"{one.taught_at.astimezone():%Y-%m-%d %H:%M:%S}"
            digest = one.digest.removeprefix("sha256:")[:12]
            table.add_row(str(one.version), moment, f"{one.label_count:,}", accuracy_of(one.figures), one.space, digest)
    Console().print(table)


@classifiers.command("export")
def export_(
    name: NameArgument,
    to: Annotated[Path, typer.Option(help="The ZIP file to write.", dir_okay=False)],
    version: Annotated[int | None, typer.Option(help="By default the newest.")] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Writes a classifier's manifest and weights into a ZIP file, which other services can import."""
    with connect(url, api_key, data_dir) as client:
        to.write_bytes(client.export_classifier(name, version))


@classifiers.command("import")
def import_(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="A ZIP file as `export` writes it.", exists=True, dir_okay=False)],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a classifier, or a new version of one, of an exported file."""
    from phonoscope.client.recordings import open_recording

    with connect(url, api_key, data_dir) as client, open_recording(file) as content:
        card = client.import_classifier(name, content)
    typer.echo(f"{card.name}: version {card.version}, {card.label_count} labels")


@classifiers.command()
def delete(
    name: NameArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Deletes a classifier with all its versions and the labels that it gave."""
    with connect(url, api_key, data_dir) as client:
        client.delete_classifier(name)


def run_application(client: Client, console: Console, name: str) -> None:
    """Has the library labelled, waits for it and prints what changed."""
    from phonoscope.states import Status

    with console.status(f"labelling the library by {name}"):
        job = client.wait(client.apply_classifier(name))
    done = client.classifier(name).applied
    if job.status is not Status.SUCCEEDED or done is None:
        console.print(f"the library was not labelled: {job.status}", style="red")
        raise typer.Exit(1)
    line = f"{done.tracks:,} recordings: the labels of {done.changed:,} changed, {done.unknown:,} are unknown"
    rest = f", {done.without_vectors:,} have no vectors" if done.without_vectors else ""
    console.print(line + rest, highlight=False)


def accuracy_of(figures: ClassifierFigures | None) -> str:
    """An accuracy with its interval, as text."""
    if figures is None or figures.accuracy is None:
        return "too few to say"
    return f"{figures.accuracy:.1%} ({figures.accuracy_low:.1%} to {figures.accuracy_high:.1%})"


def print_card(console: Console, card: ClassifierCard) -> None:
    """Prints what a classifier tells apart, how well, and what to look at."""
    from rich.text import Text

    title = f"{card.name}, version {card.version}" if card.version else f"{card.name}, not taught yet"
    console.print(Text(f"{title} on {card.space.model}", style="bold"), highlight=False)
    if card.problem is not None:
        console.print(Text(f"  it was not taught: {card.problem.detail}", style="red"), highlight=False, soft_wrap=True)
    if card.erased:
        console.print(
            "  a recording that it was taught from was erased: teach it again", style="yellow", highlight=False
        )
    if card.figures is not None:
        _print_figures(console, card.figures)
    for doubt in card.doubts[:_MOST_SHOWN]:
        line = f"  {doubt.filename} at {doubt.start_s:.1f} s is labelled {doubt.given}, and sounds like {doubt.label}"
        console.print(Text(line, style="yellow"), highlight=False, soft_wrap=True)


def space_of(chosen: SpaceChoice) -> str:
    """Which space a version was taught in, and why, as text."""
    if chosen.chosen_by == "maker":
        return f"in the space of {chosen.model}, since {chosen.why}"
    shares = {one.model: f"{one.accuracy:.1%}" for one in chosen.tried if one.accuracy is not None}
    own = f"{chosen.model} ({shares.pop(chosen.model)}) before " if shares else f"{chosen.model}"
    others = ", ".join(f"{model} ({share})" for model, share in shares.items())
    return f"space chosen by itself: {own}{others}; {chosen.why}"


def _print_figures(console: Console, figures: ClassifierFigures) -> None:
    from rich.table import Table
    from rich.text import Text

    held_out = f"{figures.recordings:,} recordings, {figures.folds} folds, none judged by a head that was taught on it"
    console.print(f"  accuracy {accuracy_of(figures)}: {held_out}", highlight=False, soft_wrap=True)
    console.print(f"  {figures.method}: {figures.why}", highlight=False, soft_wrap=True)
    if figures.space is not None:
        console.print(Text(f"  {space_of(figures.space)}"), highlight=False, soft_wrap=True)
    table = Table("label", "recordings", "precision", "recall", "", box=None, padding=(0, 2))
    for label in figures.labels:
        shares = (_share(label.precision), _share(label.recall))
        table.add_row(Text(label.label), f"{label.recordings:,}", *shares, "too few to say" if label.too_few else "")
    console.print(table)
    for mistake in figures.confusions[:_MOST_SHOWN]:
        line = f"  {mistake.recordings:,} of {mistake.label} were taken for {mistake.taken_for}"
        console.print(Text(line), highlight=False, soft_wrap=True)
    if figures.unknown_of_strangers is not None:
        line = f"  of other recordings {figures.unknown_of_strangers:.0%} are called unknown"
        console.print(line, highlight=False)
    for line in figures.left_out:
        console.print(Text(f"  left out: {line}", style="yellow"), highlight=False, soft_wrap=True)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
