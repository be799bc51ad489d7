"""Maximal marginal relevance: what was found is shown in an order in which it differs.

J. Carbonell and J. Goldstein, The use of MMR, diversity-based reranking, SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phonoscope_gateway.search.candidates import of_one_space
from phonoscope_gateway.search.copies import Item


def diversified(items: Sequence[Item], amount: float, before: Sequence[Item] = ()) -> list[Item]:
    """The items, each the one that is most similar to the query and least to those before it.

    Args:
        items: the best first.
        amount: 0 to 1: how much likeness to what is before counts against an item; at 0 the order stays.
        before: what is shown before them in any case.
    """
    if not items or not amount:
        return list(items)
    relevance = _to_one(np.array([item.best.similarity for item in items]))
    likeness = _likeness(items, items)
    nearest = _likeness(items, before).max(axis=1, initial=0.0)
    left = np.ones(len(items), np.bool_)
    order: list[int] = []
    while left.any():
        score = np.where(left, (1.0 - amount) * relevance - amount * nearest, -np.inf)
        order.append(int(score.argmax()))
        left[order[-1]] = False
        nearest = np.maximum(nearest, likeness[order[-1]])
    return [items[index] for index in order]


def _likeness(items: Sequence[Item], others: Sequence[Item]) -> np.ndarray:
    """The cosine of each item and each other one; 0 where they are of two spaces. Shape: ``(items, others)``."""
    ones, rest = [item.best for item in items], [item.best for item in others]
    if not rest:
        return np.zeros((len(ones), 0))
    cosines = np.stack([one.vector for one in ones]) @ np.stack([other.vector for other in rest]).T
    return np.where(of_one_space(ones, rest), cosines, 0.0)


def _to_one(similarities: np.ndarray) -> np.ndarray:
    """Similarities whose highest is 1, as that of a vector to itself: sums of labels have no such bound."""
    highest = similarities.max()
    return similarities / highest if highest > 0.0 else similarities
