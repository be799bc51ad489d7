"""A run's folder: its recipe and the environment that it was made in."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from pydantic import BaseModel

from phonoscope_training.errors import InvalidRun
from phonoscope_training.recipe import read_recipe

RECIPE, ENVIRONMENT, METRICS, WEIGHTS = "recipe.toml", "environment.json", "metrics.json", "weights.safetensors"
RecipeT = TypeVar("RecipeT", bound=BaseModel)


def open_run_folder(folder: Path, recipe_file: Path, kind: type[RecipeT], device: torch.device) -> RecipeT:
    """Makes a run's folder, or opens the existing one; returns the recipe.

    Raises:
        InvalidRecipe: the recipe cannot be read.
        InvalidRun: the folder holds a run of another recipe.
    """
    kept, recipe = folder / RECIPE, read_recipe(kind, recipe_file)
    if kept.exists() and read_recipe(kind, kept) != recipe:
        raise InvalidRun(f"{folder} has a run of another recipe than {recipe_file}: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        kept.write_bytes(recipe_file.read_bytes())
    (folder / ENVIRONMENT).write_text(json.dumps(environment(device), indent=2) + "\n", encoding="utf-8")
    return recipe


def environment(device: torch.device) -> dict[str, str]:
    """The versions and the device that figures depend on, besides recipe and data."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
    }
