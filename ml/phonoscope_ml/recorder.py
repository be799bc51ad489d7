"""Records, during inference, the windows and activations from which a label is explained later."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from phonoscope.catalogue.architectures import Method
from phonoscope.contract import MOST_EXPLAINED_S
from phonoscope.errors import InvalidRequest
from phonoscope_ml.attribution import Attribution, Heatmaps
from phonoscope_ml.features import FeatureMaps, FeatureTap
from phonoscope_ml.inference import BodyPass, beside
from phonoscope_ml.networks import Network, Output
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window

_SILENCE_PENALTY = 2.0
"""More than any probability: every window with sound is stronger than a silent one."""


@dataclass(frozen=True)
class WindowBatch:
    """A batch of windows with the network's output and feature maps.

    Args:
        network: with the logits of the model's head.
        indices: the windows that are within the span to explain.

    Shape:
        - spectrograms: ``(windows, 1, mels, frames)``
    """

    network: Network
    windows: list[Window]
    indices: list[int]
    spectrograms: Tensor
    output: Output
    features: list[FeatureMaps]

    def probabilities(self, label: int) -> list[float]:
        """A label's probability in each window."""
        logits = self.output.logits.detach()
        probabilities: list[float] = self.network.probabilities(logits)[:, label].tolist()
        return probabilities


class EvidenceRecorder:
    """Records the evidence of an inference, to explain it afterwards.

    It is entered around :func:`~phonoscope_ml.inference.run_inference`, passed to it as ``forward``, and read inside
    the ``with`` block. It keeps the windows that overlap the span asked for, or all of a recording no longer than 30 s.
    Of a longer one it keeps the strongest window of each label, as samples, so that memory does not grow with the
    recording.

    Args:
        layer: the layer whose evidence is recorded.
        features: the depths or blocks whose feature maps are recorded; by default all depths.
        span_s: start and end of the span to explain, at most 30 s apart.
        others: what the model's other bodies heard in the recording; it is held constant.
        too_long: whether the recording is known to be longer than 30 s, of which only some windows may come.

    Raises:
        UnknownLayer: the network has no such layer.
    """

    def __init__(
        self,
        model: Model,
        layer: str | None = None,
        features: Sequence[str] | None = None,
        span_s: tuple[float, float] | None = None,
        others: Sequence[BodyPass] = (),
        *,
        too_long: bool = False,
    ) -> None:
        self.model = model
        self._others = others
        self.span_s = span_s
        self._attribution = Attribution(model.network, layer)
        self._tap = FeatureTap(model.network, features)
        self._hooks = ExitStack()
        self._kept: list[WindowBatch] = []
        self._best = np.full(len(model.manifest.labels), -np.inf, dtype=np.float32)
        self._strongest: dict[int, Window] = {}
        self._too_long = too_long and span_s is None

    def __enter__(self) -> Self:
        self._hooks.enter_context(self._attribution)
        self._hooks.enter_context(self._tap)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        self._kept.clear()
        self._strongest.clear()

    def __call__(self, windows: list[Window], spectrograms: Tensor) -> Output:
        """Runs the network over a batch of windows and records those within the span."""
        if self.span_s is None and windows[-1].end_s > MOST_EXPLAINED_S:
            self._too_long = True
            self._kept.clear()
        indices = [index for index, window in enumerate(windows) if self._within_span(window)]
        if indices:
            self._kept.append(self._record(windows, indices, spectrograms))
            output = self._kept[-1].output
        else:
            with torch.inference_mode():
                output = self._network(windows)(spectrograms)
        if self.span_s is None:
            self._keep_strongest(windows, output)
        return output

    def batches(self, label: int) -> list[WindowBatch]:
        """The recorded batches; for a long recording the window in which the label is strongest, run once more.

        Raises:
            InvalidRequest: the span starts after the recording's end.
        """
        if self._too_long:
            window = self._strongest[label]
            samples = torch.from_numpy(window.samples[None]).to(self.model.device)
            return [self._record([window], [0], self.model.spectrograms(samples))]
        if not self._kept:
            raise InvalidRequest.field("start_s", "must be before the recording's end")
        return list(self._kept)

    def heatmaps(self, batch: WindowBatch, label: int, method: Method) -> Heatmaps:
        """The evidence for a label in each of a batch's windows. Raises as ``Attribution.heatmaps`` does."""
        return self._attribution.heatmaps(batch.output, label, method)

    def _within_span(self, window: Window) -> bool:
        if self.span_s is None:
            return not self._too_long
        start_s, end_s = self.span_s
        return window.start_s < end_s and window.end_s > start_s

    def _record(self, windows: list[Window], indices: list[int], spectrograms: Tensor) -> WindowBatch:
        network = self._network(windows)
        output = self._attribution(spectrograms, network)
        return WindowBatch(network, windows, indices, spectrograms, output, self._tap.features(output))

    def _network(self, windows: list[Window]) -> Network:
        return beside(self.model, self._others, [(window.start_s, window.end_s) for window in windows])

    def _keep_strongest(self, windows: list[Window], output: Output) -> None:
        probabilities = self.model.network.probabilities(output.logits.detach()).cpu().numpy()
        for window, row in zip(windows, probabilities, strict=True):
            row = row - _SILENCE_PENALTY * window.silent  # noqa: PLW2901
            better = row > self._best
            self._best[better] = row[better]
            self._strongest.update(dict.fromkeys(np.flatnonzero(better).tolist(), window))
