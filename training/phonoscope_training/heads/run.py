"""A run of a head's recipe: for each choice of bodies nested cross-validation, then the head on all folds.

RUN/recipe.toml  environment.json
RUN/features/    what the bodies gave, by a digest of all that decides it
RUN/mn04/        head.safetensors  metrics.json, a folder for each choice, named after its bodies
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from phonoscope.catalogue import Catalogue
from phonoscope_ml.bodies import Body
from phonoscope_ml.registry import load_body
from phonoscope_training.checkpoint import save_tensors
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRun
from phonoscope_training.evaluate import evaluate
from phonoscope_training.folder import METRICS, open_run_folder
from phonoscope_training.heads.answers import answers_by_set
from phonoscope_training.heads.features import Features, Listener, share_folds
from phonoscope_training.heads.fit import HeadTraining
from phonoscope_training.heads.linear import Linear
from phonoscope_training.heads.recipe import HeadRecipe
from phonoscope_training.heads.teaching import kinds_heard, load_teacher, relabelled, starting_layer
from phonoscope_training.sounds import SoundSettings

HEAD = "head.safetensors"
_FEATURES = "features"


@dataclass
class HeadRun:
    """A run of a head's recipe.

    Args:
        models: where the bodies are.
    """

    folder: Path
    recipe: HeadRecipe
    root: Path
    models: Catalogue
    console: Console

    @classmethod
    def open(cls, folder: Path, recipe_file: Path, root: Path, models: Sequence[Path], console: Console) -> HeadRun:
        """Opens the run in ``folder``, or makes a new one. Raises ``InvalidRecipe`` or ``InvalidRun``."""
        recipe = open_run_folder(folder, recipe_file, HeadRecipe, torch.device("cpu"))
        return cls(folder, recipe, root, Catalogue(*models), console)

    @property
    def choices(self) -> list[list[str]]:
        """The choices whose bodies are there. Raises ``InvalidRun`` when there is none."""
        there = [names for names in self.recipe.on if all(name in self.models.bodies for name in names)]
        if not there:
            wanted = ", or ".join(" and ".join(names) for names in self.recipe.on)
            raise InvalidRun(
                f"no choice has all its bodies: {wanted}; there are: {', '.join(self.models.bodies) or 'none'}"
            )
        return there

    def fit(self, names: Sequence[str]) -> dict[str, Any]:
        """Cross-validates the head on a choice of bodies, then fits it on all folds; returns its metrics.

        Raises:
            InvalidDataset: a recording cannot be read.
            InvalidManifest, WeightsMismatch: a body cannot be loaded.
        """
        manifests = [self.models.bodies[name] for name in names]
        bodies = [load_body(body, self.models.folder(body.name), torch.device("cpu")) for body in manifests]
        listener = self._listener(bodies)
        taught = share_folds(listener.hear(self.recipe.sounds, self.recipe.copies), self.recipe.near)
        taught, start = self._taught_by(taught)
        none, strangers = (
            self._without(taught.labels, listener, sets) for sets in (self.recipe.none, self.recipe.strangers)
        )
        training = HeadTraining(taught, none, self.recipe.decays, start)
        scored = {fold: training.predict(fold, strangers) for fold in training.folds}
        decay = training.choose_decay()
        metrics = {
            "labels": taught.labels,
            "decay": decay,
            "bodies": [{"name": body.name, "digest": body.digest} for body in manifests],
            "accuracy_by_set": self._by_set([by_set for _, by_set in scored.values()]),
            **self._checked(training, listener),
            **evaluate({fold: predictions for fold, (predictions, _) in scored.items()}, taught.labels),
        }
        self._save(names, training.fit(frozenset(), decay), metrics)
        return metrics

    def _listener(self, bodies: Sequence[Body]) -> Listener:
        return Listener(bodies, self.root, self.folder / _FEATURES, self.recipe.seed, self._watch)

    def _taught_by(self, taught: Features) -> tuple[Features, Linear | None]:
        """The features with the labels that a teacher gives them, and the layer that its weights make."""
        settings = self.recipe.teacher
        if settings is None:
            return taught, None
        teacher = load_teacher(settings, self.models)
        heard = self._listener(teacher.bodies).hear(self.recipe.sounds)
        taught = relabelled(taught, self.recipe.sounds, kinds_heard(teacher, heard.units))
        return taught, starting_layer(teacher, settings, taught.labels, taught.units.shape[1])

    def _checked(self, training: HeadTraining, listener: Listener) -> dict[str, Any]:
        """What the head answers for each set; empty when the recipe has no checks."""
        if not self.recipe.checks:
            return {}
        taught, checked = ([each.name for each in sets] for sets in (self.recipe.sounds, self.recipe.checks))
        return {"answers_by_set": answers_by_set(training, taught, listener.hear(self.recipe.checks), checked)}

    def _save(self, names: Sequence[str], head: Linear, metrics: dict[str, Any]) -> None:
        folder = self.folder / "-".join(names)
        folder.mkdir(exist_ok=True)
        weights = {"linear.weight": head.weight.float(), "linear.bias": head.bias.float()}
        save_tensors(weights, folder / HEAD)
        (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")

    def _by_set(self, scores: Sequence[dict[str, float]]) -> dict[str, float]:
        """The mean accuracy over the folds of each set."""
        sets = [each.name for each in self.recipe.sounds]
        return {
            name: round(sum(values) / len(values), 4)
            for index, name in enumerate(sets)
            if (values := [score[str(index)] for score in scores if str(index) in score])
        }

    def _without(self, labels: list[str], listener: Listener, sets: Sequence[SoundSettings]) -> Features | None:
        """The recordings of some sets that have none of the labels."""
        if not sets:
            return None
        heard = listener.hear(sets)
        known = torch.tensor([label in labels for label in heard.labels] + [False])
        return heard.part(~known[heard.targets])

    def _watch(self, files: list[LabelledFile]) -> Iterable[LabelledFile]:
        return track(files, "hearing recordings", console=self.console, disable=not self.console.is_terminal)
