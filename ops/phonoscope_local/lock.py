"""The lock of a stack's folder: the process that holds it runs the stack."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from phonoscope.errors import StackError
from phonoscope_local.files import LOCK
from phonoscope_local.processes import wait_until

_PATIENCE_S = 2.0


@contextlib.contextmanager
def stack_lock(folder: Path) -> Iterator[bool]:
    """Takes the lock, until the block or this process ends; yields whether it could be taken."""
    # Other processes test the lock by taking it for a moment, so one refusal proves nothing.
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield wait_until(lambda: _take(descriptor), _PATIENCE_S)
    finally:
        os.close(descriptor)


def is_free(folder: Path) -> bool:
    """Whether no process runs the stack of this folder. Raises ``StackError`` when the lock cannot be opened."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise StackError(f"{folder / LOCK} cannot be opened: {error.strerror}") from error
    try:
        return _take(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
