"""Records, during inference, the windows and activations from which a label is explained later."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from types import TracebackType
from typing import Self

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
    Of a longer one it keeps nothing until ``choose`` names windows, which another pass shows it: memory grows neither
    with the recording nor with the number of labels.

    Args:
        layer: the layer whose evidence is recorded.
        features: the depths or blocks whose feature maps are recorded; by default all depths.
        span_s: start and end of the span to explain, at most 30 s apart.
        others: what the model's other bodies heard in the recording; it is held constant.

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
    ) -> None:
        self.model = model
        self._others = others
        self.span_s = span_s
        self._attribution = Attribution(model.network, layer)
        self._tap = FeatureTap(model.network, features)
        self._hooks = ExitStack()
        self._kept: list[WindowBatch] = []
        self._chosen: Sequence[tuple[float, float]] | None = None
        self.overran = False

    def __enter__(self) -> Self:
        self._hooks.enter_context(self._attribution)
        self._hooks.enter_context(self._tap)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        self._kept.clear()

    def __call__(self, windows: list[Window], spectrograms: Tensor) -> Output:
        """Runs the network over a batch of windows and records those within the span."""
        if self.span_s is None and self._chosen is None and windows[-1].end_s > MOST_EXPLAINED_S:
            self.overran = True
            self._kept.clear()
        indices = [index for index, window in enumerate(windows) if self.wants(window)]
        if indices:
            self._kept.append(self._record(windows, indices, spectrograms))
            return self._kept[-1].output
        with torch.inference_mode():
            output: Output = self._network(windows)(spectrograms)
        return output

    def choose(self, spans_s: Sequence[tuple[float, float]]) -> None:
        """Forgets what was recorded; from now on the windows with these starts and ends are recorded."""
        self._kept.clear()
        self._chosen, self.overran = spans_s, False

    def wants(self, window: Window) -> bool:
        """Whether a window is recorded when a pass shows it."""
        if self.span_s is not None:
            start_s, end_s = self.span_s
            return window.start_s < end_s and window.end_s > start_s
        return (window.start_s, window.end_s) in self._chosen if self._chosen is not None else not self.overran

    @property
    def end_s(self) -> float:
        """No window that starts later is recorded."""
        if self.span_s is not None:
            return self.span_s[1]
        return max(start_s for start_s, _ in self._chosen) if self._chosen is not None else inf

    def batches(self, label: int) -> list[WindowBatch]:
        """The recorded batches; of chosen windows only the one in which the label is strongest.

        Raises:
            InvalidRequest: the span starts after the recording's end.
        """
        return self._recorded() if self._chosen is None else [self.strongest(label)]

    def strongest(self, label: int) -> WindowBatch:
        """The batch of the recorded window in which the label is strongest, with that window's index alone.

        It is a silent window only when all are silent. Raises ``InvalidRequest`` as ``batches`` does.
        """
        found = [
            (not batch.windows[index].silent, probabilities[index], number, index)
            for number, batch in enumerate(self._recorded())
            for probabilities in [batch.probabilities(label)]
            for index in batch.indices
        ]
        *_, number, index = max(found)
        return replace(self._kept[number], indices=[index])

    def heatmaps(self, batch: WindowBatch, label: int, method: Method) -> Heatmaps:
        """The evidence for a label in each of a batch's windows. Raises as ``Attribution.heatmaps`` does."""
        return self._attribution.heatmaps(batch.output, label, method)

    def _recorded(self) -> list[WindowBatch]:
        if not self._kept:
            raise InvalidRequest.field("start_s", "must be before the recording's end")
        return list(self._kept)

    def _record(self, windows: list[Window], indices: list[int], spectrograms: Tensor) -> WindowBatch:
        network = self._network(windows)
        output = self._attribution(spectrograms, network)
        return WindowBatch(network, windows, indices, spectrograms, output, self._tap.features(output))

    def _network(self, windows: list[Window]) -> Network:
        return beside(self.model, self._others, [(window.start_s, window.end_s) for window in windows])
