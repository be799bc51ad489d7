"""Pulls a model into the folder of pulled models: once for many processes, whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phonoscope.catalogue import MANIFEST, Pullable, check_weights, pullable, read_manifest
from phonoscope.errors import DownloadFailed, InvalidManifest, WeightsMismatch
from phonoscope_cli.pulling.files import room_for


def pull(name: str, folder: Path, *, mirror: Path | None = None, endpoint: str | None = None) -> list[Path]:
    """The folders of a model, made unless they exist and their weights are whole. A second caller waits for the first.

    Args:
        folder: of the models, each of which has a folder of its own in it.
        mirror: a folder with published files, used before their sources.
        endpoint: of the Hugging Face hub; by default ``HF_ENDPOINT``, else the public one.

    Raises:
        UnknownModel: there is no such model to pull.
        DownloadFailed: a source cannot be reached or has no such file, or the disk is full; files fetched so far are
            kept for the next call.
        WeightsMismatch: a file differs from its published digest.
        UnreadableWeights: a file cannot be read as what it should be.
        InvalidManifest: a file does not describe a known network.
    """
    wanted = pullable(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{wanted.name}.lock"):
            return _pull(wanted, folder, mirror, endpoint)
    except OSError as error:
        raise DownloadFailed(f"{wanted.name} cannot be written to {folder}: {error}") from error


def is_whole(wanted: Pullable, folder: Path) -> bool:
    """Whether all folders of a model exist. Raises ``WeightsMismatch`` or ``InvalidManifest`` when one is damaged."""
    places = [folder / model for model in wanted.models]
    if not all((place / MANIFEST).exists() for place in places):
        return False
    for place in places:
        try:
            check_weights(read_manifest(place / MANIFEST), place)
        except (InvalidManifest, WeightsMismatch) as error:
            raise type(error)(f"{error.detail}; remove {place} and pull it again") from error
    return True


def _pull(wanted: Pullable, folder: Path, mirror: Path | None, endpoint: str | None) -> list[Path]:
    places = [folder / model for model in wanted.models]
    if is_whole(wanted, folder):
        return places
    draft = folder / f".{wanted.name}-pulling"
    made = draft / "made"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        with room_for(made):
            _make(wanted, draft, made, mirror, endpoint)
        for place in places:
            check_weights(read_manifest(made / place.name / MANIFEST), made / place.name)
    except DownloadFailed:
        shutil.rmtree(made, ignore_errors=True)
        _remove_without_files(draft)
        raise
    except BaseException as error:
        shutil.rmtree(made if isinstance(error, KeyboardInterrupt) else draft, ignore_errors=True)
        raise
    for place in places:
        if not (place / MANIFEST).exists():
            (made / place.name).replace(place)
    shutil.rmtree(draft)
    return places


def _make(wanted: Pullable, draft: Path, made: Path, mirror: Path | None, endpoint: str | None) -> None:
    # What reads networks takes a second to import; a model that is there needs none of it.
    if wanted.kind == "separation":
        from phonoscope_cli.pulling.demucs import make_demucs

        make_demucs(wanted.name, draft, made, endpoint)
    elif wanted.name == "clap":
        from phonoscope_cli.pulling.clap import make_clap

        make_clap(draft, made, endpoint)
    elif wanted.kind == "text":
        from phonoscope_cli.pulling.texts import make_text

        make_text(wanted.name, draft, made, mirror, endpoint)
    else:
        from phonoscope_cli.pulling.bodies import make_body

        make_body(wanted.name, draft, made, mirror)


def _remove_without_files(draft: Path) -> None:
    if not any(path.is_file() for path in draft.rglob("*")):
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
