"""How soon the C library gives memory back that a pass of a network has used."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TIGHT = 1 << 20
_ROOMY = 32 << 20


def tighten() -> None:
    """Arrays of a megabyte and more are given back at once: a pass takes two thirds of the memory, and longer."""
    _set(_TIGHT)


def relax() -> None:
    """Freed memory is kept for the next pass, up to what is the C library's own limit."""
    _set(_ROOMY)


def _set(threshold: int) -> None:
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            allocator.mallopt(option, threshold)
