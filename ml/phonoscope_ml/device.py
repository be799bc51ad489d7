"""Where networks run."""

from __future__ import annotations

import torch

from phonoscope.errors import DeviceUnavailable


def choose_device(wanted: str = "auto") -> torch.device:
    """``cuda``, else ``mps``, else ``cpu`` for ``auto``; else what is wanted.

    Raises ``DeviceUnavailable`` when the wanted device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there.get(wanted, False):
        present = ", ".join(name for name, available in there.items() if available)
        raise DeviceUnavailable(f"device {wanted!r} is not available; there is: {present}")
    return torch.device(wanted)
