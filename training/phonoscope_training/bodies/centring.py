"""The centre of a body's space: the mean of its unit vectors over sets of recordings, each set counting alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording
from phonoscope.catalogue.centres import Centre
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import run_body
from phonoscope_training.errors import InvalidDataset

_SUFFIXES = {".ogg", ".wav", ".flac", ".mp3"}
_DIGITS = 6

Watch = Callable[[Sequence[Path]], Iterable[Path]]


def measure_centre(body: Body, digest: str, root: Path, sets: Sequence[str], watch: Watch = iter) -> Centre:
    """The mean over sets of the mean over each set's recordings of their unit vectors; silence does not count.

    Args:
        body: without a centre.
        digest: of its weights.
        root: the folder of the data.
        sets: folders in it, with recordings at any depth.

    Raises ``InvalidDataset`` for a set without a recording that sounds.
    """
    means = [_mean_of(body, root, name, watch) for name in sets]
    mean = np.mean(means, axis=0)
    return Centre(body=body.name, digest=digest, sets=list(sets), mean=np.round(mean, _DIGITS).tolist())


def _mean_of(body: Body, root: Path, name: str, watch: Watch) -> NDArray[np.float64]:
    files = sorted(path for path in (root / name).rglob("*") if path.suffix in _SUFFIXES)
    vectors = [vector for path in watch(files) if (vector := _vector(body, path)) is not None]
    if not vectors:
        raise InvalidDataset(f"{root / name} has no recording that sounds")
    mean: NDArray[np.float64] = np.mean(np.stack(vectors), axis=0, dtype=np.float64)
    return mean


def _vector(body: Body, path: Path) -> NDArray[np.float32] | None:
    with path.open("rb") as file, Recording(file) as recording:
        return run_body(body, recording.mono(body.front_end.settings.sample_rate_hz)).embedding
