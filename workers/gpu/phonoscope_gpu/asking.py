"""How near a recording is to labels in the client's own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonoscope.text import Meant, ServedMeaning
from phonoscope.text.clap import ClapText
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.inference import BodyPass, Prediction, predict

_Scores = NDArray[np.float32]
_SENTENCE = "This is a sound of {}."
"""As ``transformers`` asks CLAP which label fits a sound."""


def asked_labels(labels: Sequence[str], top_k: int, words: ServedMeaning, shared: Pass) -> dict[str, Any]:
    """As ``ClassifyResult.asked`` has it: by sentences in a body's space, else by what the models heard in any case."""
    if shared.beside is not None and shared.beside.sentences is not None:
        windows = shared.listener.heard(shared.beside.body)
        scores = _by_sentences(labels, windows, shared.beside.sentences)
        return _answer("clap", labels, [[]] * len(labels), scores, windows, top_k)
    heard = _heard(shared)
    meaning = words.among(heard)
    meant = [meaning.of(label) for label in labels]
    probabilities = {name: found.probabilities for name, found in heard.items()}
    scores = np.stack([meaning.scores(one, probabilities) for one in meant], axis=1)
    missing = [label for label, one in zip(labels, meant, strict=True) if not one.weights]
    windows_of_first = next(iter(heard.values()))
    return _answer(meaning.way, labels, [_by(one) for one in meant], scores, windows_of_first, top_k, missing)


def _by_sentences(labels: Sequence[str], windows: BodyPass, sentences: ClapText) -> _Scores:
    """How probable each label is in each window, if one of them holds: ``(windows, labels)``."""
    sounds = windows.vectors.astype(np.float32)
    return sentences.probabilities(sounds, [_SENTENCE.format(label) for label in labels])


def _answer(
    way: str,
    labels: Sequence[str],
    by: Sequence[list[dict[str, Any]]],
    scores: _Scores,
    windows: Prediction | BodyPass,
    top_k: int,
    missing: Sequence[str] = (),
) -> dict[str, Any]:
    scores = scores * ~windows.silent[:, None]
    loud = ~windows.silent if not windows.silent.all() else windows.silent
    overall = scores[loud].mean(axis=0)
    return {
        "way": way,
        "top": [
            {"label": labels[index], "score": _rounded(overall[index]), "by": by[index]}
            for index in np.argsort(-overall, kind="stable")
        ],
        "windows": [
            {"start_s": round(start_s, 3), "end_s": round(end_s, 3), "top": _top(labels, row, top_k)}
            for (start_s, end_s), row in zip(windows.spans_s, scores, strict=True)
        ],
        "missing": list(missing),
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


def _top(labels: Sequence[str], row: _Scores, top_k: int) -> list[dict[str, Any]]:
    best = np.argsort(-row, kind="stable")[:top_k]
    return [{"label": labels[index], "score": _rounded(row[index])} for index in best]


def _by(meant: Meant) -> list[dict[str, Any]]:
    return [
        {"model": model, "label": label, "weight": round(weight, 4)} for (model, label), weight in meant.weights.items()
    ]


def _rounded(score: float) -> float:
    return round(float(score), 4)
