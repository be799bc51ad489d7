"""Measures each layer's evidence by each method, on recordings that the head has not heard.

A served head may have heard all recordings of its set, so that a fresh linear head is fitted on folds 1 to 3, and
recordings of fold 4 are explained; a model of tags keeps its own head. Deletion and insertion are those of
``options.explain.trust``. ``found`` is the share of recordings whose loudest 0.3 s, at a random time in quiet noise,
lie within 0.3 s of the strongest column. Margins have their standard error over recordings. Prints a table for
docs/evidence.md and docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import sqrt
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from common import machine
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope.audio.samples import Samples
from phonoscope.catalogue import Catalogue
from phonoscope.catalogue.architectures import METHODS, Method
from phonoscope.paths import bundled
from phonoscope_ml.attribution import Attribution, Heatmaps
from phonoscope_ml.audible import audible
from phonoscope_ml.evidence import axes
from phonoscope_ml.heads import Head, HeadedNetwork
from phonoscope_ml.networks import Network
from phonoscope_ml.registry import Model, load_body, load_named
from phonoscope_ml.trust import measure_areas
from phonoscope_training.data.clips import LabelledFile
from phonoscope_training.data.sources import read_files
from phonoscope_training.heads.linear import fit_linear

SETS = {"esc50": "esc", "gtzan-clips": "gtzan"}
HELD_OUT_FOLD = 4
TAUGHT, DECAY = 12, 1e-2
"""Recordings of each label that a fresh head is fitted on."""
SHORT_S, NOISE, LOUD = 0.3, 1e-3, 0.5


@dataclass
class Layer:
    """What was measured of one layer and method, a row for each recording: four areas and whether it was found."""

    rows: list[tuple[float, float, float, float, bool]] = field(default_factory=list)

    @property
    def means(self) -> list[float]:
        means: list[float] = np.array(self.rows, dtype=float).mean(axis=0).tolist()
        return means

    @property
    def margins(self) -> NDArray[np.float64]:
        """How far deletion is below, and insertion above, those of the shuffled map; for each recording."""
        deletion, random_deletion, insertion, random_insertion, _ = np.array(self.rows, dtype=float).T
        found: NDArray[np.float64] = random_deletion - deletion + insertion - random_insertion
        return found


def _standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of some values, which are two or more."""
    return float(values.std(ddof=1)) / sqrt(len(values))


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    catalogue, cpu = Catalogue(*arguments.models), torch.device("cpu")
    for name in arguments.model:
        model = load_named(catalogue, name, lambda manifest, folder: load_body(manifest, folder, cpu), cpu)
        _print(model, _measured(model, arguments))


def _measured(model: Model, arguments: argparse.Namespace) -> dict[tuple[str, Method], Layer]:
    started_s, files = perf_counter(), _files(model, arguments.data)
    network = model.network if model.several else _taught(model, files)
    held_out = _in_turn([file for file in files if file.fold == HELD_OUT_FOLD])[: arguments.clips]
    found: dict[tuple[str, Method], Layer] = {}
    for number, file in enumerate(held_out, start=1):
        _measure(model, network, _window(model, file.path), number, arguments.steps, found)
        print(f"{number} of {len(held_out)} after {perf_counter() - started_s:.0f} s", flush=True)
    return found


def _measure(
    model: Model, network: Network, samples: Samples, seed: int, steps: int, found: dict[tuple[str, Method], Layer]
) -> None:
    settings = model.front_end.settings
    spectrogram = _spectrogram(model, samples)
    with torch.inference_mode():
        label = int(network(spectrogram).logits.argmax())
    short, start_s = _short(samples, settings.sample_rate_hz, seed)
    seconds = axes(settings).seconds
    pairs = zip(
        _heatmaps(network, spectrogram, label), _heatmaps(network, _spectrogram(model, short), label), strict=True
    )
    for heatmaps, of_short in pairs:
        areas = measure_areas(network, spectrogram[0], heatmaps, steps=steps, draws=1, silence=settings.silence)
        peak_s = float(seconds[of_short.values[0].sum(axis=0).argmax()])
        near = bool(of_short.values.any()) and abs(peak_s - start_s - SHORT_S / 2) <= SHORT_S
        found.setdefault((heatmaps.layer, heatmaps.method), Layer()).rows.append(
            (areas.deletion, areas.random_deletion, areas.insertion, areas.random_insertion, near)
        )


def _heatmaps(network: Network, spectrogram: torch.Tensor, label: int) -> Iterator[Heatmaps]:
    """By each layer and method."""
    for layer in network.depths.layers:
        with Attribution(network, layer) as attribution:
            output = attribution(spectrogram)
            for method in METHODS:
                yield attribution.heatmaps(output, label, method)


def _short(samples: Samples, rate_hz: int, seed: int) -> tuple[Samples, float]:
    """The loudest part alone, at a random time in quiet noise, and when it starts, in seconds."""
    length, random = round(SHORT_S * rate_hz), np.random.default_rng(seed)
    energy = np.concatenate([[0.0], np.square(samples, dtype=np.float64).cumsum()])
    loudest = int((energy[length:] - energy[:-length]).argmax())
    part = samples[loudest : loudest + length]
    start = int(random.integers(len(samples) - length))
    alone = (NOISE * random.standard_normal(len(samples))).astype(np.float32)
    alone[start : start + length] += part * (LOUD / max(float(np.abs(part).max()), NOISE))
    return alone, start / rate_hz


def _taught(model: Model, files: Sequence[LabelledFile]) -> Network:
    """The first body's network with a fresh head."""
    labels = sorted({file.label for file in files})
    taught = _in_turn([file for file in files if file.fold != HELD_OUT_FOLD])[: TAUGHT * len(labels)]
    with torch.inference_mode():
        features = [model.body.network(_spectrogram(model, _window(model, file.path))).features for file in taught]
    linear = fit_linear(
        torch.cat(features).clone(), torch.tensor([labels.index(file.label) for file in taught]), len(labels), DECAY
    )
    head = Head(model.body.network.features, len(labels))
    head.linear.load_state_dict({"weight": linear.weight, "bias": linear.bias})
    return HeadedNetwork(model.body.network, head.eval().requires_grad_(requires_grad=False)).eval()


def _files(model: Model, data: Path) -> list[LabelledFile]:
    """The set that has most of the model's labels."""
    sets = [read_files(source, data / folder) for folder, source in SETS.items()]
    known = {label.lower() for label in model.manifest.labels}
    return max(sets, key=lambda files: len(known & {file.label for file in files}))


def _in_turn(files: Sequence[LabelledFile]) -> list[LabelledFile]:
    """A recording of each label, then the next one of each."""
    labels = sorted({file.label for file in files})
    by_label = [[file for file in files if file.label == label] for label in labels]
    return [file for row in zip_longest(*by_label) for file in row if file]


def _window(model: Model, path: Path) -> Samples:
    """The first window of a recording."""
    settings = model.front_end.settings
    with path.open("rb") as file, Recording(file) as recording:
        heard = audible(recording.mono(settings.sample_rate_hz), settings.sample_rate_hz)
        samples: NDArray[np.float32] = np.concatenate(list(heard))
    whole = np.pad(samples, (0, max(0, settings.window_samples - len(samples))))
    return whole[: settings.window_samples]


def _spectrogram(model: Model, samples: Samples) -> torch.Tensor:
    # Out of inference mode, so that it can be differentiated.
    return model.spectrograms(torch.from_numpy(samples)[None]).clone()


def _print(model: Model, found: dict[tuple[str, Method], Layer]) -> None:
    first = next(iter(found.values()))
    head = "its own head" if model.several else "a fresh head"
    body = f"{model.body.name} ({model.body.network.architecture})"
    print(f"\n{model.manifest.name}: {head} on {body}, {len(first.rows)} recordings, {machine()}\n")
    print("| layer | method | deletion | shuffled | insertion | shuffled | margin | found |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for (layer, method), measured in found.items():
        areas = " | ".join(f"{area:.3f}" for area in measured.means[:4])
        print(f"| `{layer}` | {method} | {areas} | {_with_error(measured.margins)} | {measured.means[4]:.2f} |")
    layers = list(dict.fromkeys(layer for layer, _ in found))
    margins = {layer: np.mean([found[layer, method].margins for method in METHODS], axis=0) for layer in layers}
    means = (f"{layer} {_with_error(margin)}" for layer, margin in margins.items())
    print(f"\nmean margin over the methods: {', '.join(means)}\n", flush=True)


def _with_error(margins: NDArray[np.float64]) -> str:
    return f"{margins.mean():+.3f} ± {_standard_error(margins):.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", required=True, help="a served model; may be given several times")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--steps", type=int, default=6, help="equal parts that a spectrogram is deleted in")
    parser.add_argument("--data", type=Path, default=Path("shared/data"), help="has the folders esc50 and gtzan-clips")
    parser.add_argument("--models", type=Path, nargs="+", default=[bundled("models")], help="folders of models")
    arguments = parser.parse_args()
    if arguments.clips < 2:
        parser.error("--clips: a standard error needs two recordings or more")
    return arguments


if __name__ == "__main__":
    main()
