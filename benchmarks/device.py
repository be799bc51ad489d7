"""Compares an accelerator with the processor: the same tasks on the same recordings, in turn, and how far they differ.

Runs the GPU pool's handler in this process with a song, repeated or cut to each length. Prints a table for
docs/benchmarks.md; without an accelerator there is nothing to compare, and it says so.
"""

from __future__ import annotations

import argparse
import io
import statistics
import wave
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from common import RATE_HZ, machine, song
from numpy.typing import NDArray
from tasks import ALL, handler, outcomes

from phonoscope.contract import JobOptions
from phonoscope.states import TaskName
from phonoscope.work import Outcome
from phonoscope_ml.device import choose_device

PASS = (TaskName.CLASSIFY, TaskName.EMBED)

Outcomes = Mapping[TaskName, Outcome]


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    if device.type == "cpu":
        raise SystemExit("no accelerator on this machine: nothing to compare with the processor")
    handlers = {name: handler(arguments.threads, name) for name in ("cpu", device.type)}
    print(f"{arguments.runs} runs each, {machine()}, {_name(device)}\n")
    print("| model | recording | tasks | processor | accelerator | ratio | probabilities | vectors | maps |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for model in arguments.models:
        options = JobOptions.model_validate({"classify": {"model": model}})
        for seconds in arguments.seconds:
            content, tasks = _recording(seconds), ALL if seconds <= arguments.explained_s else PASS
            took: dict[str, list[float]] = {name: [] for name in handlers}
            found: dict[str, Outcomes] = {}
            for number in range(-1, arguments.runs):
                for name, handle in handlers.items():
                    found[name], timings = outcomes(handle, content, tasks, options, seconds)
                    if number >= 0:
                        took[name].append(timings["model_s"] + timings.get("explain_s", 0.0))
            _print(model, seconds, took, list(found.values()), maps=tasks is ALL)


def _print(model: str, seconds: float, took: dict[str, list[float]], found: list[Outcomes], *, maps: bool) -> None:
    cpu, accelerator = took.values()
    ratio = statistics.median(one / other for one, other in zip(cpu, accelerator, strict=True))
    words = "all four" if maps else "classify, embed"
    times = f"{1e3 * statistics.median(cpu):,.0f} ms | {1e3 * statistics.median(accelerator):,.0f} ms | {ratio:.1f}"
    probabilities = _furthest(*(dict(_probabilities(one)) for one in found))
    vectors = _furthest(*(dict(_vectors(one)) for one in found))
    heat = f"{_furthest(*(dict(_maps(one)) for one in found)):.0e}" if maps else ""
    print(f"| {model} | {seconds:g} s | {words} | {times} | {probabilities:.0e} | {vectors:.0e} | {heat} |", flush=True)


def _furthest(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> float:
    """The greatest difference between what both have; infinity where one lacks most of what the other has."""
    both = one.keys() & other.keys()
    if 10 * len(both) < 9 * max(len(one), len(other)):
        return np.inf
    return max(float(np.abs(np.subtract(one[key], other[key])).max()) for key in both)


def _probabilities(found: Outcomes) -> Iterator[tuple[Any, float]]:
    body = found[TaskName.CLASSIFY].body
    assert body is not None
    for window in body["windows"]:
        for each in window["top"]:
            yield (window["start_s"], each["label"]), each["probability"]


def _vectors(found: Outcomes) -> Iterator[tuple[Any, NDArray[np.float32]]]:
    for space, stems in found[TaskName.EMBED].windows.items():
        for stem, windows in stems.items():
            for position, vector in zip(windows.positions, windows.vectors, strict=True):
                yield (space.model, stem, int(position)), vector


def _maps(found: Outcomes) -> Iterator[tuple[Any, NDArray[np.float32]]]:
    (kept,) = [each for each in found[TaskName.EXPLAIN].artifacts if each.name == "heatmap.npz"]
    content = kept.content if isinstance(kept.content, bytes) else kept.content.read()
    arrays = np.load(io.BytesIO(content))
    for name in arrays.files:
        if arrays[name].dtype.kind == "f":
            yield name, arrays[name].astype(np.float32)


def _recording(seconds: float) -> bytes:
    """A 16-bit WAV."""
    file, samples = io.BytesIO(), np.resize(song(), round(seconds * RATE_HZ))
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes((samples * 32_767).clip(-32_768, 32_767).astype("<i2").tobytes())
    return file.getvalue()


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["environment-50", "genre-10", "auto"])
    parser.add_argument("--seconds", nargs="+", type=float, default=[5.0, 60.0, 600.0])
    parser.add_argument("--explained-s", type=float, default=60.0, help="up to this length all four tasks run")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
