"""Runs tasks of the GPU pool in this process, for benchmarks."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import torch

from phonoscope.catalogue import AUTO, LiveCatalogue
from phonoscope.contract import JobOptions
from phonoscope.drawing.overlay import warm_up
from phonoscope.logs import configure_logs
from phonoscope.paths import bundled, pulled_models
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack, Outcome
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.device import choose_device
from phonoscope_ml.loaded import LoadedModels
from phonoscope_worker import Work

ALL = (TaskName.CLASSIFY, TaskName.EXPLAIN, TaskName.FEATURES, TaskName.EMBED)
MODEL_STAGES = ("model_s", "explain_s", "features_s")


def handler(threads: int, device: str = "auto") -> GpuHandler:
    """The GPU pool's handler with all models that are there; by default `auto` chooses among them."""
    configure_logs("console", "error")
    torch.set_num_threads(threads)
    warm_up()
    return GpuHandler(LoadedModels(catalogue(), choose_device(device)), AUTO)


def catalogue() -> LiveCatalogue:
    """The models that are there: in the folder of pulled ones, ``PHONOSCOPE_MORE_MODELS_DIR``, and shipped ones."""
    pulled = Path(os.environ.get("PHONOSCOPE_MORE_MODELS_DIR", pulled_models()))
    return LiveCatalogue(pulled, bundled("models"))


def run(
    handle: GpuHandler, content: bytes | BinaryIO, tasks: Sequence[TaskName], options: JobOptions, seconds: float = 5.0
) -> dict[str, float]:
    """Runs tasks on a recording; the seconds of their stages."""
    return outcomes(handle, content, tasks, options, seconds)[1]


def outcomes(
    handle: GpuHandler, content: bytes | BinaryIO, tasks: Sequence[TaskName], options: JobOptions, seconds: float
) -> tuple[dict[TaskName, Outcome], dict[str, float]]:
    """Runs tasks on a recording: what came of each, and the seconds of their stages. Raises ``SystemExit``."""
    track = ClaimedTrack("trk_1", "own_1", "tracks/trk_1/original", seconds)
    claim = Claim("lease_1", "job_1", track, {task: task.value for task in tasks}, {}, 1)
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    work = Work(claim, options, file, lambda *_: None)
    found = handle(work)
    for name, outcome in found.items():
        if outcome.problem is not None:
            raise SystemExit(f"{name}: {outcome.problem['detail']}")
    return found, work.timings
