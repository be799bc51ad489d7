"""Turns exhausted memory and disk space into typed errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from phonoscope.errors import DiskFull, OutOfMemory

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def typed_resource_errors() -> Iterator[None]:
    """Turns errors of exhausted memory and disk space into this product's; also a decorator.

    Raises:
        OutOfMemory: memory ran out.
        DiskFull: disk space for temporary files ran out.
    """
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory("the worker ran out of memory") from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull("the worker's folder for temporary files has no room for what the task makes") from error
