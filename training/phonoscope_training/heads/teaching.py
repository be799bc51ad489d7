"""What a published model teaches a head: the kinds of some windows, and the layer that the head starts at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from phonoscope.catalogue import Catalogue, Kind
from phonoscope_ml.heads import HeadedNetwork
from phonoscope_ml.inference import Prediction
from phonoscope_ml.kinds import kinds_of
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_ml.registry import Model, load_body, load_named
from phonoscope_training.errors import InvalidRun
from phonoscope_training.heads.features import Features
from phonoscope_training.heads.linear import Linear
from phonoscope_training.heads.recipe import TeacherSettings
from phonoscope_training.sounds import SoundSettings


def load_teacher(settings: TeacherSettings, models: Catalogue) -> Model:
    """The teacher, on the CPU.

    Raises:
        UnknownModel, BodyAbsent, InvalidManifest, WeightsMismatch: it cannot be loaded.
        InvalidRun: it is no head on features, or lacks a label that the recipe names.
    """
    device = torch.device("cpu")
    teacher = load_named(models, settings.model, lambda body, folder: load_body(body, folder, device), device)
    missing = [label for label in settings.labels.values() if label not in teacher.manifest.labels]
    if missing or not isinstance(teacher.network, HeadedNetwork) or teacher.reads != "features":
        raise InvalidRun(
            f"{settings.model} cannot teach: it has no label {missing[0]!r}"
            if missing
            else f"{settings.model} cannot teach: it is not a head on a body's features"
        )
    return teacher


def kinds_heard(teacher: Model, units: Tensor) -> list[Kind]:
    """The kind of each window by the teacher. Shape: ``units (windows, features)``, of its bodies."""
    with torch.inference_mode():
        probabilities = teacher.network.probabilities(teacher.network.classify(units)).numpy()
    count = len(units)
    return kinds_of(
        Prediction(
            labels=teacher.manifest.labels,
            thresholds=np.array(teacher.thresholds, dtype=np.float32),
            spans_s=[(0.0, 0.0)] * count,
            probabilities=probabilities,
            silent=np.zeros(count, dtype=np.bool_),
            embedding=np.zeros(EMBEDDING_DIM, dtype=np.float32),
        )
    )


def relabelled(features: Features, sets: Sequence[SoundSettings], kinds: Sequence[Kind]) -> Features:
    """Features whose windows have the kind that the teacher hears, where their set lets it decide so.

    Silent ones among these are left out.

    Args:
        kinds: of each window, by the teacher.
    """
    decided = {kind for each in sets for kind in each.kinds} - {Kind.SILENCE}
    labels = sorted({*features.labels, *decided})
    own = [features.labels[target] for target in features.targets.tolist()]
    found = [
        kind if kind in sets[number].kinds else label
        for label, kind, number in zip(own, kinds, features.sets.tolist(), strict=True)
    ]
    kept = torch.tensor([label != Kind.SILENCE for label in found])
    targets = torch.tensor([0 if label == Kind.SILENCE else labels.index(label) for label in found])
    return replace(features, labels=labels, targets=targets).part(kept)


def starting_layer(teacher: Model, settings: TeacherSettings, labels: Sequence[str], features: int) -> Linear:
    """The teacher's rows for each of the labels; zeros for a label that the recipe gives none.

    Raises ``InvalidRun`` when the teacher's body gives another number of features.
    """
    assert isinstance(teacher.network, HeadedNetwork)
    layer = teacher.network.head.linear
    if layer.in_features != features:
        raise InvalidRun(f"{settings.model} takes {layer.in_features} features, and the bodies give {features}")
    weight, bias = torch.zeros(len(labels), features).double(), torch.zeros(len(labels)).double()
    for index, label in enumerate(labels):
        if label in settings.labels:
            row = teacher.manifest.label_index(settings.labels[label])
            weight[index], bias[index] = layer.weight[row].double(), layer.bias[row].double()
    return Linear(weight, bias)
