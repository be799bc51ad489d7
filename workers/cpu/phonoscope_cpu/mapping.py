"""The ``map`` task: an owner's library on a plane, alike near alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from phonoscope.catalogue import Catalogue
from phonoscope.errors import OutOfMemory, TaskFailed
from phonoscope.work import Outcome
from phonoscope_cpu.layout import Layout, lay_out_in_process
from phonoscope_worker import Work

_KILLED = -9


def map_task(work: Work, catalogue: Catalogue, cache: Path) -> Outcome:
    """Lays out the embeddings of the newest tracks, by the model as it is served now.

    Args:
        catalogue: the served models.
        cache: a folder for what was compiled.

    Raises:
        UnknownModel: this worker has no model of that name, so that it cannot tell which vectors are the model's own.
        OutOfMemory, TaskFailed: the map could not be drawn.
    """
    space = catalogue.get(work.options.map.model or "").space
    work.report(0.0, "gathering")
    with work.timed("gather_s"):
        found = work.vectors(space)
    # How far UMAP is cannot be seen from here: no share is better than a wrong one.
    work.report(0.0, "drawing")
    with work.timed("draw_s"):
        layout = _drawn(np.array(list(found.values()), dtype=np.float32), cache)
    body = {
        "method": layout.method,
        "tracks": len(found),
        "trustworthiness": layout.trustworthiness,
        "model": space.model,
    }
    places = [(float(x), float(y)) for x, y in layout.points]
    return Outcome(body, None, space.model, space.digest, points=dict(zip(found, places, strict=True)))


def _drawn(vectors: np.ndarray, cache: Path) -> Layout:
    if not len(vectors):
        return Layout("pca", np.zeros((0, 2), dtype=np.float32))
    try:
        return lay_out_in_process(vectors, cache)
    except subprocess.CalledProcessError as error:
        if error.returncode == _KILLED:
            raise OutOfMemory("the system ended the process that draws the map") from error
        raise TaskFailed("the map could not be drawn; the worker's log has it") from error
