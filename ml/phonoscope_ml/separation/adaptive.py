"""Estimates stems with a plan that adapts: when memory runs out, it continues with a plan that needs less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from phonoscope.audio.samples import Samples
from phonoscope.errors import OutOfMemory
from phonoscope.logs import get_logger
from phonoscope_ml.separation.memory import Plan, out_of_memory, return_memory
from phonoscope_ml.separation.overlap import Grid, OverlapAdd, cut

Result = TypeVar("Result")
_log = get_logger(__name__)


class ModelShape(Protocol):
    """The shape of a model's input and output: stems' names, rate in hertz, samples in a segment."""

    @property
    def sources(self) -> Sequence[str]: ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def segment(self) -> int: ...


class Networks(Protocol):
    """A model on a device, such as ``phonoscope_ml.separation.ensemble.Ensemble``.

    Shape:
        - input: ``(segments, 2, samples)``, any number of samples
        - output: ``(segments, sources, 2, samples)``
    """

    @property
    def compiled(self) -> bool: ...

    def __call__(self, segments: Samples) -> Samples: ...


class AdaptiveEstimator:
    """Estimates one recording's stems; when memory runs out, it steps down to a lesser plan.

    Args:
        shape: such as the model's manifest.
        load: loads the model onto a device; the model on the previous device is released before.
        plan: the plan to begin with.

    Raises:
        OutOfMemory: even the last plan needs more memory than there is.
        ModelError: the model cannot be served.
    """

    def __init__(self, shape: ModelShape, load: Callable[[torch.device], Networks], plan: Plan) -> None:
        self.sources, self.sample_rate_hz, self.segment = tuple(shape.sources), shape.sample_rate_hz, shape.segment
        self.batch = plan.batch
        self._load = load
        self._plan, self._lesser = plan, plan.lesser()
        self._steps: list[dict[str, Any]] = []
        self._networks: Networks | None = None
        while self._try(self._loaded, 0) is None:
            pass

    @property
    def provenance(self) -> dict[str, Any]:
        """How the stems are computed at present, and each step down for lack of memory."""
        return {
            "device": self._plan.device.type,
            "segment_s": round(self._segment_s, 6),
            "batch": self._plan.batch,
            "compiled": self._networks is not None and self._networks.compiled,
            "stepped_down": list(self._steps),
        }

    def __call__(self, segments: Samples, offset: int) -> Samples:
        """Estimates a batch; see ``phonoscope_ml.separation.stream.Estimator``."""
        found: list[Samples] = []
        while (done := sum(map(len, found))) < len(segments):
            some = self._try(partial(self._estimate, segments[done : done + self._plan.batch]), offset)
            if some is not None:
                found.append(some)
        return np.concatenate(found)

    @property
    def _segment_s(self) -> float:
        return self.segment / self._plan.pieces / self.sample_rate_hz

    def _estimate(self, segments: Samples) -> Samples:
        networks, pieces = self._loaded(), self._plan.pieces
        if pieces == 1:
            return networks(segments)
        return np.stack([self._in_pieces(networks, segment) for segment in segments])

    def _in_pieces(self, networks: Networks, segment: Samples) -> Samples:
        grid = Grid.overlapping(self.segment, -(-self.segment // self._plan.pieces))
        overlap = OverlapAdd(grid, len(self.sources))
        parts = [overlap.add(piece.offset, networks(piece.samples[None])[0]) for piece in cut([segment], grid)]
        return np.concatenate(parts, axis=-1)

    def _loaded(self) -> Networks:
        if self._networks is None:
            self._networks = self._load(self._plan.device)
        return self._networks

    def _try(self, attempt: Callable[[], Result], offset: int) -> Result | None:
        """The attempt's result; ``None`` after a step down, when it must be repeated."""
        try:
            return attempt()
        except Exception as error:
            if not out_of_memory(error):
                raise
        # After the block: inside it the error keeps the computed arrays alive.
        self._step_down(offset)
        return None

    def _step_down(self, offset: int) -> None:
        was, lesser = self._plan, next(self._lesser, None)
        if lesser is None:
            raise OutOfMemory(f"not even segments of {self._segment_s:.3g} s fit into the memory of {was.device.type}")
        segment_s = self.segment / self.sample_rate_hz
        step = {"from": was.difference_from(lesser, segment_s), "to": lesser.difference_from(was, segment_s)}
        self._steps.append({"at_s": round(offset / self.sample_rate_hz, 3), **step, "why": "out of memory"})
        self._plan = lesser
        if lesser.device.type != was.device.type:
            self._networks = None
        return_memory(was.device)
        _log.warning("separation.stepped_down", **self._steps[-1])
