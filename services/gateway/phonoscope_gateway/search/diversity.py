"""Maximal marginal relevance: what was found is shown in an order in which it differs.

J. Carbonell and J. Goldstein, The use of MMR, diversity-based reranking, SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phonoscope_gateway.search.copies import Item


def diversified(items: Sequence[Item], amount: float) -> list[Item]:
    """The items, each the one that is most similar to the query and least to those before it.

    Args:
        items: the best first.
        amount: 0 to 1: how much likeness to what is before counts against an item; at 0 the order stays.
    """
    if not items or not amount:
        return list(items)
    vectors = np.stack([item.best.vector for item in items])
    relevance = _to_one(np.array([item.best.similarity for item in items]))
    likeness = vectors @ vectors.T
    nearest, left, order = np.full(len(items), -np.inf), np.ones(len(items), np.bool_), [0]
    left[0] = False
    while left.any():
        nearest = np.maximum(nearest, likeness[order[-1]])
        score = np.where(left, (1.0 - amount) * relevance - amount * nearest, -np.inf)
        order.append(int(score.argmax()))
        left[order[-1]] = False
    return [items[index] for index in order]


def _to_one(similarities: np.ndarray) -> np.ndarray:
    """Similarities whose highest is 1, as that of a vector to itself: sums of labels have no such bound."""
    highest = similarities.max()
    return similarities / highest if highest > 0.0 else similarities
