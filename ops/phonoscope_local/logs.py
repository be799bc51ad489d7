"""The stack's logs: one file for each part, cut when it is long, a few earlier ones kept."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from phonoscope_local.files import set_aside

LONGEST_BYTES = 8 << 20
KEPT = 3
_COPIED_BYTES = 1 << 20


def opened(log: Path) -> Path:
    """Makes a log that can be appended to, for its owner alone. Raises ``OSError``."""
    if os.path.lexists(log) and not log.is_file():
        set_aside(log)
    log.touch(mode=0o600)
    return log


def rotate_all(logs: Path, longest_bytes: int = LONGEST_BYTES) -> None:
    """Cuts the logs of a folder that are too long; one that cannot be cut is left as it is."""
    for log in logs.glob("*.log"):
        with contextlib.suppress(OSError):
            if log.is_file() and log.stat().st_size > longest_bytes:
                rotate(log)


def rotate(log: Path, kept: int = KEPT) -> None:
    """Copies a log to ``NAME.log.1`` and empties it; earlier copies move up, the last one is erased.

    The processes that write it keep it open for appending, so they continue at its new end. Raises ``OSError``.
    """
    for number in range(kept, 1, -1):
        earlier = _copy_of(log, number - 1)
        if earlier.exists():
            earlier.replace(_copy_of(log, number))
    copied = os.open(_copy_of(log, 1), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with log.open("rb") as source, os.fdopen(copied, "wb") as copy:
        shutil.copyfileobj(source, copy, _COPIED_BYTES)
        # Little can be written between the end of the copy and this.
        os.truncate(log, 0)


def _copy_of(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
