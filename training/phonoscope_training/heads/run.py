"""A run of a head's recipe: for each choice of bodies nested cross-validation, then the head on all folds.

RUN/recipe.toml  environment.json
RUN/features/    what the bodies gave, by a digest of all that decides it
RUN/mn04/        head.safetensors  metrics.json, a folder for each choice, named after its bodies
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from phonoscope.catalogue import BodyManifest, Catalogue
from phonoscope_ml.heads import Head
from phonoscope_ml.registry import load_body
from phonoscope_training.checkpoint import save_tensors
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRun
from phonoscope_training.evaluate import evaluate
from phonoscope_training.folder import METRICS, open_run_folder
from phonoscope_training.heads.answers import checked_answers, taught_answers
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
        unheard: bodies of the same names that were trained on the recipe's recordings without one fold: it is scored.
    """

    folder: Path
    recipe: HeadRecipe
    root: Path
    models: Catalogue
    console: Console
    unheard: Catalogue | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        recipe_file: Path,
        root: Path,
        models: Sequence[Path],
        console: Console,
        unheard: Path | None = None,
    ) -> HeadRun:
        """Opens the run in ``folder``, or makes a new one. Raises ``InvalidRecipe`` or ``InvalidRun``."""
        recipe = open_run_folder(folder, recipe_file, HeadRecipe, torch.device("cpu"))
        return cls(folder, recipe, root, Catalogue(*models), console, Catalogue(unheard) if unheard else None)

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

        Where a body was trained on the recipe's recordings, the one fold is scored that its twin was trained without.

        Raises:
            InvalidDataset: a recording cannot be read.
            InvalidManifest, WeightsMismatch: a body cannot be loaded.
            InvalidRun: a body was trained on the recipe's recordings, and there is no twin.
        """
        manifests = [self.models.bodies[name] for name in names]
        served = self._listener(self.models, names)
        training, strangers = self._hear(served)
        scoring = training
        heard = {body.name: fold for body in manifests if (fold := self._fold_that_chose(body))}
        fold = next(iter(heard.values()), None)
        if fold is not None:
            scoring, strangers = self._hear(self._listener(self._twins([*heard]), names))
            scoring.scored = [fold]
        scored = {each: scoring.predict(each, strangers) for each in scoring.folds}
        decay = scoring.choose_decay()
        final = training.fit(frozenset(), decay)
        figures = evaluate({each: found for each, (found, _) in scored.items()}, training.features.labels)
        metrics = {
            "labels": training.features.labels,
            "decay": decay,
            "bodies": [{"name": body.name, "digest": body.digest} for body in manifests],
            "trained_without": fold,
            "accuracy_by_set": self._by_set([by_set for _, by_set in scored.values()]),
            **self._checked(scoring, served, self._head(final, figures["calibration"]["temperature"])),
            **figures,
        }
        self._save(names, final, metrics)
        return metrics

    def _listener(self, models: Catalogue, names: Sequence[str]) -> Listener:
        """Hears with these bodies, of ``models`` where they are there."""
        places = [models if name in models.bodies else self.models for name in names]
        bodies = [
            load_body(place.bodies[name], place.folder(name), torch.device("cpu"))
            for place, name in zip(places, names, strict=True)
        ]
        return Listener(bodies, self.root, self.folder / _FEATURES, self.recipe.seed, self._watch)

    def _hear(self, listener: Listener) -> tuple[HeadTraining, Features | None]:
        """What the bodies hear in the recipe's recordings, and in the strangers."""
        taught = share_folds(listener.hear(self.recipe.sounds, self.recipe.copies), self.recipe.near)
        taught, start = self._taught_by(taught, listener)
        none, strangers = (
            self._without(taught.labels, listener, sets) for sets in (self.recipe.none, self.recipe.strangers)
        )
        return HeadTraining(taught, none, self.recipe.decays, start), strangers

    def _fold_that_chose(self, body: BodyManifest) -> int | None:
        """The fold that a body was chosen by, if it was trained on labelled recordings of the recipe."""
        recipe = (body.model_extra or {}).get("recipe", {})
        heard = {(each["source"], each["path"]) for each in recipe.get("sounds", []) if each["labelled"]}
        asked = {(each.source, str(each.path)) for each in self.recipe.sounds}
        return body.metrics.get("fold") if heard & asked else None

    def _twins(self, names: Sequence[str]) -> Catalogue:
        """The bodies without one fold. Raises ``InvalidRun`` when one of these is not among them."""
        if self.unheard is None or any(name not in self.unheard.bodies for name in names):
            raise InvalidRun(
                f"{' and '.join(names)} were trained on these recordings: `--unheard` must name the folder where "
                "`phonoscope-train body export` left the body without one fold"
            )
        return self.unheard

    def _taught_by(self, taught: Features, listener: Listener) -> tuple[Features, Linear | None]:
        """The features with the labels that a teacher gives them, and the layer that its weights make."""
        settings = self.recipe.teacher
        if settings is None:
            return taught, None
        teacher = load_teacher(settings, self.models)
        heard = replace(listener, bodies=teacher.bodies).hear(self.recipe.sounds)
        taught = relabelled(taught, self.recipe.sounds, kinds_heard(teacher, heard.units))
        return taught, starting_layer(teacher, settings, taught.labels, taught.units.shape[1])

    def _checked(self, scoring: HeadTraining, served: Listener, head: Head) -> dict[str, Any]:
        """What is answered for each set, the checks as served; empty when the recipe has no checks."""
        if not self.recipe.checks:
            return {}
        taught, checked = ([each.name for each in sets] for sets in (self.recipe.sounds, self.recipe.checks))
        answers = taught_answers(scoring, taught)
        return {"answers_by_set": answers + checked_answers(head, served.hear(self.recipe.checks), checked)}

    def _head(self, linear: Linear, temperature: float) -> Head:
        """The layer as it is served."""
        labels, features = linear.weight.shape
        head = Head(features, labels, self.recipe.activation, temperature)
        head.linear.load_state_dict({"weight": linear.weight, "bias": linear.bias})
        return head

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
