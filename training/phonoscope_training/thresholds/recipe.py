"""What is known of recordings: where a model's labels hold, may hold, and are surely absent."""

from __future__ import annotations

from pydantic import Field

from phonoscope_training.recipe import Section
from phonoscope_training.sounds import SoundSettings


class Absence(Section):
    """Labels that none of some recordings has.

    Args:
        labels: by name; ``first`` and ``last`` add all that the model has between these two.
        categories: of the recordings.
    """

    labels: list[str] = Field(default_factory=list)
    first: str | None = None
    last: str | None = None
    categories: list[str] = Field(min_length=1)

    def names(self, known: list[str]) -> list[str]:
        """The labels meant, of those that a model has. Raises ``ValueError`` when it has none of a name."""
        between = []
        if self.first is not None and self.last is not None:
            between = known[known.index(self.first) : known.index(self.last) + 1]
        return [known[known.index(label)] for label in [*self.labels, *between]]


class ThresholdRecipe(Section):
    """How thresholds are chosen.

    Args:
        model: the head, on its first body.
        sounds: recordings with a category each, in folds.
        check: the fold that only checks; the others choose.
        holds: for a label, the categories in whose recordings it holds.
        may_hold: for a label, further categories in which it may hold: their recordings say nothing of it.
        absent: labels that some recordings surely lack.
        least_precision: a threshold that is measured has at least this precision on the folds that choose.
        most_false: the largest share of recordings without a label in which it may be heard.
        least, greatest: no threshold lies outside.
    """

    seed: int
    model: str
    sounds: list[SoundSettings] = Field(min_length=1)
    check: int = 4
    holds: dict[str, list[str]]
    may_hold: dict[str, list[str]] = Field(default_factory=dict)
    absent: list[Absence] = Field(default_factory=list)
    least_precision: float = Field(gt=0.0, lt=1.0)
    most_false: float = Field(gt=0.0, lt=1.0)
    least: float = Field(gt=0.0, lt=1.0)
    greatest: float = Field(gt=0.0, lt=1.0)
