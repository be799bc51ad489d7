"""Lays out vectors on a plane, so that similar ones are near each other.

``python -m phonoscope_cpu.layout`` reads an array from its standard input and writes a layout to its standard output:
UMAP needs half a minute of compiling and 400 MB, which a worker that separates recordings cannot spare.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from phonoscope.contract import MapMethod

Vectors: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float32]

FEWEST = 20
"""Fewer vectors are laid out by their two principal components, since they have no neighbourhoods to keep."""
_NEIGHBOURS = 15
_COMPONENTS = 50
_MOST_JUDGED = 2_000
_SEED = 0

Notify: TypeAlias = Callable[[float], object]


def _ignore(_share: float) -> None:
    pass


@dataclass(frozen=True)
class Layout:
    """The points of vectors on a plane.

    Args:
        points: shape ``(vectors, 2)``, in [-1, 1], in the order of the vectors.
        trustworthiness: how far neighbours on the plane are neighbours by their vectors, at most 1; ``None`` for few
            vectors.
    """

    method: MapMethod
    points: Points
    trustworthiness: float | None = None


def lay_out(vectors: Vectors, notify: Notify = _ignore) -> Layout:
    """Lays out vectors of shape ``(vectors, dim)`` by UMAP (McInnes, Healy and Melville, 2018) on their principal
    components.

    The same vectors always have the same layout.

    Args:
        notify: is called with the share of UMAP's epochs that are done, from 0 to 1.
    """
    principal = _principal(vectors, _COMPONENTS)
    if len(vectors) < FEWEST:
        return Layout("pca", _fitted(principal[:, :2]))
    from sklearn.manifold import trustworthiness
    from umap import UMAP

    with warnings.catch_warnings():
        # UMAP warns that it uses one thread because of the seed.
        warnings.simplefilter("ignore")
        shown = {"disable": False, "file": _Bar(notify), "bar_format": "{n_fmt}/{total_fmt}", "mininterval": 0.5}
        umap = UMAP(n_neighbors=_NEIGHBOURS, init="pca", random_state=_SEED, tqdm_kwds=shown)
        flat = umap.fit_transform(principal)
    some = np.random.default_rng(_SEED).permutation(len(vectors))[:_MOST_JUDGED]
    neighbours = min(10, len(some) // 2 - 1)
    trust = trustworthiness(vectors[some], flat[some], n_neighbors=neighbours, metric="cosine")
    return Layout("umap", _fitted(flat), round(float(trust), 4))


def lay_out_in_process(vectors: Vectors, cache: Path, notify: Notify = _ignore) -> Layout:
    """Lays out vectors in a child process, which is killed when the caller is interrupted.

    Args:
        cache: a folder for compiled code.
        notify: as of ``lay_out``; another thread calls it.

    Raises ``subprocess.CalledProcessError`` when that process fails.
    """
    if len(vectors) < FEWEST:
        return lay_out(vectors)
    cache.mkdir(parents=True, exist_ok=True)
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "phonoscope_cpu.layout", str(theirs)]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    request = io.BytesIO()
    np.save(request, vectors)
    with os.fdopen(ours) as shares, _started(command, environment, theirs) as process, _following(shares, notify):
        try:
            output, _ = process.communicate(request.getvalue())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    answer = np.load(io.BytesIO(output), allow_pickle=False)
    return Layout("umap", answer["points"], float(answer["trustworthiness"]))


def _principal(vectors: Vectors, most: int) -> Points:
    centred = vectors - vectors.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    kept = (left * scale)[:, :most]
    # The sign of an axis is arbitrary: its largest value is made positive.
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    kept = kept * np.where(largest < 0.0, -1.0, 1.0)
    return cast(Points, np.pad(kept, ((0, 0), (0, max(0, 2 - kept.shape[1])))).astype(np.float32))


def _fitted(points: Points) -> Points:
    """Moves and scales points into the square; both axes have the same scale."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2.0
    return cast(Points, ((points - (low + high) / 2.0) / (half or 1.0)).clip(-1.0, 1.0).astype(np.float32))


def _started(command: list[str], environment: dict[str, str], kept: int) -> subprocess.Popen[bytes]:
    """A process that keeps this file descriptor, which is closed here."""
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pass_fds=(kept,)
        )
    finally:
        os.close(kept)


@contextmanager
def _following(shares: Iterable[str], notify: Notify) -> Iterator[None]:
    """Notifies of each share that is written, a line each, until the writer ends."""

    def follow() -> None:
        for share in shares:
            notify(float(share))

    follower = Thread(target=follow, name="map-progress")
    follower.start()
    try:
        yield
    finally:
        follower.join()


class _Bar(io.TextIOBase):
    """Where tqdm writes its bar, `12/500`: takes the share from it."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def write(self, text: str, /) -> int:
        done, _, total = text.strip().partition("/")
        if done.isdecimal() and total.isdecimal() and int(total):
            self._notify(min(1.0, int(done) / int(total)))
        return len(text)


def _main(shares: IO[str]) -> None:
    def notify(share: float) -> None:
        print(f"{share:.3f}", file=shares, flush=True)

    found = lay_out(np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False), notify)
    answer = io.BytesIO()
    np.savez(answer, points=found.points, trustworthiness=np.float64(found.trustworthiness or 0.0))
    sys.stdout.buffer.write(answer.getvalue())


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "w") as pipe:
        _main(pipe)
