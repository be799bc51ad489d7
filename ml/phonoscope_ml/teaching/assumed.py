"""What is assumed where several labels can hold, and hardly anybody said in which windows a label does not hold."""

from __future__ import annotations

import numpy as np

from phonoscope_ml.teaching.examples import Examples

MOST = 500
"""Windows that a label is assumed not to hold in."""
_MOST_FACTS = 1_000_000
"""Of all labels together; of many labels each is assumed not to hold in fewer windows."""
_ENOUGH = 10
"""Groups of a label's rejected windows with which nothing is assumed of it."""


def with_assumed(examples: Examples, labels: int, seed: int, most: int = MOST) -> Examples:
    """Examples in which each label is known not to hold somewhere, as far as can be.

    A label that was rejected in fewer than 10 groups is assumed not to hold in examples of others, where nothing is
    said of it: who names several labels names all that they hear. What is assumed follows what
    was said; it teaches and calibrates, and no figure is of it.

    Args:
        most: windows that a label is assumed not to hold in.
    """
    rejected = ~examples.holds
    groups = np.unique(examples.groups, return_inverse=True)[1][examples.windows]
    pairs = np.unique(examples.labels[rejected] * (groups.max() + 1) + groups[rejected]) // (groups.max() + 1)
    few = np.flatnonzero(np.bincount(pairs, minlength=labels) < _ENOUGH)
    most = min(most, max(1, _MOST_FACTS // labels))
    some = np.sort(np.random.default_rng(seed).permutation(len(examples))[:most])
    windows, of = np.tile(some, len(few)), np.repeat(few, len(some))
    unsaid = ~np.isin(windows * labels + of, examples.windows * labels + examples.labels)
    return Examples(
        examples.vectors,
        examples.recordings,
        examples.groups,
        np.concatenate([examples.windows, windows[unsaid]]),
        np.concatenate([examples.labels, of[unsaid]]),
        np.concatenate([examples.holds, np.zeros(int(unsaid.sum()), dtype=np.bool_)]),
    )
