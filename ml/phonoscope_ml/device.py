"""Chooses the device that networks run on, and for how many threads of a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from phonoscope.errors import DeviceUnavailable


def choose_device(wanted: str = "auto") -> torch.device:
    """The device to use: the wanted one, or for ``auto`` the first available of ``cuda``, ``mps`` and ``cpu``.

    On CUDA convolutions keep the full precision of float32, so that a recording gets the same answer on every worker:
    by default they round their inputs to 10 bits (TF32), which changed probabilities by 0.002 and saved no time.

    Raises ``DeviceUnavailable`` when the wanted device is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, available in there.items() if available)
    if not there.get(wanted, False):
        present = ", ".join(name for name, available in there.items() if available)
        raise DeviceUnavailable(f"device {wanted!r} is not available; available: {present}")
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(wanted)


@contextmanager
def one_thread(*, when: bool = True) -> Iterator[None]:
    """Runs torch's operations on one thread within the block: sharing short ones takes longer than they do.

    Args:
        when: otherwise nothing changes.
    """
    usual = torch.get_num_threads()
    if when:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
