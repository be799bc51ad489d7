"""The stack's folder and its private files."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

from phonoscope.errors import StackError

LOCK = "stack.lock"
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


def resolved(folder: Path) -> Path:
    """The absolute path of a stack's folder, with links followed."""
    return folder.expanduser().resolve()


def open_folder(folder: Path) -> None:
    """Makes a stack's folder, private to its owner, unless it exists.

    Raises ``StackError`` when it cannot be made or holds files that are not a stack's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        names = {entry.name for entry in folder.iterdir()}
        if names and LOCK not in names:
            raise StackError(f"{folder} holds other files; name a new or empty folder with --data-dir")
        for name, right in ((LOCK, Path.is_file), ("logs", Path.is_dir)):
            if os.path.lexists(folder / name) and not right(folder / name):
                set_aside(folder / name)
        (folder / LOCK).touch(mode=_PRIVATE_FILE)
        make_private(folder)
        make_private(folder / "logs")
    except OSError as error:
        raise StackError(f"the folder {folder} cannot be used: {error.strerror or error}") from error


def make_private(folder: Path) -> None:
    """Makes a folder that only its owner can enter; also of one that exists."""
    folder.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
    if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE_FOLDER:
        folder.chmod(_PRIVATE_FOLDER)


def set_aside(path: Path) -> str:
    """Gives a damaged file or folder another name in its folder, ``NAME.damaged-DATE``, and returns that name.

    Raises ``OSError``.
    """
    name = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    path.rename(path.with_name(name))
    return name


def read_regular(path: Path, longest_bytes: int) -> bytes:
    """The content of a file, which is made readable where its owner took that away.

    Raises ``FileNotFoundError``, and ``OSError`` when it is no regular file, too long or cannot be read.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a file")
    if found.st_size > longest_bytes:
        raise OSError(f"{path} has more than {longest_bytes} bytes")
    with contextlib.suppress(PermissionError):
        return path.read_bytes()
    path.chmod(_PRIVATE_FILE)
    return path.read_bytes()


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically; only its owner can read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
