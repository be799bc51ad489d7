"""Runs a model over a recording of any length, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope.audio.decode import Samples
from phonoscope.batches import batched
from phonoscope.errors import UndecodableRecording
from phonoscope_ml.networks import Output
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window, cut_windows

_BATCH = 8

ForwardPass: TypeAlias = Callable[[list[Window], Tensor], Output]
"""Runs the network over a batch of windows and their spectrograms."""


@dataclass(frozen=True)
class Prediction:
    """A model's output for a whole recording, window by window.

    Shape:
        - probabilities: ``(windows, labels)``, float32, rows summing to 1
        - silent: ``(windows,)``, bool
        - embedding: ``(512,)``, float32, of length 1 (zeros when the whole recording is silent)
    """

    labels: list[str]
    unknown_below: float
    spans_s: list[tuple[float, float]]
    probabilities: NDArray[np.float32]
    silent: NDArray[np.bool_]
    embedding: NDArray[np.float32]

    def classification(self, top_k: int) -> dict[str, Any]:
        """The result of ``classify``; silent windows count in ``top`` only when all are silent."""
        overall = self._overall
        return {
            "top": self._top(overall, top_k),
            "unknown": bool(self.silent.all() or overall.max() < self.unknown_below),
            "windows": [
                {
                    "start_s": round(start_s, 3),
                    "end_s": round(end_s, 3),
                    "top": self._top(row, top_k),
                    "unknown": bool(silent or row.max() < self.unknown_below),
                    "silent": bool(silent),
                }
                for (start_s, end_s), row, silent in zip(self.spans_s, self.probabilities, self.silent, strict=True)
            ],
        }

    @property
    def label(self) -> str:
        """The most probable label of the whole recording."""
        return str(self._top(self._overall, 1)[0]["label"])

    def probability(self, label: str) -> float:
        """A label's probability over the whole recording. Raises ``ValueError`` when there is no such label."""
        return float(self._overall[self.labels.index(label)])

    @property
    def _overall(self) -> NDArray[np.float32]:
        counted = self.probabilities if self.silent.all() else self.probabilities[~self.silent]
        mean: NDArray[np.float32] = counted.mean(axis=0)
        return mean

    def _top(self, probabilities: NDArray[np.float32], top_k: int) -> list[dict[str, Any]]:
        best = probabilities.argsort()[::-1][:top_k]
        return [{"label": self.labels[i], "probability": round(float(probabilities[i]), 4)} for i in best]


def run_inference(
    model: Model,
    blocks: Iterable[Samples],
    report: Callable[[float], None] = lambda _: None,
    forward: ForwardPass | None = None,
) -> Prediction:
    """Classifies and embeds a recording, from the same activations, in batches of windows.

    Args:
        blocks: float32 mono at the model's rate.
        report: called with the seconds processed so far, after each batch.
        forward: runs the network in place of ``model.network``, such as an ``EvidenceRecorder``.

    Raises:
        UndecodableRecording: the recording has no samples.
    """
    settings = model.front_end.settings
    windows = cut_windows(blocks, settings.sample_rate_hz, settings.window_samples, settings.window_hop_samples)
    spans: list[tuple[float, float]] = []
    silent: list[bool] = []
    probabilities: list[NDArray[np.float32]] = []
    total = np.zeros(model.manifest.embedding_dim)
    for batch in batched(windows, _BATCH):
        quiet = [window.silent for window in batch]
        rows, embeddings = _outputs(model, batch, forward)
        total += embeddings[~np.array(quiet)].sum(axis=0)
        probabilities.append(rows)
        silent += quiet
        spans += [(window.start_s, window.end_s) for window in batch]
        report(batch[-1].end_s)
    if not spans:
        raise UndecodableRecording("the recording has no samples")
    return Prediction(
        labels=model.manifest.labels,
        unknown_below=model.manifest.unknown_below,
        spans_s=spans,
        probabilities=np.concatenate(probabilities),
        silent=np.array(silent),
        embedding=(total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32),
    )


def _outputs(
    model: Model, batch: list[Window], forward: ForwardPass | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The probabilities ``(windows, labels)`` and the embeddings ``(windows, 512)`` of a batch."""
    samples = torch.from_numpy(np.stack([window.samples for window in batch])).to(model.device)
    with torch.inference_mode():
        spectrograms = model.spectrograms(samples)
        output: Output = forward(batch, spectrograms) if forward else model.network(spectrograms)
    logits, embedding = output.logits.detach().float(), output.embedding.detach().float()
    return logits.softmax(-1).cpu().numpy(), embedding.cpu().numpy()
