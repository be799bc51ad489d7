"""A run: a recipe cross-validated fold by fold and fitted on everything, in one folder that can be gone on with.

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

from phonoscope.paths import bundled
from phonoscope_ml.network import AudioResNet
from phonoscope_training.callbacks import CHECKPOINT, watching
from phonoscope_training.checkpoint import half_precision, load_checkpoint, save_tensors
from phonoscope_training.data import Clips, load_clips, split_for_validation
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.errors import InvalidRecipe, InvalidRun
from phonoscope_training.evaluate import accuracy
from phonoscope_training.fit import begin, fit, predict
from phonoscope_training.folder import WEIGHTS, open_folder
from phonoscope_training.recipe import DataSettings, Recipe
from phonoscope_training.results import PREDICTIONS, save_predictions

FINAL = "final"
_LEARNED = "learned_from_folds"


@dataclass
class Run:
    """One folder, one recipe, one set of clips."""

    folder: Path
    recipe: Recipe
    data_root: Path
    device: torch.device
    console: Console

    @classmethod
    def open(cls, folder: Path, recipe_file: Path, data_root: Path, device: torch.device, console: Console) -> Run:
        """A new run of the recipe, or the one that lies in ``folder``.

        Raises:
            InvalidRecipe: the recipe cannot be read.
            InvalidRun: the folder holds a run of another recipe.
        """
        return cls(folder, open_folder(folder, recipe_file, Recipe, device), data_root, device, console)

    def fit_fold(self, clips: Clips, fold: int, strangers: Clips | None) -> None:
        """Learns from all folds but one, then scores that one, once."""
        name, test = f"fold-{fold}", clips.folds == fold
        if not test.any():
            raise InvalidRun(f"there is no fold {fold}; there are {torch.unique(clips.folds).tolist()}")
        if (self.folder / name / PREDICTIONS).exists():
            return
        network = self._fit(clips.part(~test), name, unseen={fold})
        save_predictions(network, clips.part(test), strangers, self.folder / name / PREDICTIONS)
        (self.folder / name / CHECKPOINT).unlink(missing_ok=True)

    def fit_all(self, clips: Clips) -> None:
        """The weights to be served: learned from every fold."""
        if not (self.folder / FINAL / WEIGHTS).exists():
            self._fit(clips, FINAL, unseen=set())
            (self.folder / FINAL / CHECKPOINT).unlink(missing_ok=True)

    def trial(self, clips: Clips) -> float:
        """Accuracy on a part of the training folds, the first fold being left alone: for choosing settings."""
        training, validation = split_for_validation(clips.part(clips.folds != clips.folds.min()))
        network = self._fit(training, "trial", unseen=set(torch.unique(validation.folds).tolist()))
        logits, _ = predict(network, validation.pictures)
        return accuracy(logits, validation.targets, validation.recordings)

    def load_strangers(self, labels: list[str]) -> Clips | None:
        """Recordings of none of ``labels``, where the recipe names some. Raises ``InvalidDataset``."""
        if self.recipe.strangers is None:
            return None
        clips = self.load(self.recipe.strangers)
        known = torch.tensor([label in labels for label in clips.labels])
        return clips.part(~known[clips.targets])

    def load(self, data: DataSettings) -> Clips:
        """Raises ``InvalidDataset``."""

        def watch(files: list[LabelledFile]) -> Iterable[LabelledFile]:
            return track(files, "reading recordings", console=self.console, disable=not self.console.is_terminal)

        return load_clips(data, self.recipe.front_end, self.data_root, watch)

    def _fit(self, clips: Clips, name: str, unseen: set[int]) -> AudioResNet:
        """The fitted network with the precision of the shipped weights, so that its figures are theirs."""
        learned = json.dumps(torch.unique(clips.folds).tolist())
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        clips = clips.to(self.device)
        training = begin(clips, self.recipe, self._start_from(name, unseen))
        if (folder / CHECKPOINT).exists():
            load_checkpoint(training, folder / CHECKPOINT)
        with watching(training, folder, name, self.console) as callbacks:
            network = fit(clips, training, callbacks)
        weights = half_precision(network.state_dict())
        save_tensors(weights, folder / WEIGHTS, {_LEARNED: learned})
        network.load_state_dict(weights)
        return network

    def _start_from(self, name: str, unseen: set[int]) -> dict[str, Tensor] | None:
        """Of a run beside this one, or else of a served model.

        Where folds are the same the weights never saw the one about to be scored.
        """
        settings = self.recipe.network
        if settings.start_from is None:
            return None
        other = self.folder.parent / settings.start_from
        if not other.exists() and not settings.start_from_same_folds:
            return self._served(settings.start_from)
        same = other / name / WEIGHTS
        path = same if settings.start_from_same_folds and same.parent.exists() else other / FINAL / WEIGHTS
        if not path.exists():
            raise InvalidRecipe(f"network.start_from: {path} does not exist; fit {settings.start_from!r} first")
        if settings.start_from_same_folds and (seen := unseen & _learned_folds(path)):
            raise InvalidRecipe(f"network.start_from: {path} has learned from fold {min(seen)}, which is to be scored")
        return load_file(path)

    def _served(self, model: str) -> dict[str, Tensor]:
        path = bundled("models") / model / WEIGHTS
        if not path.exists():
            missing = f"neither {self.folder.parent / model} nor {path} exists; fit {model!r} first"
            raise InvalidRecipe(f"network.start_from: {missing}")
        return load_file(path)


def _learned_folds(weights: Path) -> set[int]:
    with safe_open(weights, "pt") as file:
        return set(json.loads(file.metadata()[_LEARNED]))
