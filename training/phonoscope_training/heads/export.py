"""Exports a finished run as a head's folder: ``manifest.json`` and a weights' file for each choice of bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from phonoscope.catalogue import MANIFEST
from phonoscope_training.errors import InvalidRun
from phonoscope_training.export import next_version, save_weights
from phonoscope_training.folder import ENVIRONMENT, METRICS, RECIPE
from phonoscope_training.heads.recipe import HeadRecipe
from phonoscope_training.heads.run import HEAD


def export_head(run: Path, folder: Path) -> dict[str, Any]:
    """Writes the head's folder from a run; returns the manifest.

    Raises:
        InvalidRun: no choice of bodies has been fitted.
    """
    recipe = HeadRecipe.read(run / RECIPE)
    fitted = [run / "-".join(names) for names in recipe.on if (run / "-".join(names) / METRICS).exists()]
    if not fitted:
        raise InvalidRun(f"{run}: no head has been fitted yet")
    found = [json.loads((place / METRICS).read_text(encoding="utf-8")) for place in fitted]
    manifest = {
        "name": folder.name,
        "version": next_version(folder),
        "kind": recipe.card.kind,
        "labels": found[0]["labels"],
        "activation": recipe.activation,
        "on": [_choice(recipe, place, metrics, folder) for place, metrics in zip(fitted, found, strict=True)],
        "data": recipe.card.data,
        "licence": recipe.card.licence,
        "limits": recipe.card.limits,
        "recipe": recipe.model_dump(mode="json", exclude={"card"}),
        "environment": json.loads((run / ENVIRONMENT).read_text(encoding="utf-8")),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def _choice(recipe: HeadRecipe, place: Path, metrics: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "bodies": metrics["bodies"],
        "weights": save_weights(load_file(place / HEAD), folder, f"{place.name}.safetensors"),
        "temperature": metrics["calibration"]["temperature"],
        "thresholds": [0.0 if recipe.exhaustive else metrics["unknown"]["below"]],
        "metrics": {name: value for name, value in metrics.items() if name not in {"labels", "bodies"}},
    }
