"""A run of a body's recipe: trained without one fold to choose by, then on all folds; it can be continued.

RUN/recipe.toml  environment.json  metrics.json
RUN/fold-1/      checkpoint.safetensors  epochs.csv  tensorboard/  weights.safetensors
RUN/final/       the same
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import load_file
from torch import Tensor

from phonoscope_ml.frontends import build_front_end
from phonoscope_ml.networks import build_network
from phonoscope_training.bodies.fit import features_of, fit, interpolated, new_training
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.callbacks import CHECKPOINT, fit_callbacks
from phonoscope_training.checkpoint import load_checkpoint, save_tensors
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRun
from phonoscope_training.folder import METRICS, WEIGHTS, open_run_folder
from phonoscope_training.heads.linear import fit_linear
from phonoscope_training.sounds import Sounds, read_sounds

FINAL = "final"
_DECAYS = (1e-3, 3e-3, 1e-2, 3e-2)


@dataclass
class BodyRun:
    """A run of a body's recipe, from published weights."""

    folder: Path
    recipe: BodyRecipe
    published: dict[str, Tensor]
    console: Console

    @classmethod
    def open(cls, folder: Path, recipe_file: Path, published: dict[str, Tensor], console: Console) -> BodyRun:
        """Opens the run in ``folder``, or makes a new one. Raises ``InvalidRecipe`` or ``InvalidRun``."""
        recipe = open_run_folder(folder, recipe_file, BodyRecipe, torch.device("cpu"))
        return cls(folder, recipe, published, console)

    def load(self, root: Path) -> Sounds:
        """Reads the recordings of the recipe's sets. Raises ``InvalidDataset``."""

        def watch(files: list[LabelledFile]) -> Iterable[LabelledFile]:
            return track(files, "reading recordings", console=self.console, disable=not self.console.is_terminal)

        return read_sounds(self.recipe.sounds, root, self.recipe.front_end, watch)

    def fit_without(self, sounds: Sounds, fold: int) -> dict[str, Any]:
        """Trains without a fold, then scores every share of the tuned weights on it. Raises ``InvalidRun``."""
        if not (sounds.folds == fold).any():
            raise InvalidRun(f"there is no fold {fold}; there are {torch.unique(sounds.folds).tolist()}")
        tuned = self._fit(sounds.part(sounds.folds != fold), f"fold-{fold}")
        labelled = sounds.part(sounds.targets >= 0)
        scores = {
            f"{share:g}": self._score(labelled, fold, interpolated(self.published, tuned, share))
            for share in (0.0, *self.recipe.shares)
        }
        metrics = {"fold": fold, "labels": sounds.labels, "shares": scores}
        (self.folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        return metrics

    def fit_all(self, sounds: Sounds) -> None:
        """Trains on all folds, unless that is done."""
        self._fit(sounds, FINAL)

    def _score(self, labelled: Sounds, fold: int, body: dict[str, Tensor]) -> dict[str, dict[str, float]]:
        """Accuracy by decay and set on the fold, of a linear head taught on the features of the other folds."""
        network = build_network(self.recipe.architecture, self.recipe.arguments).eval()
        network.load_state_dict(body)
        features = features_of(network, labelled, build_front_end(self.recipe.front_end))
        held = labelled.folds == fold
        scores: dict[str, dict[str, float]] = {}
        for decay in _DECAYS:
            head = fit_linear(features[~held], labelled.targets[~held], len(labelled.labels), decay)
            right = head.logits(features[held]).argmax(1) == labelled.targets[held]
            scores[f"{decay:g}"] = {
                self.recipe.sounds[each].path.name: round(right[labelled.sets[held] == each].double().mean().item(), 4)
                for each in torch.unique(labelled.sets).tolist()
            }
        return scores

    def _fit(self, sounds: Sounds, name: str) -> dict[str, Tensor]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        if not (folder / WEIGHTS).exists():
            training = new_training(sounds, self.recipe, self.published)
            if (folder / CHECKPOINT).exists():
                load_checkpoint(training, folder / CHECKPOINT)
            with fit_callbacks(training, folder, name, self.console) as callbacks:
                network = fit(sounds, training, self.published, callbacks)
            save_tensors(dict(network.state_dict()), folder / WEIGHTS)
            (folder / CHECKPOINT).unlink(missing_ok=True)
        return load_file(folder / WEIGHTS)
