"""A BERT encoder in numpy: embeddings, then layers with the normalisation after each part.

J. Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, 2019, arXiv 1810.04805. RoBERTa's is the same
with other sizes and other positions (Y. Liu et al., 2019, arXiv 1907.11692).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from phonoscope.errors import UnreadableWeights

Array: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.output\.dense\.weight")
_EMBEDDINGS = "embeddings"


def read_tensors(path: Path, prefix: str = "") -> dict[str, Array]:
    """The tensors of a safetensors file whose names have a prefix, by the rest of their names, as float32.

    Raises ``UnreadableWeights``.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - it is no dictionary
            return {name.removeprefix(prefix): _float(file.get_tensor(name)) for name in names}
    except (SafetensorError, OSError, TypeError) as error:
        raise UnreadableWeights(f"{path} cannot be read as safetensors: {error}") from error


def _float(tensor: NDArray[np.generic]) -> Array:
    return np.ascontiguousarray(tensor, dtype=np.float32)


@dataclass(frozen=True)
class Encoder:
    """The encoder over its tensors, which have the names that ``transformers`` gives those of ``BertModel``.

    Args:
        tensors: by name, such as ``encoder.layer.0.attention.self.query.weight``, float32.
        heads: of the attention.
        epsilon: is added to the variance in each normalisation.
        first_position: the position of a sentence's first token: 0 in BERT, 2 in RoBERTa, which counts on from that of
            its padding token.

    Raises ``UnreadableWeights`` when a tensor is missing or the heads do not divide the width.
    """

    tensors: Mapping[str, Array]
    heads: int
    epsilon: float = 1e-12
    first_position: int = 0

    def __post_init__(self) -> None:
        if missing := [name for name in _needed(self.layers) if name not in self.tensors]:
            raise UnreadableWeights(f"the encoder lacks {len(missing)} tensors, such as {missing[0]}")
        if self.width % self.heads:
            raise UnreadableWeights(f"{self.heads} heads do not divide a width of {self.width}")

    @property
    def layers(self) -> int:
        """How many there are."""
        return len({found[1] for name in self.tensors if (found := _LAYER.fullmatch(name))})

    @property
    def width(self) -> int:
        """The numbers of one token's state."""
        return int(self.tensors[f"{_EMBEDDINGS}.word_embeddings.weight"].shape[1])

    @property
    def longest(self) -> int:
        """The most tokens of a sentence."""
        return len(self.tensors[f"{_EMBEDDINGS}.position_embeddings.weight"]) - self.first_position

    def states(self, ids: Indices, mask: Indices) -> Array:
        """The last layer's states.

        Args:
            ids: of tokens, those of shorter sentences filled up at their ends.
            mask: 1 for a token, 0 for what fills up; every sentence has a token.

        Shape:
            - input: twice ``(sentences, tokens)``; output: ``(sentences, tokens, width)``

        Raises ``ValueError`` for more tokens than ``longest``.
        """
        if ids.shape[1] > self.longest:
            raise ValueError(f"{ids.shape[1]} tokens; there are positions for {self.longest}")
        states = self._embedded(ids, mask)
        hidden = np.where(mask[:, None, None, :] > 0, np.float32(0.0), np.float32(-np.inf))
        for layer in range(self.layers):
            states = self._layer(states, hidden, f"encoder.layer.{layer}")
        return states

    def pooled(self, states: Array) -> Array:
        """The first token's states through BERT's pooler: a linear layer and tanh. Raises ``KeyError`` without one.

        Shape:
            - input: ``(sentences, tokens, width)``; output: ``(sentences, width)``
        """
        return np.tanh(self._linear(states[:, 0], "pooler.dense"))

    def _embedded(self, ids: Indices, mask: Indices) -> Array:
        words, places, kinds = (
            self.tensors[f"{_EMBEDDINGS}.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        positions = self.first_position - 1 + np.cumsum(mask, axis=1) * mask
        # What fills up is at RoBERTa's padding position; in BERT it has none, and its states are never seen.
        return self._normalised(words[ids] + places[np.maximum(positions, 0)] + kinds[0], f"{_EMBEDDINGS}.LayerNorm")

    def _layer(self, states: Array, hidden: Array, name: str) -> Array:
        attended = self._linear(
            self._attended(states, hidden, f"{name}.attention.self"), f"{name}.attention.output.dense"
        )
        states = self._normalised(states + attended, f"{name}.attention.output.LayerNorm")
        inner = gelu(self._linear(states, f"{name}.intermediate.dense"))
        return self._normalised(states + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attended(self, states: Array, hidden: Array, name: str) -> Array:
        queries, keys, values = (
            self._by_head(self._linear(states, f"{name}.{part}")) for part in ("query", "key", "value")
        )
        scores = queries @ keys.swapaxes(-1, -2) / np.float32(np.sqrt(queries.shape[-1])) + hidden
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        attended: Array = (weights @ values).swapaxes(1, 2).reshape(states.shape)
        return attended

    def _by_head(self, states: Array) -> Array:
        sentences, tokens, width = states.shape
        return states.reshape(sentences, tokens, self.heads, width // self.heads).swapaxes(1, 2)

    def _linear(self, states: Array, name: str) -> Array:
        # One product of two matrices takes less than one for each sentence.
        flat = states.reshape(-1, states.shape[-1]) @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]
        return flat.reshape(*states.shape[:-1], -1)

    def _normalised(self, states: Array, name: str) -> Array:
        centred = states - states.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        scaled: Array = centred / np.sqrt(variance + np.float32(self.epsilon))
        return scaled * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]


def gelu(values: Array) -> Array:
    """Gaussian error linear units: each value times the normal distribution's share below it.

    The error function is that of M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 1964, 7.1.26, whose
    error is at most 1.5e-7.

    >>> gelu(np.float32([0.0, 1.0, -10.0])).round(4).tolist()
    [0.0, 0.8413000106811523, -0.0]
    """
    size = np.abs(values) * np.float32(np.sqrt(0.5))
    step = 1.0 / (1.0 + np.float32(0.3275911) * size)
    series = np.zeros_like(step)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * step
    error = np.copysign(1.0 - series * np.exp(-np.square(size)), values)
    return np.asarray(values * np.float32(0.5) * (1.0 + error), dtype=np.float32)


def _needed(layers: int) -> list[str]:
    """The names of all tensors that an encoder reads, without the pooler's."""
    normalised, linear = [f"{_EMBEDDINGS}.LayerNorm"], []
    for layer in (f"encoder.layer.{index}" for index in range(max(layers, 1))):
        linear += [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        linear += [f"{layer}.{part}.dense" for part in ("attention.output", "intermediate", "output")]
        normalised += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    both = [f"{name}.{part}" for name in (*normalised, *linear) for part in ("weight", "bias")]
    return [*(f"{_EMBEDDINGS}.{name}_embeddings.weight" for name in ("word", "position", "token_type")), *both]
