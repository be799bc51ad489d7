"""The features that bodies give for the recordings of a recipe, computed once and kept in the run's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import BodyPass
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_training.checkpoint import save_tensors
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.sounds import Alteration, Sounds, SoundSettings, Windows, alter, read_sounds

_LABELS = "labels"
_AT_ONCE = 16
_READ_AT_ONCE = 256


@dataclass(frozen=True)
class Features(Windows):
    """What a head is taught on and scored by: the windows of recordings as bodies hear them.

    Shape:
        - units: ``(windows, features)``, the features of all bodies side by side
        - copies: ``(windows, copies, features)``, those of altered copies of the same windows
        - embeddings: ``(windows, 512)``, of the first body
    """

    units: Tensor
    copies: Tensor
    embeddings: Tensor

    def taught(self) -> tuple[Tensor, Tensor]:
        """The features and targets of all windows and their copies. Shape: ``(n, features)`` and ``(n,)``."""
        copies = self.copies.unbind(1)
        return torch.cat([self.units, *copies]), self.targets.repeat(1 + len(copies))


@dataclass(frozen=True)
class Listener:
    """Hears sets of recordings with one body or several, and keeps what they gave in a folder.

    The windows are those of the first body; what the others heard there is combined as in serving.
    """

    bodies: Sequence[Body]
    root: Path
    cache: Path
    seed: int
    watch: Callable[[list[LabelledFile]], Iterable[LabelledFile]] = iter

    def hear(self, sets: Sequence[SoundSettings], copies: Sequence[Alteration] = ()) -> Features:
        """The features of all recordings of some sets. Raises ``InvalidDataset``."""
        parts = [self._heard(body, sets, copies) for body in self.bodies]
        units = [part["units"] for part, _ in parts]
        first, labels = parts[0]
        units = [units[0], *(_during(part, first) for part, _ in parts[1:])]
        rest = {name: first[name] for name in ("embeddings", "targets", "folds", "recordings", "sources", "sets")}
        return Features(units=torch.cat(units, 1), copies=first["copies"].transpose(0, 1), labels=labels, **rest)

    def _heard(
        self, body: Body, sets: Sequence[SoundSettings], copies: Sequence[Alteration]
    ) -> tuple[dict[str, Tensor], list[str]]:
        path = self.cache / f"{self._key(body, sets, copies)}.safetensors"
        if not path.exists():
            self._hear(body, sets, copies, path)
        with safe_open(path, "pt") as file:
            labels: list[str] = json.loads(file.metadata()[_LABELS])
        return load_file(path), labels

    def _hear(self, body: Body, sets: Sequence[SoundSettings], copies: Sequence[Alteration], path: Path) -> None:
        settings = body.front_end.settings
        sounds = read_sounds(sets, self.root, settings, self.watch)
        units, embeddings = _in_parts(sounds, lambda waves: _hear(body, waves))
        altered = [self._altered(body, sounds, sets, settings, index) for index, settings in enumerate(copies)]
        tensors = {
            "units": units,
            "spans_s": sounds.spans_s,
            "embeddings": embeddings,
            "copies": torch.stack(altered) if altered else torch.zeros(0, *units.shape),
            "targets": sounds.targets,
            "folds": sounds.folds,
            "recordings": sounds.recordings,
            "sources": sounds.sources,
            "sets": sounds.sets,
        }
        self.cache.mkdir(parents=True, exist_ok=True)
        save_tensors(tensors, path, {_LABELS: json.dumps(sounds.labels)})

    def _altered(
        self, body: Body, sounds: Sounds, sets: Sequence[SoundSettings], settings: Alteration, index: int
    ) -> Tensor:
        full_band = torch.tensor([each.full_band for each in sets])[sounds.sets].nonzero()[:, 0]
        rate_hz, none = body.front_end.settings.sample_rate_hz, torch.zeros(1, 0)

        def hear(waves: Tensor) -> tuple[Tensor, Tensor]:
            lent = sounds.wave(full_band[torch.randint(len(full_band), (len(waves),))]) if len(full_band) else waves
            changed, _ = alter(waves, none.expand(len(waves), 0), lent, settings, rate_hz)
            return _hear(body, changed)

        torch.manual_seed(self.seed + 1 + index)
        return _in_parts(sounds, hear)[0]

    def _key(self, body: Body, sets: Sequence[SoundSettings], copies: Sequence[Alteration]) -> str:
        deciding = {
            "body": body.identity,
            "sets": [each.model_dump(mode="json") for each in sets],
            "copies": [each.model_dump(mode="json") for each in copies],
            "seed": self.seed,
            "root": str(self.root.resolve()),
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def share_folds(features: Features, near: float) -> Features:
    """Features whose recordings share a fold when they are near: chains of near recordings get their commonest fold.

    Recordings of one source count as near, also those of two sets.

    Near recordings are likely of one artist or one master, which a fold's blocks of numbers do not show.

    Args:
        near: the least cosine of features, standardised within each set; 1 changes nothing.
    """
    if near >= 1.0:
        return features
    close = features.sources[:, None] == features.sources
    for each in torch.unique(features.sets):
        inside = (features.sets == each).nonzero()[:, 0]
        units = features.units[inside]
        vectors = functional.normalize((units - units.mean(0)) / units.std(0).clamp_min(1e-6))
        close[inside[:, None], inside] |= vectors @ vectors.T >= near
    groups = torch.arange(len(features))
    while True:
        least = torch.where(close, groups[None], len(groups)).amin(1)
        if torch.equal(least, groups):
            break
        groups = least
    folds = features.folds.clone()
    for group in torch.unique(groups):
        inside = groups == group
        folds[inside] = torch.mode(features.folds[inside]).values
    return replace(features, folds=folds)


def _during(heard: dict[str, Tensor], first: dict[str, Tensor]) -> Tensor:
    """The features of a further body in the windows of the first. Shape: ``(windows of the first, features)``."""
    rows = []
    for recording in torch.unique(first["recordings"]):
        own, asked = heard["recordings"] == recording, first["recordings"] == recording
        spans = [(start_s, end_s) for start_s, end_s in heard["spans_s"][own].tolist()]
        units = heard["units"][own].numpy()
        silent, vectors = np.zeros(len(units), dtype=np.bool_), np.zeros((len(units), EMBEDDING_DIM), dtype=np.float16)
        whole = BodyPass(spans, units, silent, None, vectors)
        rows.append(torch.from_numpy(whole.during(first["spans_s"][asked].tolist())))
    return torch.cat(rows)


def _hear(body: Body, waves: Tensor) -> tuple[Tensor, Tensor]:
    """The features and the embeddings of windows.

    Shape:
        - waves: ``(windows, samples)``, float32 in [-1, 1]
        - output: ``(windows, features)`` and ``(windows, 512)``, float32
    """
    with torch.inference_mode():
        outputs = [body.network(body.spectrograms(part)) for part in torch.split(waves, _AT_ONCE)]
    return (
        torch.cat([output.features for output in outputs]).clone(),
        torch.cat([output.embedding for output in outputs]).clone(),
    )


def _in_parts(sounds: Sounds, hear: Callable[[Tensor], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """What ``hear`` gives for all windows, a few hundred at a time: a set is larger as float32 than as int16."""
    heard = [hear(sounds.wave(part)) for part in torch.split(torch.arange(len(sounds)), _READ_AT_ONCE)]
    return torch.cat([units for units, _ in heard]), torch.cat([embeddings for _, embeddings in heard])
