"""Sets when the C library returns freed memory to the system."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_SMALL = 1 << 20
_LARGE = 32 << 20


def free_at_once() -> None:
    """Returns arrays from 1 MB at once: a pass needs a third less memory, and more time."""
    _set(_SMALL)


def reuse_freed() -> None:
    """Keeps freed memory for the next pass, up to the C library's own limit."""
    _set(_LARGE)


def _set(threshold: int) -> None:
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            allocator.mallopt(option, threshold)
