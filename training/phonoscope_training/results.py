"""A run's predictions on disk, and the metrics computed from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from phonoscope_ml.networks import AudioResNet
from phonoscope_training.checkpoint import save_tensors
from phonoscope_training.data import Clips
from phonoscope_training.errors import InvalidRun
from phonoscope_training.evaluate import FoldPredictions, evaluate
from phonoscope_training.fit import predict
from phonoscope_training.folder import METRICS

PREDICTIONS = "predictions.safetensors"


def save_predictions(network: AudioResNet, test: Clips, strangers: Clips | None, path: Path) -> None:
    """Saves the predictions from which all metrics are computed, so that the network need not run again."""
    logits, embeddings = predict(network, test.spectrograms)
    tensors: dict[str, Tensor] = {
        "logits": logits,
        "embeddings": embeddings,
        "targets": test.targets,
        "recordings": test.recordings,
        "sources": test.sources,
    }
    if strangers is not None:
        tensors["strangers"] = predict(network, strangers.spectrograms)[0]
        tensors["stranger_recordings"] = strangers.recordings
    save_tensors(tensors, path, {"labels": json.dumps(test.labels)})


def evaluate_run(folder: Path) -> dict[str, Any]:
    """Computes the metrics of the folds scored so far and writes ``metrics.json``. Raises ``InvalidRun`` without any
    fold.
    """
    found = {int(path.parent.name.removeprefix("fold-")): path for path in folder.glob(f"fold-*/{PREDICTIONS}")}
    if not found:
        raise InvalidRun(f"{folder}: no fold has been scored yet")
    labels = _labels(next(iter(found.values())))
    folds = {fold: FoldPredictions(**cast("dict[str, Any]", load_file(path))) for fold, path in sorted(found.items())}
    metrics = {"labels": labels} | evaluate(folds, labels)
    (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _labels(path: Path) -> list[str]:
    with safe_open(path, "pt") as file:
        labels: list[str] = json.loads(file.metadata()["labels"])
    return labels
