"""Lets a model hear the recordings of a recipe, and writes the thresholds that it chooses as a small table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from phonoscope.catalogue import Catalogue, HeadedManifest
from phonoscope_ml.bodies import Body
from phonoscope_ml.registry import load_body, load_head, read_head
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRun
from phonoscope_training.folder import open_run_folder
from phonoscope_training.heads.features import Listener
from phonoscope_training.thresholds.choose import Heard, Threshold, choose_thresholds
from phonoscope_training.thresholds.recipe import ThresholdRecipe

_COLUMNS = ("label", "threshold", "rule", "precision", "recall")
_FEATURES = "features"


@dataclass
class ThresholdRun:
    """A run of a recipe for thresholds; its folder keeps what the model's body gave.

    Args:
        root: the folder that relative paths start from.
        models: where the head and its body are.
    """

    folder: Path
    recipe: ThresholdRecipe
    root: Path
    models: Catalogue
    console: Console

    @classmethod
    def open(
        cls, folder: Path, recipe_file: Path, root: Path, models: Sequence[Path], console: Console
    ) -> ThresholdRun:
        """Opens the run in ``folder``, or makes a new one. Raises ``InvalidRecipe`` or ``InvalidRun``."""
        recipe = open_run_folder(folder, recipe_file, ThresholdRecipe, torch.device("cpu"))
        return cls(folder, recipe, root, Catalogue(*models), console)

    def choose(self) -> list[Threshold]:
        """The thresholds of all labels, in the model's order.

        Raises:
            InvalidDataset: a recording cannot be read.
            InvalidRecipe: the recipe names a label or a category that does not exist.
            InvalidRun: the model is not a head on the features of one body.
            ModelError: it cannot be loaded.
        """
        return choose_thresholds(self.recipe, self._heard())

    def _heard(self) -> Heard:
        manifest, body = self._model()
        model = load_head(manifest, read_head(manifest, self.models.folder(manifest.name)), [body])
        listener = Listener([body], self.root, self.folder / _FEATURES, self.recipe.seed, self._watch)
        found = listener.hear(self.recipe.sounds)
        with torch.inference_mode():
            probabilities = model.network.probabilities(model.network.classify(found.units))
        return Heard(probabilities.clone(), found.targets, found.folds, manifest.labels, found.labels)

    def _model(self) -> tuple[HeadedManifest, Body]:
        manifest = self.models.get(self.recipe.model)
        if not isinstance(manifest, HeadedManifest) or len(manifest.bodies) != 1 or manifest.head.reads != "features":
            raise InvalidRun(f"{self.recipe.model} is not a head on the features of one body")
        body = manifest.bodies[0]
        return manifest, load_body(body, self.models.folder(body.name), torch.device("cpu"))

    def _watch(self, files: list[LabelledFile]) -> Iterable[LabelledFile]:
        return track(files, "hearing recordings", console=self.console, disable=not self.console.is_terminal)


def write_thresholds(found: Sequence[Threshold], path: Path) -> None:
    """Writes a table with a row for each label: threshold, rule, and precision and recall where it was measured."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for each in found:
            figures = ("" if value is None else f"{value:.2f}" for value in (each.precision, each.recall))
            rows.writerow((each.label, f"{each.value:.3f}", each.rule, *figures))
