"""What a model's pass keeps for whoever asks why: the windows in question, with all that the network made of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from phonoscope.catalogue.architectures import DEPTHS, Method
from phonoscope.contract import MOST_EXPLAINED_S
from phonoscope.errors import InvalidRequest
from phonoscope_ml.attribution import DEFAULT_LAYER, Attribution, Heatmaps
from phonoscope_ml.features import FeatureMaps, FeatureTap
from phonoscope_ml.network import Output
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window

_TAKEN_BACK = 2.0


@dataclass(frozen=True)
class Sight:
    """A batch of windows, those of them that are in question, and what the network made of all.

    Shape:
        - pictures: ``(windows, 1, mels, frames)``
    """

    windows: list[Window]
    places: list[int]
    pictures: Tensor
    output: Output
    features: list[FeatureMaps]

    def chances(self, label: int) -> list[float]:
        """The label's probability in each window."""
        chances: list[float] = self.output.logits.detach().float().softmax(-1)[:, label].tolist()
        return chances


class Witness:
    """Entered around :func:`~phonoscope_ml.inference.listen` and given to it, it looks on; asked later, it shows.

    Kept are the windows that overlap the span asked for, or those of a recording no longer than 30 s. Of a longer one
    only the strongest window of each label is, as samples, so that memory does not grow with the recording.

    Args:
        layer: the layer whose evidence will be asked for.
        features: the layers whose maps will be, of :func:`~phonoscope.catalogue.architectures.layer_names`.
        span_s: start and end of the stretch in question, at most 30 s apart.

    Raises:
        UnknownLayer: the network has no such layer.
    """

    def __init__(
        self,
        model: Model,
        layer: str = DEFAULT_LAYER,
        features: Sequence[str] = DEPTHS,
        span_s: tuple[float, float] | None = None,
    ) -> None:
        self.model = model
        self.span_s = span_s
        self._attribution = Attribution(model.network, layer)
        self._tap = FeatureTap(model.network, features)
        self._hooks = ExitStack()
        self._kept: list[Sight] = []
        self._best = np.full(len(model.manifest.labels), -np.inf, dtype=np.float32)
        self._strongest: dict[int, Window] = {}
        self._too_long = False

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

    def __call__(self, windows: list[Window], pictures: Tensor) -> Output:
        """The network's pass over a batch of windows."""
        if self.span_s is None and windows[-1].end_s > MOST_EXPLAINED_S:
            self._too_long = True
            self._kept.clear()
        places = [place for place, window in enumerate(windows) if self._asks_for(window)]
        if places:
            self._kept.append(self._look(windows, places, pictures))
            output = self._kept[-1].output
        else:
            with torch.inference_mode():
                output = self.model.network(pictures)
        if self.span_s is None:
            self._note_strongest(windows, output)
        return output

    def sights(self, label: int) -> list[Sight]:
        """What was kept; of a long recording the window in which the label is strongest, looked at again.

        Raises:
            InvalidRequest: the stretch asked for lies behind the recording's end.
        """
        if self._too_long:
            window = self._strongest[label]
            samples = torch.from_numpy(window.samples[None]).to(self.model.device)
            return [self._look([window], [0], self.model.pictures(samples))]
        if not self._kept:
            raise InvalidRequest.field("start_s", "lies behind the recording's end")
        return list(self._kept)

    def heatmaps(self, sight: Sight, label: int, method: Method) -> Heatmaps:
        """The evidence for a label in each of a sight's windows. Raises as ``Attribution.heatmaps`` does."""
        return self._attribution.heatmaps(sight.output, label, method)

    def _asks_for(self, window: Window) -> bool:
        if self.span_s is None:
            return not self._too_long
        start_s, end_s = self.span_s
        return window.start_s < end_s and window.end_s > start_s

    def _look(self, windows: list[Window], places: list[int], pictures: Tensor) -> Sight:
        output = self._attribution(pictures)
        return Sight(windows, places, pictures, output, self._tap.features(output))

    def _note_strongest(self, windows: list[Window], output: Output) -> None:
        chances = output.logits.detach().float().softmax(-1).cpu().numpy()
        for window, row in zip(windows, chances, strict=True):
            # Any sound is stronger than silence.
            row = row - _TAKEN_BACK * window.silent  # noqa: PLW2901
            better = row > self._best
            self._best[better] = row[better]
            self._strongest.update(dict.fromkeys(np.flatnonzero(better).tolist(), window))
