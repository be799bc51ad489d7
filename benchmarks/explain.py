"""Compares all results that one pass of a 5 s clip can give with classification alone.

Runs the GPU pool's handler in this process, the two requests in turn, so that both have the same load on the machine.
Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
from collections.abc import Sequence

from phonoscope.work import Claim, ClaimedTrack

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

import torch
from common import clip, machine

from phonoscope.catalogue import LiveCatalogue
from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.contract import JobOptions
from phonoscope.drawing.overlay import warm_up
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.device import choose_device
from phonoscope_ml.loaded import LoadedModels
from phonoscope_worker import Work

ALL = (TaskName.CLASSIFY, TaskName.EXPLAIN, TaskName.FEATURES, TaskName.EMBED)
MODEL_STAGES = ("model_s", "explain_s", "features_s")
WARM_UP = 3


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    models = LoadedModels(LiveCatalogue(bundled("models")), choose_device())
    handler = GpuHandler(models, arguments.model)
    warm_up()
    requests = {"classify": _options("layer4")} | {
        layer: _options(layer) for layer in reversed(ARCHITECTURES["resnet34"].layers)
    }
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in requests}
    for number in range(-WARM_UP, arguments.runs):
        content = clip()
        for name, options in requests.items():
            timings = _run(handler, content, ALL[:1] if name == "classify" else ALL, options)
            if number >= 0:
                seen[name].append(timings)
    _print(seen, arguments)


def _options(layer: str) -> JobOptions:
    return JobOptions.model_validate({"explain": {"layer": layer}})


def _run(handler: GpuHandler, content: bytes, tasks: Sequence[TaskName], options: JobOptions) -> dict[str, float]:
    track = ClaimedTrack("trk_1", "own_1", "tracks/trk_1/original", 5.0)
    claim = Claim("lease_1", "job_1", track, {task: task.value for task in tasks}, {}, 1)
    work = Work(claim, options, io.BytesIO(content), lambda *_: None)
    outcomes = handler(work)
    assert all(outcome.problem is None for outcome in outcomes.values())
    return work.timings


def _print(seen: dict[str, list[dict[str, float]]], arguments: argparse.Namespace) -> None:
    print(f"{arguments.runs} runs, {machine()}, {arguments.model}\n")
    print("| | the network's part | ratio to classify | drawing and encoding |")
    print("| --- | ---: | ---: | ---: |")
    alone = [_model_s(timings) for timings in seen["classify"]]
    for name, runs in seen.items():
        ratio = statistics.median(_model_s(one) / bare for one, bare in zip(runs, alone, strict=True))
        model_ms = 1e3 * statistics.median(_model_s(timings) for timings in runs)
        draw_ms = 1e3 * statistics.median(timings.get("draw_s", 0.0) for timings in runs)
        words = "classify" if name == "classify" else f"classify + explain ({name}) + features + embed"
        print(f"| {words} | {model_ms:.0f} ms | {ratio:.2f} | {draw_ms:.0f} ms |")


def _model_s(timings: dict[str, float]) -> float:
    return sum(timings.get(stage, 0.0) for stage in MODEL_STAGES)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="environment-50")
    return parser.parse_args()


if __name__ == "__main__":
    main()
