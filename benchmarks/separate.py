"""Compares our separation with the stock `demucs` package, on the same network, file and machine, in turn.

The network has the shape of `htdemucs` (42 M parameters) with random weights, so that nothing is downloaded: its speed
and the agreement of two ways to compute it do not depend on what it has learned. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from common import RATE_HZ, machine
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from phonoscope.audio.samples import Samples
from phonoscope.catalogue import StemManifest
from phonoscope.contract import Precision
from phonoscope_ml.device import choose_device
from phonoscope_ml.separation.adaptive import AdaptiveEstimator
from phonoscope_ml.separation.compiling import compile_cores
from phonoscope_ml.separation.ensemble import first_plan, load_ensemble
from phonoscope_ml.separation.networks import blank_network, open_manifest
from phonoscope_ml.separation.stream import measure, separate

SOURCES = ["drums", "bass", "other", "vocals"]


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    samples = _music(arguments.seconds)
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = Path(scratch) / "random", Path(scratch) / "cores"
        network = write_model(folder, {"bottom_channels": 512})
        before = perf_counter()
        if device.type == "cpu":
            compile_cores(folder, cache)
        compiled_s = perf_counter() - before
        ways: dict[str, Callable[[], Samples]] = {"demucs": lambda: _by_demucs(network, samples, device)}
        for precision in ("exact", "fast"):
            ways[precision] = _ours(folder, cache, precision, samples, device)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        stems: dict[str, Samples] = {}
        for number in range(-1, arguments.runs):
            for name, way in ways.items():
                before = perf_counter()
                stems[name] = way()
                if number >= 0:
                    seconds[name].append(perf_counter() - before)
    _print(seconds, stems, arguments, compiled_s)


def _ours(
    folder: Path, cache: Path, precision: Precision, samples: Samples, device: torch.device
) -> Callable[[], Samples]:
    ensemble = load_ensemble(folder, device, cache, precision)
    estimate = AdaptiveEstimator(open_manifest(folder), lambda _: ensemble, first_plan(device))

    def run() -> Samples:
        blocks = np.array_split(samples, samples.shape[1] // RATE_HZ, axis=1)
        return np.concatenate(list(separate(estimate, blocks, measure(blocks))), axis=-1)

    return run


def _by_demucs(network: HTDemucs, samples: Samples, device: torch.device) -> Samples:
    """Separates as ``demucs.api.Separator`` does by default, without shifts."""
    wave = torch.from_numpy(samples)
    middle = wave.mean(0)
    mean, deviation = middle.mean(), middle.std() + 1e-8
    with torch.no_grad():
        stems = apply_model(network, ((wave - mean) / deviation)[None], shifts=0, device=device).cpu()
    found: Samples = (stems * deviation + mean)[0].numpy()
    return found


def write_model(folder: Path, arguments: dict[str, Any]) -> HTDemucs:
    """Writes a model's folder with random weights and segments of 7.8 s; returns its network."""
    manifest = {
        "name": folder.name,
        "version": 1,
        "kind": "separation",
        "architecture": "htdemucs",
        "arguments": arguments,
        "sources": SOURCES,
        "sample_rate_hz": RATE_HZ,
        "segment_s": "39/5",
        "metrics": {},
        "data": "none",
        "licence": "none",
        "limits": [],
        "weights": [{"file": "weights.safetensors", "sha256": 64 * "0", "dtype": "float32"}],
    }
    torch.manual_seed(1)
    network = blank_network(StemManifest.model_validate(manifest), folder)
    folder.mkdir()
    save_file(network.state_dict(), folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    manifest["weights"] = [{"file": "weights.safetensors", "sha256": digest, "dtype": "float32"}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return network


def _music(seconds: float) -> Samples:
    """Tones with changing levels in noise, another mixture in each channel."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = [np.sin(2 * np.pi * hertz * time_s) * (np.sin(hertz + 3.0 * time_s) > 0.0) for hertz in (110.0, 523.0)]
    sides = 0.2 * np.array([tones[0] + 0.5 * tones[1], 0.5 * tones[0] + tones[1]])
    return (sides + 0.05 * np.random.default_rng(1).standard_normal(sides.shape)).astype(np.float32)


def _print(
    seconds: dict[str, list[float]], stems: dict[str, Samples], arguments: argparse.Namespace, compiled_s: float
) -> None:
    where = f"{machine()}; compiled in {compiled_s:.0f} s" if arguments.device == "cpu" else arguments.device
    print(f"{arguments.seconds:g} s of stereo, {arguments.runs} runs each, {where}\n")
    print("| | p50 | speed, demucs = 1 | agreement with demucs |\n| --- | ---: | ---: | ---: |")
    names = {"demucs": "demucs 4.1, shifts=0", "exact": "`precision: exact`", "fast": "`precision: fast`, the default"}
    for name, words in names.items():
        ratio = statistics.median(bare / one for bare, one in zip(seconds["demucs"], seconds[name], strict=True))
        agreement = "" if name == "demucs" else f"{_agreement_db(stems[name], stems['demucs']):.0f} dB"
        print(f"| {words} | {statistics.median(seconds[name]):.1f} s | {ratio:.2f} | {agreement} |")


def _agreement_db(found: Samples, wanted: Samples) -> float:
    return float(10.0 * np.log10(np.mean(wanted**2) / np.mean((found - wanted) ** 2)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
