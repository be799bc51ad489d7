"""Sentences as the tokens that an encoder was trained with, by the ``tokenizers`` library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from phonoscope.errors import UnreadableWeights
from phonoscope.text.encoder import Indices


@dataclass(frozen=True)
class Batch:
    """Sentences as tokens, as ``Encoder.states`` takes them: ``(sentences, tokens)``."""

    ids: Indices
    mask: Indices


class Tokens:
    """A tokenizer.

    Args:
        path: of a ``tokenizer.json``, as Hugging Face publishes them.
        longest: the most tokens of a sentence; the rest is cut off.

    Raises ``UnreadableWeights``.
    """

    def __init__(self, path: Path, longest: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise UnreadableWeights(f"{path} cannot be read as a tokenizer: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)

    def __call__(self, sentences: Sequence[str], padding: int = 0) -> Batch:
        """A batch of sentences, as long as the longest of them. ``padding`` is the id that fills up the others."""
        encoded = [found.ids for found in self._tokenizer.encode_batch_fast(list(sentences))]
        longest = max((len(ids) for ids in encoded), default=0)
        batch = Batch(*(np.zeros((len(encoded), longest), dtype=np.int64) for _ in range(2)))
        batch.ids.fill(padding)
        for row, ids in enumerate(encoded):
            batch.ids[row, : len(ids)] = ids
            batch.mask[row, : len(ids)] = 1
        return batch
