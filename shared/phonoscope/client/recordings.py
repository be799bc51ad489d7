"""Files that are sent."""

from __future__ import annotations

import os
import stat
from errno import EINVAL
from io import BufferedReader
from pathlib import Path


def open_recording(path: Path) -> BufferedReader:
    """Opens a file to send.

    Raises ``OSError``, also for what is no file, such as a pipe, which would keep its reader waiting.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - a Path takes no opener; the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(EINVAL, "Not a file", os.fspath(path))
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
