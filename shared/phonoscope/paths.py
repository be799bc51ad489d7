"""Folders: what comes with the product, inside the wheel or beside the sources, and what a person has of it."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_data_path

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """``migrations`` or ``models``, wherever this installation keeps them."""
    packaged = _PACKAGE / name
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / name


def pulled_models() -> Path:
    """Where models are kept that this person pulled."""
    return user_data_path("phonoscope") / "models"


def cache() -> Path:
    """For what can be made again."""
    return user_cache_path("phonoscope")
