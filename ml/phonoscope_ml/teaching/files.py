"""Taught heads as a manifest and safetensors, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from phonoscope.catalogue import OWN, BodyRef, HeadManifest
from phonoscope.catalogue.centres import centre_of
from phonoscope.errors import WeightsMismatch
from phonoscope_ml.teaching.linear import LinearHead
from phonoscope_ml.teaching.taught import Taught

WEIGHTS = "weights.safetensors"
_DIMENSIONS = 512
"""Of the vectors of all bodies."""
_MOST_NAMED = 10
_DATA = "examples of its owner"
_LICENCE = "its owner's"


def to_files(taught: Taught, name: str, version: int, body: BodyRef) -> tuple[HeadManifest, bytes]:
    """A head's manifest and its weights; they name no recording.

    Raises ``InvalidManifest`` when the centre of the body's space cannot be read.
    """
    weights = save({"linear.weight": taught.weights, "linear.bias": taught.bias})
    choice = {
        "bodies": [body],
        "weights": {"file": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest(), "dtype": "float32"},
        "temperature": taught.temperature,
        "thresholds": [float(one) for one in taught.thresholds],
        "metrics": metrics_of(taught),
    }
    manifest = HeadManifest.model_validate(
        {
            "name": name,
            "version": version,
            "kind": OWN,
            "labels": list(taught.labels),
            "activation": taught.activation,
            "reads": "embedding",
            "space": space_of(body),
            "on": [choice],
            "data": _DATA,
            "licence": _LICENCE,
            "limits": list(_limits(taught)),
        }
    )
    return manifest, weights


def _limits(taught: Taught) -> Iterator[str]:
    figures = taught.figures
    if figures.accuracy is None:
        yield "It has no figures: nothing could be held out."
    if few := [one.label for one in figures.labels if one.too_few]:
        named = ", ".join(few[:_MOST_NAMED]) + (" and others" if len(few) > _MOST_NAMED else "")
        yield f"Taught on fewer than 10 recordings, so that their figures say little: {named}."
    if not figures.strangers:
        yield "It was shown no recordings without its labels, and may call these something."


def space_of(body: BodyRef) -> str:
    """The digest of the space whose vectors a body gives now. Raises ``InvalidManifest``."""
    centre = centre_of(body.digest)
    return f"sha256:{centre.space_digest if centre else body.digest}"


def from_files(manifest: HeadManifest, weights: bytes) -> LinearHead:
    """A head of its manifest and weights.

    Raises:
        WeightsMismatch: the weights differ from the manifest in digest or shape, or are not finite.
    """
    choice = manifest.on[0]
    if hashlib.sha256(weights).hexdigest() != choice.weights.sha256:
        raise WeightsMismatch(f"the weights of {manifest.name} differ from its manifest")
    try:
        found = load(weights)
        matrix, bias = (found[key].astype(np.float32) for key in ("linear.weight", "linear.bias"))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise WeightsMismatch(f"the weights of {manifest.name} cannot be read: {error}") from error
    labels = len(manifest.labels)
    if (matrix.shape, bias.shape) != ((labels, _DIMENSIONS), (labels,)):
        raise WeightsMismatch(f"the weights of {manifest.name} have shapes {matrix.shape} and {bias.shape}")
    if not (np.isfinite(matrix).all() and np.isfinite(bias).all()):
        raise WeightsMismatch(f"the weights of {manifest.name} are not finite")
    thresholds = np.array(choice.thresholds, dtype=np.float32)
    return LinearHead(tuple(manifest.labels), manifest.activation, matrix, bias, choice.temperature, thresholds)


def metrics_of(taught: Taught) -> dict[str, Any]:
    """What a model card says of it in numbers; ``None`` where nothing could be held out."""
    names = (
        "method accuracy accuracy_low accuracy_high macro_f1 examples recordings groups held_out folds strangers "
        "unknown_share_of_strangers strangers_alike unknown_share_of_examples"
    )
    values = {name: getattr(taught.figures, name) for name in names.split()}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
