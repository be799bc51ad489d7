"""Where networks run."""

from __future__ import annotations

import torch


def choose_device(wanted: str = "auto") -> torch.device:
    """``cuda``, else ``mps``, else ``cpu`` for ``auto``; else what is wanted.

    Raises ``ValueError`` when the wanted device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there.get(wanted, False):
        raise ValueError(f"device {wanted!r} is not available; there is: {', '.join(n for n, a in there.items() if a)}")
    return torch.device(wanted)
