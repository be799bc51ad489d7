"""What a sentence asks for: labels with weights, and the words that no label is near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

Way: TypeAlias = Literal["meaning", "spelling"]
Key: TypeAlias = tuple[str, str]
"""A model and one of its labels."""

SLACK = 0.001
"""How much of each of several things counts as heard where nothing of it is, so that one of them alone is found too."""
MOST_NEAR = 5
"""How many of the nearest labels are named."""


@dataclass(frozen=True)
class Near:
    """A label, and how similar it is to what was asked for, at most 1."""

    model: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Thing:
    """One thing that is asked for.

    Args:
        wanted: whether it should be heard, or should not.
        weights: of the labels that are near, by model and label; those of one body sum to at most 1. Empty when no
            label is near.
        near: the nearest labels, whether they are near enough or not, the nearest first.
    """

    words: str
    wanted: bool
    weights: Mapping[Key, float]
    near: tuple[Near, ...]


@dataclass(frozen=True)
class Meant:
    """What a sentence asks for.

    Args:
        way: how its words were compared with labels.
        things: in the order of the sentence.
    """

    text: str
    way: Way
    things: tuple[Thing, ...]

    @cached_property
    def weights(self) -> dict[Key, float]:
        """The weight of each label, by model and label; below 0 for what should not be heard. The heaviest come first.

        Each thing that should be heard has the same share of 1; each that should not takes all of its own away.
        """
        found = [thing for thing in self.things if thing.weights]
        share = 1.0 / max(1, sum(thing.wanted for thing in found))
        summed: dict[Key, float] = {}
        for thing in found:
            for key, weight in thing.weights.items():
                summed[key] = summed.get(key, 0.0) + (share if thing.wanted else -1.0) * weight
        return dict(sorted(summed.items(), key=lambda item: (-item[1], item[0])))

    @property
    def together(self) -> tuple[Thing, ...]:
        """The things that should be heard together; none where fewer than two are near to labels."""
        found = tuple(thing for thing in self.things if thing.wanted and thing.weights)
        return found if len(found) > 1 else ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Words that no label is near; ``near`` says which are the nearest."""
        return tuple(thing.words for thing in self.things if not thing.weights)

    @property
    def near(self) -> tuple[Near, ...]:
        """The labels nearest to any of the things, each once, the nearest first."""
        nearest: dict[Key, Near] = {}
        for near in sorted((near for thing in self.things for near in thing.near), key=lambda near: -near.similarity):
            nearest.setdefault((near.model, near.label), near)
        return tuple(nearest.values())[:MOST_NEAR]

    @property
    def wanted(self) -> bool:
        """Whether anything is asked for that a label is near to and that should be heard."""
        return any(thing.wanted and thing.weights for thing in self.things)
