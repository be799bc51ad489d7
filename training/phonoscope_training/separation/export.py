"""Exports a scored run as a model's folder, with its card."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from phonoscope.catalogue import MANIFEST, SEPARATION
from phonoscope_training.card import write_card
from phonoscope_training.errors import InvalidRun
from phonoscope_training.export import next_version, save_weights
from phonoscope_training.folder import ENVIRONMENT, METRICS
from phonoscope_training.separation.network import constructor_arguments
from phonoscope_training.separation.run import SeparationRun
from phonoscope_training.separation.songs import SOURCES

_STATED = {"samplerate", "segment"}
_FINEST_SEGMENT = 1_000


def export(run: Path, folder: Path, cards: Path) -> dict[str, Any]:
    """Writes ``manifest.json``, ``weights.safetensors`` in half precision and the card; returns the manifest.

    Raises ``InvalidRun`` when there are no weights, or when the metrics are not those of the weights.
    """
    this = SeparationRun.open(run, None, Path(), torch.device("cpu"), Console())
    weights, epochs = this.weights()
    metrics = json.loads((run / METRICS).read_text(encoding="utf-8")) if (run / METRICS).exists() else {}
    if metrics.get("epochs") != epochs:
        raise InvalidRun(f"{run}: the figures are not those after epoch {epochs}: evaluate the run first")
    recipe = this.recipe
    manifest = {
        "name": folder.name,
        "version": next_version(folder),
        "kind": SEPARATION,
        "architecture": "htdemucs",
        "arguments": {
            name: value for name, value in constructor_arguments(recipe.network).items() if name not in _STATED
        },
        "sources": list(SOURCES),
        "sample_rate_hz": recipe.network.sample_rate_hz,
        "segment_s": str(Fraction(recipe.network.segment_s).limit_denominator(_FINEST_SEGMENT)),
        "parameters": sum(value.numel() for value in weights.values()),
        "metrics": metrics,
        "data": recipe.card.data,
        "licence": recipe.card.licence,
        "limits": recipe.card.limits,
        "recipe": recipe.model_dump(mode="json", exclude={"card"}),
        "environment": json.loads((run / ENVIRONMENT).read_text(encoding="utf-8")),
    }
    complete = manifest | {"weights": [save_weights(weights, folder)]}
    (folder / MANIFEST).write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")
    write_card(complete, cards)
    return complete
