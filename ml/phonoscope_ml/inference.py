"""Runs bodies over a recording of any length, once each, and lets heads read what they heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, tee
from math import inf
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope.audio.decode import Samples
from phonoscope.batches import batched, taken_ahead
from phonoscope.errors import UndecodableRecording
from phonoscope.metrics import recorder
from phonoscope_ml.audible import audible
from phonoscope_ml.bodies import Body, of_length_1
from phonoscope_ml.device import one_thread
from phonoscope_ml.frontends import FrontEndSettings
from phonoscope_ml.heads import HeadedNetwork
from phonoscope_ml.networks import EMBEDDING_DIM, Network, Output
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window, cut_windows

_BATCH = 8
_BLOCKS_AHEAD = 24
"""Blocks of about a second that are decoded while the network runs over a batch."""
_BATCHES_AHEAD = 1
_LEAST_OVERLAP_S = 1e-3
"""The nearest window counts where none overlaps."""


class ForwardPass(Protocol):
    """Runs the network over a batch of windows and their spectrograms, and keeps what it wants of it."""

    def __call__(self, windows: list[Window], spectrograms: Tensor, /) -> Output: ...

    def wants(self, window: Window) -> bool:
        """Whether it must see this window, though an equal one is known."""
        ...


@dataclass(frozen=True)
class BodyPass:
    """What a body heard in a recording, window by window; any number of heads read it.

    Shape:
        - features: ``(windows, features)``, float32
        - silent: ``(windows,)``, bool
        - embedding: ``(512,)``, float32, of length 1; silent windows do not count in it. ``None`` where all are silent
        - vectors: ``(windows, 512)``, float16, the windows' own embeddings, of length 1; zeros where all units are 0
    """

    spans_s: list[tuple[float, float]]
    features: NDArray[np.float32]
    silent: NDArray[np.bool_]
    embedding: NDArray[np.float32] | None
    vectors: NDArray[np.float16]

    def during(
        self, spans_s: Sequence[tuple[float, float]], values: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The features in other windows: means over the windows that overlap each, weighted by their overlap.

        Args:
            values: in place of the features, a row for each of its windows.

        Shape:
            - output: ``(len(spans_s), features)``
        """
        values = self.features if values is None else values
        starts, ends = np.array(self.spans_s).T
        rows = []
        for start_s, end_s in spans_s:
            first = min(int(np.searchsorted(ends, start_s, side="right")), len(ends) - 1)
            last = max(first + 1, int(np.searchsorted(starts, end_s)))
            overlaps = np.minimum(ends[first:last], end_s) - np.maximum(starts[first:last], start_s)
            rows.append(np.average(values[first:last], axis=0, weights=overlaps.clip(_LEAST_OVERLAP_S)))
        return np.stack(rows).astype(np.float32)


@dataclass(frozen=True)
class Prediction:
    """A model's output for a whole recording, window by window.

    Shape:
        - thresholds: ``(1,)`` or ``(labels,)``, the probability from which a label counts as heard
        - probabilities: ``(windows, labels)``, float32; rows sum to 1 when one label holds at a time
        - silent: ``(windows,)``, bool
        - embedding: ``(512,)``, float32, of length 1; ``None`` when the whole recording is silent
    """

    labels: list[str]
    thresholds: NDArray[np.float32]
    spans_s: list[tuple[float, float]]
    probabilities: NDArray[np.float32]
    silent: NDArray[np.bool_]
    embedding: NDArray[np.float32] | None

    def summary(self, top_k: int) -> dict[str, Any]:
        """``top`` and ``unknown`` of the whole; silent windows count only when all are silent."""
        return {"top": self._top(self._overall, top_k), "unknown": self._unknown}

    def heard(self, *, several: bool) -> list[str]:
        """The labels that count in the whole, the most probable first; none when it is unknown.

        Args:
            several: whether all labels above their thresholds count, in place of the most probable one.
        """
        if self._unknown:
            return []
        best = self._best(self._overall, len(self.labels))
        heard = (self._overall >= self.thresholds)[best] if several else np.arange(len(best)) == 0
        return [self.labels[index] for index in best[heard]]

    def window(self, index: int, top_k: int) -> dict[str, Any]:
        """A window's stretch and labels."""
        (start_s, end_s), row, silent = self.spans_s[index], self.probabilities[index], self.silent[index]
        return {
            "start_s": round(start_s, 3),
            "end_s": round(end_s, 3),
            "top": self._top(row, top_k),
            "unknown": bool(silent or (row < self.thresholds).all()),
            "silent": bool(silent),
        }

    def thresholds_of(self, top_k: int) -> list[float]:
        """The thresholds of the labels in ``top``."""
        thresholds = np.broadcast_to(self.thresholds, len(self.labels))
        return [round(float(thresholds[index]), 4) for index in self._best(self._overall, top_k)]

    def during(self, windows: NDArray[np.bool_]) -> Prediction:
        """The same for these windows alone, of shape ``(windows,)``."""
        return replace(
            self,
            spans_s=[span for span, kept in zip(self.spans_s, windows, strict=True) if kept],
            probabilities=self.probabilities[windows],
            silent=self.silent[windows],
        )

    @property
    def label(self) -> str:
        """The most probable label of the whole recording."""
        return str(self._top(self._overall, 1)[0]["label"])

    def probability(self, label: str) -> float:
        """A label's probability over the whole recording. Raises ``ValueError`` when there is no such label."""
        return float(self._overall[self.labels.index(label)])

    def strongest(self, label: str) -> tuple[float, float]:
        """Start and end of the window in which a label is most probable; of a silent one only when all are silent."""
        column = self.probabilities[:, self.labels.index(label)] - 2.0 * self.silent
        return self.spans_s[int(column.argmax())]

    @property
    def _unknown(self) -> bool:
        return bool(self.silent.all() or (self._overall < self.thresholds).all())

    @property
    def _overall(self) -> NDArray[np.float32]:
        counted = self.probabilities if self.silent.all() else self.probabilities[~self.silent]
        mean: NDArray[np.float32] = counted.mean(axis=0)
        return mean

    def _top(self, probabilities: NDArray[np.float32], top_k: int) -> list[dict[str, Any]]:
        return [
            {"label": self.labels[index], "probability": round(float(probabilities[index]), 4)}
            for index in self._best(probabilities, top_k)
        ]

    def _best(self, probabilities: NDArray[np.float32], top_k: int) -> NDArray[np.int64]:
        best: NDArray[np.int64] = probabilities.argsort()[::-1][:top_k]
        return best


def run_inference(
    model: Model,
    blocks: Iterable[Samples],
    report: Callable[[float], None] = lambda _: None,
    forward: ForwardPass | None = None,
) -> Prediction:
    """Classifies and embeds a recording by a model on one body, from the same activations; see ``run_body``."""
    return predict(model, [run_body(model.body, blocks, report, forward)])


def run_body(
    body: Body,
    blocks: Iterable[Samples],
    report: Callable[[float], None] = lambda _: None,
    forward: ForwardPass | None = None,
    wanted: Callable[[Window], bool] = lambda _: True,
    end_s: float = inf,
) -> BodyPass:
    """Runs a body over a recording, in batches of windows.

    It hears nothing below 20 Hz, unless its front end does without that. While the network runs, one thread takes
    blocks, and another computes the spectrograms of the next batch. Of batches one after another that hold the same
    constant, such as digital silence, only the first is computed.

    Args:
        blocks: float32 mono at the body's rate.
        report: called with the seconds processed so far, after each batch.
        forward: runs the network in place of ``body.network``, such as an ``EvidenceRecorder``.
        wanted: which windows it hears; at least the first one.
        end_s: it hears no window that starts later, and reads little further.

    Raises:
        UndecodableRecording: the recording has no samples.
    """
    settings = body.front_end.settings
    spans: list[tuple[float, float]] = []
    silent: list[bool] = []
    features: list[NDArray[np.float32]] = []
    vectors: list[NDArray[np.float16]] = []
    total = np.zeros((1, EMBEDDING_DIM))
    run = _Runs(body, forward)
    stream = audible(blocks, settings.sample_rate_hz) if settings.filtered else blocks
    with taken_ahead(stream, _BLOCKS_AHEAD, after=_BATCH) as heard:
        windows = takewhile(lambda window: window.start_s <= end_s, _cut(heard, settings))
        chosen = (window for window in windows if not window.start_s or wanted(window))
        with taken_ahead(_batches(body, chosen), _BATCHES_AHEAD, after=1) as batches:
            for batch, spectrograms in batches:
                quiet = [window.silent for window in batch]
                rows, embeddings = run(batch, spectrograms)
                features.append(rows)
                vectors.append(body.placed(embeddings).astype(np.float16))
                total += embeddings[~np.array(quiet)].sum(axis=0, dtype=np.float64)
                silent += quiet
                spans += [(window.start_s, window.end_s) for window in batch]
                report(batch[-1].end_s)
    if not spans:
        raise UndecodableRecording("the recording has no samples")
    (whole,) = body.placed(total)
    embedding = whole if whole.any() else None
    return BodyPass(spans, np.concatenate(features), np.array(silent), embedding, np.concatenate(vectors))


def predict(model: Model, passes: Sequence[BodyPass], windows: BodyPass | None = None) -> Prediction:
    """A model's prediction from what its bodies heard, without another pass.

    Args:
        passes: one for each of ``model.bodies``, of the same recording.
        windows: whose windows the prediction has, and which of them are silent; by default the first body's.
    """
    first, *others = passes
    windows = windows or first
    heard = _read(model, first, windows)
    features = np.concatenate([heard, *(other.during(windows.spans_s) for other in others)], axis=1)
    with torch.inference_mode():
        logits = model.network.classify(torch.from_numpy(features).to(model.device))
        probabilities = model.network.probabilities(logits).cpu().numpy()
    return Prediction(
        labels=model.manifest.labels,
        thresholds=np.array(model.thresholds, dtype=np.float32),
        spans_s=windows.spans_s,
        probabilities=probabilities,
        silent=windows.silent,
        embedding=first.embedding,
    )


def _read(model: Model, heard: BodyPass, windows: BodyPass) -> NDArray[np.float32]:
    """What a model's head reads of its first body in these windows: features, or the vectors that are stored."""
    values = heard.features if model.reads == "features" else heard.vectors.astype(np.float32)
    if windows is heard:
        return values
    found = heard.during(windows.spans_s, values)
    return found if model.reads == "features" else of_length_1(found.astype(np.float64)).astype(np.float32)


def beside(model: Model, others: Sequence[BodyPass], spans_s: Sequence[tuple[float, float]]) -> Network:
    """A model's network for windows of its first body: what its other bodies heard there is held constant.

    Args:
        others: a pass for each of ``model.others``.
    """
    if not isinstance(model.network, HeadedNetwork) or not others:
        return model.network
    context = np.concatenate([other.during(spans_s) for other in others], axis=1)
    return model.network.beside(torch.from_numpy(context).to(model.device))


def _batches(body: Body, windows: Iterable[Window]) -> Iterator[tuple[list[Window], Tensor]]:
    """Windows in batches, each with its spectrograms of shape ``(windows, 1, mels, frames)``.

    They are the same tensor as the batch's before where both hold the same constant.
    """
    constant, spectrograms = None, torch.empty(0)
    for batch in batched(windows, _BATCH):
        before, constant = constant, _constant(batch)
        if constant is None or constant != before:
            samples = torch.from_numpy(np.stack([window.samples for window in batch]))
            spectrograms = body.spectrograms(samples.to(body.device))
        yield batch, spectrograms


def _cut(blocks: Iterable[Samples], settings: FrontEndSettings) -> Iterator[Window]:
    """The windows of a stream, which is filtered already where the front end wants it so."""
    rate_hz, sizes = settings.sample_rate_hz, (settings.window_samples, settings.window_hop_samples)
    if settings.filtered:
        return cut_windows(blocks, rate_hz, *sizes, settings.filling)
    whole, other = tee(blocks)
    windows = cut_windows(whole, rate_hz, *sizes, settings.filling)
    heard = cut_windows(audible(other, rate_hz), rate_hz, *sizes, settings.filling)
    return (replace(window, audible=one.samples) for window, one in zip(windows, heard, strict=True))


def _constant(batch: list[Window]) -> tuple[float, int] | None:
    """The value that all samples of a batch have, with the number of its windows; ``None`` where they differ."""
    value = batch[0].samples[0]
    ends = all(window.samples[0] == value == window.samples[-1] for window in batch)
    return (float(value), len(batch)) if ends and all((window.samples == value).all() for window in batch) else None


class _Runs:
    """Runs the network over batches; over the same spectrograms as before only where the batch is wanted."""

    def __init__(self, body: Body, forward: ForwardPass | None) -> None:
        self._body = body
        self._forward = forward
        self._known: tuple[Tensor, tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None

    def __call__(self, batch: list[Window], spectrograms: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The features ``(windows, features)`` and the embeddings ``(windows, 512)`` of a batch."""
        wanted = self._forward is not None and any(self._forward.wants(window) for window in batch)
        if not wanted and self._known is not None and self._known[0] is spectrograms:
            return self._known[1]
        found = self._compute(batch, spectrograms)
        self._known = None if wanted else (spectrograms, found)
        return found

    def _compute(self, batch: list[Window], spectrograms: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        began = perf_counter()
        with torch.inference_mode(), one_thread(when=self._body.network.short_operations):
            output = self._forward(batch, spectrograms) if self._forward else self._body.network(spectrograms)
        features, embedding = output.features.detach().float(), output.embedding.detach().float()
        found = features.cpu().numpy(), embedding.cpu().numpy()
        recorder().batch_computed("body", self._body.device.type, len(batch), perf_counter() - began)
        return found
