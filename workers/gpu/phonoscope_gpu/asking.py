"""How near a recording is to labels in the client's own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from phonoscope.text import Meant, ServedMeaning
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.inference import Prediction, predict


def asked_labels(labels: Sequence[str], top_k: int, words: ServedMeaning, shared: Pass) -> dict[str, Any]:
    """As ``ClassifyResult.asked`` has it, from what the models' bodies heard in any case."""
    heard = _heard(shared)
    windows = next(iter(heard.values()))
    meaning = words.among(heard)
    meant = [meaning.of(label) for label in labels]
    loud = ~windows.silent if not windows.silent.all() else windows.silent
    probabilities = {name: found.probabilities for name, found in heard.items()}
    scores = np.stack([meaning.scores(one, probabilities) for one in meant], axis=1) * ~windows.silent[:, None]
    overall = scores[loud].mean(axis=0)
    return {
        "way": meaning.way,
        "top": [
            {"label": labels[index], "score": _rounded(overall[index]), "by": _by(meant[index])}
            for index in np.argsort(-overall, kind="stable")
        ],
        "windows": [
            {"start_s": round(start_s, 3), "end_s": round(end_s, 3), "top": _top(labels, row, top_k)}
            for (start_s, end_s), row in zip(windows.spans_s, scores, strict=True)
        ],
        "missing": [label for label, one in zip(labels, meant, strict=True) if not one.weights],
    }


def _heard(shared: Pass) -> dict[str, Prediction]:
    """What each model that was asked anyway hears, in the same windows."""
    answering = [answer.model for answer in shared.answers.every]
    models = {model.manifest.name: model for model in [*([shared.general] if shared.general else []), *answering]}
    windows = shared.listener.heard(next(iter(models.values())).body)
    return {
        name: predict(model, [shared.listener.heard(body) for body in model.bodies], windows)
        for name, model in models.items()
    }


def _top(labels: Sequence[str], row: np.ndarray[Any, Any], top_k: int) -> list[dict[str, Any]]:
    best = np.argsort(-row, kind="stable")[:top_k]
    return [{"label": labels[index], "score": _rounded(row[index])} for index in best]


def _by(meant: Meant) -> list[dict[str, Any]]:
    return [
        {"model": model, "label": label, "weight": round(weight, 4)} for (model, label), weight in meant.weights.items()
    ]


def _rounded(score: float) -> float:
    return round(float(score), 4)
