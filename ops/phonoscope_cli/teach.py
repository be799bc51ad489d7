"""``phonoscope teach``: a served classifier from a folder whose sub-folders are labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from rich.console import Console

    from phonoscope.client import Client
    from phonoscope.contract.classifiers import ClassifierCard, TeachRequest

SpaceOption = Annotated[
    str | None,
    typer.Option(
        help="A model or body on whose vectors it is taught, from now on; `auto`: each teaching chooses the space in "
        "which it is right most often, as it does where a new one is given none."
    ),
]
_FEWEST_LABELS = 2
_LONGEST_NAME = 63


def teach(
    folder: Annotated[Path, typer.Argument(help="Its sub-folders are the labels; their files are the examples.")],
    name: Annotated[str | None, typer.Option(help="The classifier's name; by default the folder's.")] = None,
    space: SpaceOption = None,
    several: Annotated[
        bool | None,
        typer.Option(
            "--multi-label/--one-label",
            help="Whether a recording can have several labels, and lie in several folders; as before when left out.",
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Then label the whole library.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Uploads the recordings, has a classifier taught from them and prints its card. A file that cannot be uploaded is
    named and left out. A classifier of that name that is there is taught again, from this folder and what you said of
    its labels since it was made.
    """
    from rich.console import Console

    from phonoscope_cli.classifiers import print_card, run_application

    files = labelled_files(folder)
    name = name or name_of(folder)
    console, errors = Console(), Console(stderr=True)
    with connect(url, api_key, data_dir) as client:
        examples = _uploaded(client, errors, folder, files)
        _check(examples, several=_can_have_several(client, name) if several is None else several)
        card = taught(client, errors, name, request_of(examples, space, several=several))
        print_card(console, card)
        if apply and card.problem is None:
            run_application(client, console, name)
    raise typer.Exit(0 if card.problem is None else 1)


def labelled_files(folder: Path) -> dict[str, list[Path]]:
    """The files of each sub-folder and of the folders in it, without hidden ones, by label.

    Raises ``typer.BadParameter`` when there are fewer than two labels.
    """
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder", param_hint="FOLDER")
    labels = {place.name: list(_files(place)) for place in sorted(folder.iterdir()) if _is_label(place)}
    found = {label: files for label, files in labels.items() if files}
    if len(found) < _FEWEST_LABELS:
        there = ", ".join(found) or "none"
        raise typer.BadParameter(
            f"{folder} needs a sub-folder with recordings for each of two labels or more; there are: {there}",
            param_hint="FOLDER",
        )
    return found


def name_of(folder: Path) -> str:
    """A classifier's name for a folder.

    >>> name_of(Path("Birds of Ålesund (2024)"))
    'birds-of-lesund-2024'
    """
    plain = re.sub(r"[^a-z0-9._]+", "-", folder.resolve().name.lower()).strip("-._")
    return plain[:_LONGEST_NAME].rstrip("-._") or "classifier"


def _is_label(place: Path) -> bool:
    return place.is_dir() and not place.name.startswith(".")


def _files(place: Path) -> Iterator[Path]:
    for path in sorted(place.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
        if path.is_file() and not hidden:
            yield path


def _uploaded(
    client: Client, errors: Console, folder: Path, files: dict[str, list[Path]]
) -> dict[str, dict[str, Path]]:
    """The uploaded tracks' ids, each with a file that it was made of, by label."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    found: dict[str, dict[str, Path]] = {label: {} for label in files}
    with Progress(*columns, console=errors, transient=True) as progress:
        bar = progress.add_task("uploading", total=sum(map(len, files.values())))
        for label, path in ((label, path) for label, paths in files.items() for path in paths):
            progress.update(bar, description=f"uploading {path.relative_to(folder)}")
            track_id = _upload(client, errors, path)
            if track_id is not None:
                found[label][track_id] = path
            progress.advance(bar)
    return {label: tracks for label, tracks in found.items() if tracks}


def _upload(client: Client, errors: Console, path: Path) -> str | None:
    from rich.text import Text

    from phonoscope.client import ApiError
    from phonoscope.filenames import shown_path

    try:
        return client.upload(path).id
    except ApiError as error:
        if not _is_of_file(error):
            raise
        reason = f"{error.title}: {error.detail}"
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    errors.print(Text(f"{shown_path(path)}: {reason}", style="red"), highlight=False, soft_wrap=True)
    return None


def _is_of_file(error: Exception) -> bool:
    """Whether the next file may do better: it is this one that is refused, not the key or the quota."""
    return getattr(error, "status_code", 0) in {413, 415, 422}


def _known(client: Client, name: str) -> ClassifierCard | None:
    return next((card for card in client.classifiers() if card.name == name), None)


def _can_have_several(client: Client, name: str) -> bool:
    """Whether a recording can have several labels of a classifier; not where there is none of that name."""
    known = _known(client, name)
    return known is not None and known.multi_label


def _check(examples: dict[str, dict[str, Path]], *, several: bool) -> None:
    """Raises ``typer.BadParameter`` where one label is left, or a recording has two and may have one."""
    if len(examples) < _FEWEST_LABELS:
        raise typer.BadParameter("recordings of fewer than two labels could be uploaded", param_hint="FOLDER")
    seen: dict[str, tuple[str, Path]] = {}
    for label, track_id, path in ((label, *pair) for label, tracks in examples.items() for pair in tracks.items()):
        other = seen.setdefault(track_id, (label, path))
        if other[0] != label and not several:
            raise typer.BadParameter(
                f"{path} and {other[1]} are the same recording under two labels; "
                "leave one out, or teach with --multi-label",
                param_hint="FOLDER",
            )


def request_of(
    examples: Mapping[str, Iterable[str]], space: str | None = None, *, several: bool | None = None
) -> TeachRequest:
    """What has a classifier taught from these tracks by label; of one that is there the rest stays as it is."""
    from phonoscope.contract.classifiers import TeachRequest

    given = {label: list(tracks) for label, tracks in examples.items()}
    more = {"space": space, "multi_label": several}
    named = {name: value for name, value in more.items() if value is not None}
    return TeachRequest.model_validate({"confirmed": False, "labels": list(given), "examples": given, **named})


def taught(client: Client, console: Console, name: str, request: TeachRequest) -> ClassifierCard:
    """A classifier once it was taught from what ``request`` says, again where it is there already."""
    from phonoscope.contract.classifiers import ClassifierRequest

    if _known(client, name):
        client.teach_again(name, request)
    else:
        asked = {"name": name, **request.model_dump(exclude_unset=True)}
        client.create_classifier(ClassifierRequest.model_validate(asked))
    with console.status(f"teaching {name}") as status:
        return client.taught(name, lambda card: status.update(f"teaching {name}: {card.state}"))
