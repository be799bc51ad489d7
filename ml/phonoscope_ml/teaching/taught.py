"""Teaches a head from examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from phonoscope_ml.teaching.calibration import thresholds_of
from phonoscope_ml.teaching.doubts import doubts_of
from phonoscope_ml.teaching.evaluation import figures_of
from phonoscope_ml.teaching.examples import Examples, Ids, Vectors, check_vectors
from phonoscope_ml.teaching.figures import Doubt, Figures
from phonoscope_ml.teaching.fitting import fit
from phonoscope_ml.teaching.linear import Activation, LinearHead, Probabilities, of_recordings, probabilities
from phonoscope_ml.teaching.selection import hold_out


@dataclass(frozen=True)
class Taught(LinearHead):
    """A taught head, how it was taught, what it is worth, and which examples seem wrong."""

    method: str
    figures: Figures
    doubts: tuple[Doubt, ...]


def teach(
    labels: Sequence[str],
    examples: Examples,
    strangers: Vectors | None = None,
    stranger_recordings: Ids | None = None,
    *,
    several: bool,
    seed: int = 0,
    report: Callable[[float], None] = lambda _: None,
) -> Taught:
    """Teaches a linear head on stored vectors.

    Args:
        strangers: window vectors of recordings that hold none of the labels.
        several: whether several labels can hold at once.
        report: called with the share that is done.

    Shape:
        - strangers: ``(m, dimensions)``, float32, of length 1; stranger_recordings: ``(m,)``, ids

    Raises:
        ValueError: fewer than two labels, a label that no example has, or strangers that are no unit vectors.
    """
    _check(labels, examples, strangers, stranger_recordings)
    activation: Activation = "sigmoid" if several else "softmax"
    held = hold_out(examples, len(labels), activation, seed, report)
    everything = np.ones(len(examples), dtype=np.bool_)
    layer = fit(held.candidate, examples, len(labels), everything, several=several)
    head = LinearHead(tuple(labels), activation, layer.weights, layer.bias, held.temperature, np.zeros(1, np.float32))
    others = _of_strangers(head, strangers, stranger_recordings)
    head = replace(head, thresholds=thresholds_of(held, others, several=several))
    report(0.95)
    figures = figures_of(head, examples, held, others)
    report(1.0)
    return Taught(**vars(head), method=held.candidate.method, figures=figures, doubts=doubts_of(head, examples, held))


def _of_strangers(head: LinearHead, strangers: Vectors | None, recordings: Ids | None) -> Probabilities | None:
    if strangers is None or recordings is None or not len(strangers):
        return None
    return of_recordings(probabilities(head, strangers), recordings)[1]


def _check(labels: Sequence[str], examples: Examples, strangers: Vectors | None, recordings: Ids | None) -> None:
    if len(labels) < 2:  # noqa: PLR2004 - one from another
        raise ValueError("a head needs two labels or more")
    if len(set(labels)) < len(labels):
        raise ValueError("two labels are the same")
    if examples.labels.max() >= len(labels):
        raise ValueError(f"an example has label {examples.labels.max()} of {len(labels)}")
    taught = np.bincount(examples.labels[examples.holds], minlength=len(labels))
    if (without := np.flatnonzero(taught == 0)).size:
        raise ValueError(f"label {labels[without[0]]!r} has no examples")
    if strangers is not None and len(strangers):
        check_vectors(strangers, "strangers")
        if recordings is None or recordings.shape != (len(strangers),):
            raise ValueError("stranger_recordings must have an id for each of strangers")
