"""Segments through an ensemble; where memory runs out it goes on with less, from the segment where it stood."""

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

Given = TypeVar("Given")
_log = get_logger(__name__)


class Shape(Protocol):
    """What a model takes and gives: stems' names, the rate in hertz, and the samples that it sees at once."""

    @property
    def sources(self) -> Sequence[str]: ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def segment(self) -> int: ...


class Networks(Protocol):
    """A model on a device, as ``phonoscope_ml.separation.ensemble.Ensemble``.

    Shape:
        - input: ``(segments, 2, samples)``, any number of samples
        - output: ``(segments, sources, 2, samples)``
    """

    @property
    def compiled(self) -> bool: ...

    def __call__(self, segments: Samples) -> Samples: ...


class Frugal:
    """The estimator of one recording's stems.

    Args:
        shape: a manifest, say.
        place: gives the model on a device; what it gave for another is let go of before.
        plan: what to begin with.

    Raises:
        OutOfMemory: nothing fits that could be tried.
        ModelError: the model cannot be served.
    """

    def __init__(self, shape: Shape, place: Callable[[torch.device], Networks], plan: Plan) -> None:
        self.sources, self.sample_rate_hz, self.segment = tuple(shape.sources), shape.sample_rate_hz, shape.segment
        self.batch = plan.batch
        self._place = place
        self._plan, self._lesser = plan, plan.lesser()
        self._steps: list[dict[str, Any]] = []
        self._networks: Networks | None = None
        while self._tried(self._placed, 0) is None:
            pass

    @property
    def provenance(self) -> dict[str, Any]:
        """How the stems are computed, as it stands now, and each step that was taken for want of memory."""
        return {
            "device": self._plan.device.type,
            "segment_s": round(self._segment_s, 6),
            "batch": self._plan.batch,
            "compiled": self._networks is not None and self._networks.compiled,
            "stepped_down": list(self._steps),
        }

    def __call__(self, segments: Samples, offset: int) -> Samples:
        """See ``phonoscope_ml.separation.stream.Estimator``."""
        found: list[Samples] = []
        while (done := sum(map(len, found))) < len(segments):
            some = self._tried(partial(self._estimate, segments[done : done + self._plan.batch]), offset)
            if some is not None:
                found.append(some)
        return np.concatenate(found)

    @property
    def _segment_s(self) -> float:
        return self.segment / self._plan.pieces / self.sample_rate_hz

    def _estimate(self, segments: Samples) -> Samples:
        networks, pieces = self._placed(), self._plan.pieces
        if pieces == 1:
            return networks(segments)
        return np.stack([self._in_pieces(networks, segment) for segment in segments])

    def _in_pieces(self, networks: Networks, segment: Samples) -> Samples:
        grid = Grid.overlapping(self.segment, -(-self.segment // self._plan.pieces))
        overlap = OverlapAdd(grid, len(self.sources))
        parts = [overlap.add(piece.offset, networks(piece.samples[None])[0]) for piece in cut([segment], grid)]
        return np.concatenate(parts, axis=-1)

    def _placed(self) -> Networks:
        if self._networks is None:
            self._networks = self._place(self._plan.device)
        return self._networks

    def _tried(self, attempt: Callable[[], Given], offset: int) -> Given | None:
        """What the attempt gives; nothing when it needs another with less."""
        try:
            return attempt()
        except Exception as error:
            if not out_of_memory(error):
                raise
        # After the block: until its end the error holds what was computed.
        self._step_down(offset)
        return None

    def _step_down(self, offset: int) -> None:
        was, lesser = self._plan, next(self._lesser, None)
        if lesser is None:
            raise OutOfMemory(f"not even segments of {self._segment_s:.3g} s fit into the memory of {was.device.type}")
        segment_s = self.segment / self.sample_rate_hz
        step = {"from": was.told_from(lesser, segment_s), "to": lesser.told_from(was, segment_s)}
        self._steps.append({"at_s": round(offset / self.sample_rate_hz, 3), **step, "why": "out of memory"})
        self._plan = lesser
        if lesser.device.type != was.device.type:
            self._networks = None
        return_memory(was.device)
        _log.warning("separation.stepped_down", **self._steps[-1])
