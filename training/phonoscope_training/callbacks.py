"""Callbacks of a training: a progress bar, TensorBoard, a table of epochs, checkpoints."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from phonoscope_training.checkpoint import save_checkpoint
from phonoscope_training.training import Callback, Epoch, Training

CHECKPOINT = "checkpoint.safetensors"
EPOCHS = "epochs.csv"
_CHECKPOINT_EVERY_S = 60.0


@contextmanager
def fit_callbacks(training: Training[Any, Any], folder: Path, name: str, console: Console) -> Iterator[list[Callback]]:
    """Yields the callbacks of one fit, whose files are in ``folder``."""
    with ExitStack() as open_files:
        board = SummaryWriter(str(folder / "tensorboard"), purge_step=training.epochs_done + 1)
        open_files.callback(board.close)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        progress = open_files.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        bar = progress.add_task(name, total=training.recipe.schedule.epochs, completed=training.epochs_done)

        def show(epoch: Epoch) -> None:
            progress.update(bar, completed=epoch.number, description=f"{name}: loss {epoch.loss:.3f}")
            if not console.is_terminal:
                line = f"{name}: epoch {epoch.number}/{epoch.of}, loss {epoch.loss:.3f}, {epoch.seconds:.1f} s"
                line += "".join(f", {figure} {value:.2f}" for figure, value in epoch.figures.items())
                console.print(line, highlight=False, soft_wrap=True)

        def log(epoch: Epoch) -> None:
            board.add_scalar("loss", epoch.loss, epoch.number)
            board.add_scalar("rate", epoch.rate, epoch.number)
            for figure, value in epoch.figures.items():
                board.add_scalar(figure, value, epoch.number)

        yield [show, log, _EpochTable(folder / EPOCHS, training.epochs_done), _Checkpoints(folder / CHECKPOINT)]


class _EpochTable:
    """Writes a line for each epoch; removes the lines that a stopped run wrote after its last checkpoint."""

    def __init__(self, path: Path, epochs_done: int) -> None:
        self.path = path
        kept = path.read_text(encoding="utf-8").splitlines()[1 : epochs_done + 1] if path.exists() else []
        path.write_text("\n".join(["epoch,loss,rate,seconds", *kept]) + "\n", encoding="utf-8")

    def __call__(self, epoch: Epoch) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as file:
            row = (epoch.number, f"{epoch.loss:.5f}", f"{epoch.rate:.6g}", f"{epoch.seconds:.1f}")
            csv.writer(file, lineterminator="\n").writerow(row)


class _Checkpoints:
    """Saves a checkpoint at most once a minute, since it is four times as large as the weights."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = time.monotonic()

    def __call__(self, epoch: Epoch) -> None:
        if epoch.number == epoch.of or time.monotonic() - self._written >= _CHECKPOINT_EVERY_S:
            save_checkpoint(epoch.training, self.path)
            self._written = time.monotonic()
