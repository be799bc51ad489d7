"""Folders: of this installation, and of its user."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_data_path

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """The folder ``migrations``, ``models`` or ``examples`` of this installation."""
    packaged = _PACKAGE / name
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / name


def pulled_models() -> Path:
    """The folder of models that this user pulled."""
    return user_data_path("phonoscope") / "models"


def cache() -> Path:
    """The folder for files that can be computed again."""
    return user_cache_path("phonoscope")
