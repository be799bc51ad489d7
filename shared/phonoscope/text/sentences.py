"""Sentences as unit vectors whose cosine says how near their meanings are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phonoscope.text.encoder import Array, Encoder
from phonoscope.text.tokens import Tokens

_BATCH = 32


@dataclass(frozen=True)
class SentenceModel:
    """A sentence's vector is the mean of its tokens' states, scaled to length 1.

    N. Reimers and I. Gurevych, Sentence-BERT, 2019, arXiv 1908.10084.
    """

    tokens: Tokens
    encoder: Encoder

    def __call__(self, sentences: Sequence[str]) -> Array:
        """The vectors of sentences, float32, ``(sentences, width)``."""
        made = np.zeros((len(sentences), self.encoder.width), dtype=np.float32)
        # Sentences of one length fill up no batch in vain.
        order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            made[rows] = self._batch([sentences[row] for row in rows])
        return made

    def _batch(self, sentences: Sequence[str]) -> Array:
        batch = self.tokens(sentences)
        shares = batch.mask[..., None].astype(np.float32)
        pooled = (self.encoder.states(batch.ids, batch.mask) * shares).sum(axis=1) / shares.sum(axis=1)
        return np.asarray(pooled / np.linalg.norm(pooled, axis=1, keepdims=True), dtype=np.float32)
