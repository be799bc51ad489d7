"""Calls of the Linux kernel that Python does not offer."""

from __future__ import annotations

import ctypes
import os
from functools import cache

SET_PARENT_DEATH_SIGNAL = 1
SET_DUMPABLE = 4
SET_SECCOMP = 22
DROP_BOUNDING_CAPABILITY = 24
SET_NO_NEW_PRIVILEGES = 38


def prctl(option: int, first: int | ctypes.c_void_p = 0, second: int | ctypes.c_void_p = 0) -> None:
    """Raises ``OSError`` when the kernel refuses, or is not Linux."""
    _checked(_library().prctl(ctypes.c_int(option), _word(first), _word(second), _word(0), _word(0)))


def syscall(number: int, *arguments: int | ctypes.c_void_p) -> int:
    """A system call by its number. Raises ``OSError``."""
    return _checked(_library().syscall(ctypes.c_long(number), *map(_word, arguments)))


def unshare(flags: int) -> None:
    """Gives this process namespaces of its own. Raises ``OSError``."""
    _checked(_library().unshare(ctypes.c_int(flags)))


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _word(value: int | ctypes.c_void_p) -> ctypes.c_ulong | ctypes.c_void_p:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
