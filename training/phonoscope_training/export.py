"""Exports a finished run as a model's folder: ``manifest.json`` and ``weights.safetensors``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from phonoscope.catalogue import MANIFEST
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_training.checkpoint import save_tensors
from phonoscope_training.errors import InvalidRun
from phonoscope_training.folder import ENVIRONMENT, METRICS, RECIPE, WEIGHTS
from phonoscope_training.recipe import Recipe
from phonoscope_training.run import FINAL


def export(run: Path, folder: Path) -> dict[str, Any]:
    """Writes the model's folder from a run's final weights and metrics; returns the manifest.

    The calibration's temperature is divided into the last layer, so that a served probability is a calibrated one.

    Raises:
        InvalidRun: the run lacks its final weights or its metrics.
    """
    for needed in (run / FINAL / WEIGHTS, run / METRICS):
        if not needed.exists():
            raise InvalidRun(f"{needed} does not exist: the run is not finished")
    recipe, metrics = Recipe.read(run / RECIPE), json.loads((run / METRICS).read_text(encoding="utf-8"))
    weights = _calibrated(load_file(run / FINAL / WEIGHTS), metrics["calibration"]["temperature"])
    manifest = {
        "name": folder.name,
        "version": next_version(folder),
        "kind": recipe.card.kind,
        "architecture": recipe.network.architecture,
        "embedding_dim": EMBEDDING_DIM,
        "labels": metrics["labels"],
        "front_end": recipe.front_end.as_dict(),
        "unknown_below": metrics["unknown"]["below"],
        "metrics": {name: value for name, value in metrics.items() if name != "labels"},
        "data": recipe.card.data,
        "licence": recipe.card.licence,
        "limits": recipe.card.limits,
        "recipe": recipe.model_dump(mode="json", exclude={"front_end", "card"}),
        "environment": json.loads((run / ENVIRONMENT).read_text(encoding="utf-8")),
    }
    return write_model(weights, manifest, folder)


def next_version(folder: Path) -> int:
    """The version after that of the model in the folder; 1 when there is none."""
    manifest = folder / MANIFEST
    before: int = json.loads(manifest.read_text(encoding="utf-8"))["version"] if manifest.exists() else 0
    return before + 1


def write_model(weights: dict[str, Tensor], manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes a model's folder; returns the manifest completed with the weights' digest."""
    complete = manifest | {"weights": save_weights(weights, folder)}
    (folder / MANIFEST).write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")
    return complete


def save_weights(weights: dict[str, Tensor], folder: Path, name: str = WEIGHTS) -> dict[str, str]:
    """Writes the weights' file into a model's folder; returns the manifest's entry for it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(weights, folder / name)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    dtype = next(str(value.dtype).removeprefix("torch.") for value in weights.values() if value.is_floating_point())
    return {"file": name, "sha256": digest, "dtype": dtype}


def _calibrated(weights: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
    """The weights with the last layer divided by the temperature."""
    scaled = {name: (weights[name].float() / temperature).to(weights[name].dtype) for name in ("fc.weight", "fc.bias")}
    return weights | scaled
