"""Chooses the device that networks run on."""

from __future__ import annotations

import torch

from phonoscope.errors import DeviceUnavailable


def choose_device(wanted: str = "auto") -> torch.device:
    """The device to use: the wanted one, or for ``auto`` the first available of ``cuda``, ``mps`` and ``cpu``.

    Raises ``DeviceUnavailable`` when the wanted device is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there.get(wanted, False):
        present = ", ".join(name for name, available in there.items() if available)
        raise DeviceUnavailable(f"device {wanted!r} is not available; available: {present}")
    return torch.device(wanted)
