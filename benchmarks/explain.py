"""Compares all results that one pass of a 5 s clip can give with classification alone, for each layer of the network.

Runs the GPU pool's handler in this process, the two requests in turn, so that both have the same load on the machine.
Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import statistics

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

from common import clip, machine
from tasks import ALL, MODEL_STAGES, handler, run

from phonoscope.contract import JobOptions

WARM_UP = 3


def main() -> None:
    arguments = _arguments()
    handle = handler(arguments.threads)
    layers = handle.models.get(arguments.model).network.depths.layers
    requests = {"classify": _options(arguments.model)} | {
        layer: _options(arguments.model, layer) for layer in reversed(layers)
    }
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in requests}
    for number in range(-WARM_UP, arguments.runs):
        content = clip()
        for name, options in requests.items():
            timings = run(handle, content, ALL[:1] if name == "classify" else ALL, options)
            if number >= 0:
                seen[name].append(timings)
    _print(seen, arguments)


def _options(model: str, layer: str | None = None) -> JobOptions:
    return JobOptions.model_validate({"classify": {"model": model}, "explain": {"layer": layer}})


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
