"""Teaches a head from examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from phonoscope_ml.teaching.assumed import MOST, with_assumed
from phonoscope_ml.teaching.calibration import thresholds_of
from phonoscope_ml.teaching.doubts import doubts_of
from phonoscope_ml.teaching.evaluation import figures_of
from phonoscope_ml.teaching.examples import Examples, Ids, Vectors
from phonoscope_ml.teaching.figures import Doubt, Figures
from phonoscope_ml.teaching.fitting import fit
from phonoscope_ml.teaching.heldout import evenly
from phonoscope_ml.teaching.linear import Activation, LinearHead
from phonoscope_ml.teaching.selection import HeldOut, hold_out
from phonoscope_ml.teaching.strangers import answers_for

_MOST_LOGITS = 10_000_000
"""Windows times labels that a regression is taught on."""


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
        strangers: window vectors of recordings of which few hold a label, of each in the order of their time; rows
            that are no unit vectors do not count.
        several: whether several labels can hold at once.
        report: called with the share that is done.

    Shape:
        - strangers: ``(m, dimensions)``, float32, of length 1; stranger_recordings: ``(m,)``, ids

    Raises:
        ValueError: fewer than two labels, a label that no example has, two labels in a window where one
            holds at a time, or strangers without ids.
    """
    _check(labels, examples, strangers, stranger_recordings)
    if not several:
        _check_one(labels, examples)
    with threadpool_limits(limits=1):
        head, held = _fitted(tuple(labels), examples, several, seed, report)
        others = answers_for(head, strangers, stranger_recordings, held.cases, seed)
        found = thresholds_of(held, others, several=several, seed=seed)
        head = replace(head, thresholds=found.values)
        figures = figures_of(head, examples, held, found, len(others))
    report(1.0)
    return Taught(**vars(head), method=held.candidate.method, figures=figures, doubts=doubts_of(head, held))


def _fitted(
    labels: tuple[str, ...], examples: Examples, several: bool, seed: int, report: Callable[[float], None]
) -> tuple[LinearHead, HeldOut]:
    """A head without thresholds, and what heads like it say of held-out recordings."""
    activation, taught_on = prepared(examples, len(labels), seed, several=several)
    held = hold_out(examples, taught_on, len(labels), activation, seed, report)
    everything = np.ones(len(taught_on), dtype=np.bool_)
    prototypes = held.candidate.method == "prototypes"
    kept = everything if prototypes else evenly(taught_on, everything, _MOST_LOGITS // len(labels))
    layer = fit(held.candidate, taught_on, len(labels), kept, several=several)
    nothing = np.zeros(1, dtype=np.float32)
    return LinearHead(labels, activation, layer.weights, layer.bias, held.temperature, nothing), held


def prepared(
    examples: Examples, labels: int, seed: int, *, several: bool, most: int = MOST
) -> tuple[Activation, Examples]:
    """How a head on these examples answers, and what it is taught on: what was said, with what is assumed.

    Args:
        most: windows that a label is assumed not to hold in.
    """
    activation: Activation = "sigmoid" if several else "softmax-none" if examples.only_rejected.size else "softmax"
    return activation, with_assumed(examples, labels, seed, most) if several else examples


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
    if strangers is not None and (recordings is None or recordings.shape != (len(strangers),)):
        raise ValueError("stranger_recordings must have an id for each of strangers")


def _check_one(labels: Sequence[str], examples: Examples) -> None:
    counts = np.bincount(examples.windows[examples.holds], minlength=len(examples))
    if (twice := np.flatnonzero(counts > 1)).size:
        held = examples.labels[examples.holds & (examples.windows == twice[0])]
        raise ValueError(f"window {twice[0]} has two labels: {' and '.join(labels[label] for label in held)}")
