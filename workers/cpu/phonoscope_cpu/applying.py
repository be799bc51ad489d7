"""The ``apply`` task: labels an owner's library by a classifier, from vectors that are kept, without decoding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope.batches import batched
from phonoscope.db.classifiers.applying import Labelling, Part
from phonoscope.errors import InvalidRequest
from phonoscope.work import Outcome
from phonoscope_ml.teaching import LinearHead, from_files, heard, probabilities
from phonoscope_worker import Work

_MOST_NUMBERS = 1 << 24
"""Probabilities of windows at once: 64 MB."""
_MOST_MEANS = 1 << 22
"""Probabilities of tracks at once: 32 MB."""


def apply_task(work: Work) -> Outcome:
    """Labels all tracks of the owner's that have windows in the classifier's space, by the rule of ``classify``.

    Raises:
        UnknownModel: the owner has no such classifier, or it was removed meanwhile.
        InvalidManifest, WeightsMismatch: it cannot be used.
    """
    name = work.options.apply.classifier
    if name is None:
        raise InvalidRequest.field("classifier", "missing")
    labelling = work.labelling(name)
    head = from_files(labelling.manifest, labelling.weights)
    counts = label_all(work, labelling, head)
    digest = f"sha256:{labelling.manifest.on[0].weights.sha256}"
    body = {"model": {"name": name, "digest": digest}, "version": labelling.version, **counts}
    return Outcome(body, None, name, digest)


def label_all(work: Work, labelling: Labelling, head: LinearHead) -> dict[str, int]:
    """Labels one part after another; returns the counts of all, whichever attempt did them."""
    while True:
        with work.timed("read_s"):
            part = labelling.part()
        if part is None:
            return labelling.end()
        with work.timed("label_s"):
            labels = labels_of(part, head)
        with work.timed("write_s"):
            done = labelling.keep(part, labels)
        work.report(min(1.0, done / max(1, labelling.total)), "labelling")


def labels_of(part: Part, head: LinearHead) -> dict[str, list[str]]:
    """The labels that count for each track, the most probable first; none of those that are unknown or silent."""
    found: dict[str, list[str]] = {track: [] for track in part.silent}
    ends = np.cumsum(part.windows)
    for tracks in batched(range(len(part.heard)), max(1, _MOST_MEANS // len(head.labels))):
        first, last = tracks[0], tracks[-1]
        vectors = part.vectors[ends[first] - part.windows[first] : ends[last]]
        means = _means(head, vectors, part.windows[first : last + 1])
        for track, row, counted in zip(tracks, means, heard(head, means), strict=True):
            best = sorted(np.flatnonzero(counted), key=lambda index: -row[index])
            found[part.heard[track]] = [head.labels[index] for index in best]
    return found


def _means(head: LinearHead, vectors: NDArray[np.float32], windows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The mean probabilities over the windows of each track. Shape: ``(tracks, labels)``."""
    sums = np.zeros((len(windows), len(head.labels)))
    tracks = np.repeat(np.arange(len(windows)), windows)
    step = max(1, _MOST_NUMBERS // len(head.labels))
    for start in range(0, len(tracks), step):
        found, of = probabilities(head, vectors[start : start + step]), tracks[start : start + step]
        first = np.flatnonzero(np.diff(of, prepend=-1))
        sums[of[first]] += np.add.reduceat(found, first, axis=0, dtype=np.float64)
    return (sums / windows[:, None]).astype(np.float32)
