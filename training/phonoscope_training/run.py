"""A run: a recipe cross-validated fold by fold, then fitted on all folds, in one folder from which it can continue.

RUN/recipe.toml  environment.json  metrics.json
RUN/fold-1/      checkpoint.safetensors  epochs.csv  tensorboard/  weights.safetensors  predictions.safetensors
RUN/final/       the same, without predictions
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from phonoscope_ml.networks import AudioResNet
from phonoscope_training.callbacks import CHECKPOINT, fit_callbacks
from phonoscope_training.checkpoint import half_precision, load_checkpoint, save_tensors
from phonoscope_training.data import Clips, load_clips, split_for_validation
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRecipe, InvalidRun
from phonoscope_training.evaluate import accuracy
from phonoscope_training.fit import fit, new_training, predict
from phonoscope_training.folder import WEIGHTS, open_run_folder
from phonoscope_training.recipe import DataSettings, Recipe
from phonoscope_training.results import PREDICTIONS, save_predictions

FINAL = "final"
_LEARNED = "learned_from_folds"


@dataclass
class Run:
    """A run of a classifier's recipe."""

    folder: Path
    recipe: Recipe
    data_root: Path
    device: torch.device
    console: Console

    @classmethod
    def open(cls, folder: Path, recipe_file: Path, data_root: Path, device: torch.device, console: Console) -> Run:
        """Opens the run in ``folder``, or makes a new one from the recipe.

        Raises:
            InvalidRecipe: the recipe cannot be read.
            InvalidRun: the folder holds a run of another recipe.
        """
        return cls(folder, open_run_folder(folder, recipe_file, Recipe, device), data_root, device, console)

    def fit_fold(self, clips: Clips, fold: int, strangers: Clips | None) -> None:
        """Trains on all folds but one, then predicts that one, unless that is done already."""
        name, test = f"fold-{fold}", clips.folds == fold
        if not test.any():
            raise InvalidRun(f"there is no fold {fold}; there are {torch.unique(clips.folds).tolist()}")
        if (self.folder / name / PREDICTIONS).exists():
            return
        network = self._fit(clips.part(~test), name, unseen={fold})
        save_predictions(network, clips.part(test), strangers, self.folder / name / PREDICTIONS)
        (self.folder / name / CHECKPOINT).unlink(missing_ok=True)

    def fit_all(self, clips: Clips) -> None:
        """Fits the weights to serve, on all folds, unless they exist."""
        if not (self.folder / FINAL / WEIGHTS).exists():
            self._fit(clips, FINAL, unseen=set())
            (self.folder / FINAL / CHECKPOINT).unlink(missing_ok=True)

    def trial(self, clips: Clips) -> float:
        """Accuracy on a part of the training folds, to choose settings; the first fold is not used."""
        training, validation = split_for_validation(clips.part(clips.folds != clips.folds.min()))
        network = self._fit(training, "trial", unseen=set(torch.unique(validation.folds).tolist()))
        logits, _ = predict(network, validation.spectrograms)
        return accuracy(logits, validation.targets, validation.recordings)

    def load_strangers(self, labels: list[str]) -> Clips | None:
        """Loads recordings that have none of ``labels``, where the recipe names some. Raises ``InvalidDataset``."""
        if self.recipe.strangers is None:
            return None
        clips = self.load(self.recipe.strangers)
        known = torch.tensor([label in labels for label in clips.labels])
        return clips.part(~known[clips.targets])

    def load(self, data: DataSettings) -> Clips:
        """Loads the clips of a section. Raises ``InvalidDataset``."""

        def watch(files: list[LabelledFile]) -> Iterable[LabelledFile]:
            return track(files, "reading recordings", console=self.console, disable=not self.console.is_terminal)

        return load_clips(data, self.recipe.front_end, self.data_root, watch)

    def _fit(self, clips: Clips, name: str, unseen: set[int]) -> AudioResNet:
        """The fitted network in the precision of the published weights, so that its figures are theirs."""
        learned = json.dumps(torch.unique(clips.folds).tolist())
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        clips = clips.to(self.device)
        training = new_training(clips, self.recipe, self._start_from(name, unseen))
        if (folder / CHECKPOINT).exists():
            load_checkpoint(training, folder / CHECKPOINT)
        with fit_callbacks(training, folder, name, self.console) as callbacks:
            network = fit(clips, training, callbacks)
        weights = half_precision(network.state_dict())
        save_tensors(weights, folder / WEIGHTS, {_LEARNED: learned})
        network.load_state_dict(weights)
        return network

    def _start_from(self, name: str, unseen: set[int]) -> dict[str, Tensor] | None:
        """The initial weights: of another run in the same folder of runs.

        With the same folds the weights were not trained on the fold that will be scored.
        """
        settings = self.recipe.network
        if settings.start_from is None:
            return None
        other = self.folder.parent / settings.start_from
        same = other / name / WEIGHTS
        path = same if settings.start_from_same_folds and same.parent.exists() else other / FINAL / WEIGHTS
        if not path.exists():
            raise InvalidRecipe(f"network.start_from: {path} does not exist; fit {settings.start_from!r} first")
        if settings.start_from_same_folds and (seen := unseen & _learned_folds(path)):
            raise InvalidRecipe(f"network.start_from: {path} was trained on fold {min(seen)}, which is to be scored")
        return load_file(path)


def _learned_folds(weights: Path) -> set[int]:
    with safe_open(weights, "pt") as file:
        return set(json.loads(file.metadata()[_LEARNED]))
