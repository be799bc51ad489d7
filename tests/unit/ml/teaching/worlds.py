"""Made-up vectors: a direction for each label, and recordings whose windows lie around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phonoscope_ml.teaching import Examples
from phonoscope_ml.teaching.examples import Ids, Vectors

DIMENSIONS = 512


@dataclass(frozen=True)
class World:
    """Labels as directions; what lies around them at a distance."""

    labels: int
    seed: int = 0
    noise: float = 3.5

    def windows(self, label: int, recordings: int, each: int = 1, seed: int = 0) -> Vectors:
        """Windows of recordings of a label. Shape: ``(recordings * each, 512)``, unit vectors."""
        rng = np.random.default_rng((self.seed, label, seed))
        middle = self.direction(label) + self.noise * self._around(rng, recordings).repeat(each, axis=0)
        return unit(middle + 0.3 * self._around(rng, recordings * each))

    def direction(self, label: int) -> Vectors:
        """Also of labels that nobody taught."""
        return unit(np.random.default_rng((self.seed, label, 999)).standard_normal((1, DIMENSIONS)))

    def taught(self, recordings: int, each: int = 1) -> Examples:
        """So many recordings of each label."""
        vectors = np.concatenate([self.windows(label, recordings, each) for label in range(self.labels)])
        return Examples.one_label(
            vectors,
            np.repeat(np.arange(self.labels), recordings * each),
            np.repeat(np.arange(self.labels * recordings), each),
        )

    def strangers(self, recordings: int, seed: int = 0) -> Vectors:
        """A window of each of other recordings, near no label's direction."""
        rng = np.random.default_rng((self.seed, 77, seed))
        return unit(
            np.concatenate([self.windows(int(label), 1, seed=seed) for label in rng.integers(100, 120, recordings)])
        )

    @staticmethod
    def _around(rng: np.random.Generator, count: int) -> Vectors:
        found: Vectors = (rng.standard_normal((count, DIMENSIONS)) / np.sqrt(DIMENSIONS)).astype(np.float32)
        return found


def unit(vectors: np.ndarray) -> Vectors:
    """Of length 1, float32."""
    found: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def ids(count: int) -> Ids:
    """From 0."""
    return np.arange(count, dtype=np.int64)
