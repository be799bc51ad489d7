"""A run of a separation network, in one folder from which it can continue.

RUN/  recipe.toml  environment.json  checkpoint.safetensors  epochs.csv  tensorboard/  weights.safetensors  metrics.json
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

from phonoscope_training.callbacks import CHECKPOINT, fit_callbacks
from phonoscope_training.checkpoint import half_precision, load_checkpoint, save_tensors
from phonoscope_training.errors import InvalidRun
from phonoscope_training.folder import METRICS, RECIPE, WEIGHTS, open_run_folder
from phonoscope_training.recipe import read_recipe
from phonoscope_training.separation.evaluate import score
from phonoscope_training.separation.fit import SeparationTraining, fit, learned_weights, new_training
from phonoscope_training.separation.network import served_network
from phonoscope_training.separation.recipe import SeparationRecipe
from phonoscope_training.separation.songs import Song, load_songs, split_songs


@dataclass
class SeparationRun:
    """A run of a separation network's recipe."""

    folder: Path
    recipe: SeparationRecipe
    data_root: Path
    device: torch.device
    console: Console

    @classmethod
    def open(
        cls, folder: Path, recipe_file: Path | None, data_root: Path, device: torch.device, console: Console
    ) -> SeparationRun:
        """Opens the run in ``folder``, or makes a new one from the recipe; without a recipe the run must exist.

        Raises:
            InvalidRecipe: the recipe cannot be read.
            InvalidRun: the folder holds no run, or one of another recipe.
        """
        if recipe_file is None and not (folder / RECIPE).exists():
            raise InvalidRun(f"{folder} has no run: {RECIPE} is missing")
        if recipe_file is None:
            recipe = read_recipe(SeparationRecipe, folder / RECIPE)
        else:
            recipe = open_run_folder(folder, recipe_file, SeparationRecipe, device)
        return cls(folder, recipe, data_root, device, console)

    def load(self) -> tuple[list[Song], list[Song]]:
        """Loads the songs to train on and the songs held out. Raises ``InvalidDataset``."""

        def watch(paths: list[Path]) -> Iterable[Path]:
            return track(paths, "reading songs", console=self.console, disable=not self.console.is_terminal)

        songs = load_songs(self.data_root / self.recipe.data.path, self.recipe.network.sample_rate_hz, watch)
        return split_songs(songs, self.recipe.data.held_out_share)

    def fit(self, learned: list[Song], held_out: list[Song], *, compiled: bool = False) -> None:
        """Fits the weights to serve, unless they exist."""
        if (self.folder / WEIGHTS).exists():
            return
        training = self._resumed()

        def measure(epoch: int) -> dict[str, float]:
            every = self.recipe.schedule.score_every
            if not every or epoch % every:
                return {}
            figures = self._score(learned_weights(training), held_out)
            return {"SDR": figures["sdr_median_of_all"], "improvement": figures["improvement_of_all"]}

        with fit_callbacks(training, self.folder, self.folder.name, self.console) as callbacks:
            weights = fit(learned, training, callbacks, measure, compiled=compiled)
        save_tensors(half_precision(weights), self.folder / WEIGHTS)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def evaluate(self, learned: list[Song], held_out: list[Song]) -> dict[str, Any]:
        """Scores the weights as they would be published now and writes ``metrics.json``. Raises ``InvalidRun``."""
        weights, epochs = self.weights()
        metrics = {
            "epochs": epochs,
            "songs_learned": len(learned),
            "songs_held_out": [song.name for song in held_out],
        } | self._score(weights, held_out)
        (self.folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        return metrics

    def weights(self) -> tuple[dict[str, Tensor], int]:
        """The final weights, or those of the last checkpoint, in half precision, and the number of their epochs. Raises
        ``InvalidRun`` when there are neither.

        Raises ``InvalidRun`` when there are neither.
        """
        if (self.folder / WEIGHTS).exists():
            return load_file(self.folder / WEIGHTS), self.recipe.schedule.epochs
        if not (self.folder / CHECKPOINT).exists():
            raise InvalidRun(f"{self.folder}: there are no weights yet")
        training = self._resumed()
        return half_precision(learned_weights(training)), training.epochs_done

    def _resumed(self) -> SeparationTraining:
        training = new_training(self.recipe, self.device)
        if (self.folder / CHECKPOINT).exists():
            load_checkpoint(training, self.folder / CHECKPOINT)
        return training

    def _score(self, weights: dict[str, Tensor], songs: list[Song]) -> dict[str, Any]:
        return score(served_network(self.recipe.network, weights).to(self.device), songs)
