"""The ``map`` task: draws an owner's library on a plane, where similar tracks are near each other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from phonoscope.catalogue import Catalogue
from phonoscope.errors import OutOfMemory, TaskFailed
from phonoscope.work import Outcome
from phonoscope_cpu.layout import Layout, Notify, lay_out_in_process
from phonoscope_worker import Work

_KILLED = -9


def map_task(work: Work, catalogue: Catalogue, cache: Path) -> Outcome:
    """Lays out the embeddings of the newest tracks, in the space that the owner's searches read.

    Args:
        catalogue: the served models.
        cache: a folder for compiled code.

    Raises:
        UnknownModel: this worker has no model of that name, so that it does not know the model's space.
        OutOfMemory, TaskFailed: the map could not be drawn.
    """
    served = catalogue.spaces(work.options.map.model or "")[0]
    work.report(0.0, "gathering")
    with work.timed("gather_s"):
        space, found = work.vectors(served)
    work.report(0.0, "drawing")
    with work.timed("draw_s"):
        layout = _drawn(
            np.array(list(found.values()), dtype=np.float32), cache, lambda share: work.report(share, "drawing")
        )
    body = {
        "method": layout.method,
        "tracks": len(found),
        "trustworthiness": layout.trustworthiness,
        "model": space.model,
    }
    positions = [(float(x), float(y)) for x, y in layout.points]
    return Outcome(body, None, space.model, space.digest, points=dict(zip(found, positions, strict=True)))


def _drawn(vectors: np.ndarray, cache: Path, notify: Notify) -> Layout:
    if not len(vectors):
        return Layout("pca", np.zeros((0, 2), dtype=np.float32))
    try:
        return lay_out_in_process(vectors, cache, notify)
    except subprocess.CalledProcessError as error:
        if error.returncode == _KILLED:
            raise OutOfMemory("the system ended the process that draws the map") from error
        raise TaskFailed("the map could not be drawn; see the worker's log") from error
