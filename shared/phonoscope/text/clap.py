"""Sentences in the space of sounds: the text tower of CLAP (Wu et al., 2023, arXiv 2211.06687), without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeAlias

import numpy as np

from phonoscope.batches import batched
from phonoscope.catalogue import GIVING, BodyManifest, LiveCatalogue, check_file
from phonoscope.catalogue.live import facts_of
from phonoscope.errors import BodyAbsent, ModelError, UnreadableWeights
from phonoscope.text.encoder import Array, Encoder
from phonoscope.text.mapped import map_tensors
from phonoscope.text.tokens import Tokens
from phonoscope.work import Space

_BATCH = 16
_KEPT = 256
"""Vectors of the latest searches; the next page of a search needs its vector again."""
_PADDING = 1
"""RoBERTa's padding token, whose position is 1 too: a sentence's positions count on from 2."""
_Signature: TypeAlias = tuple[object, ...]
_ENCODER, _PROJECTION = "text_model.", "text_projection."


@dataclass(frozen=True)
class ClapText:
    """CLAP's text tower: a RoBERTa encoder, its pooler, and a projection of two layers with ReLU between.

    Args:
        projection: ``linear1`` and ``linear2``, weights and biases.
        scale: the factor on cosines of sounds and sentences by which a softmax over sentences was taught.
    """

    tokens: Tokens
    encoder: Encoder
    projection: Mapping[str, Array]
    scale: float

    def __call__(self, sentences: Sequence[str]) -> Array:
        """The vectors of sentences, float32, of length 1. Shape: ``(sentences, 512)``.

        Of a sentence longer than the tower reads, the start counts.
        """
        width = len(self.projection["linear2.bias"])
        return np.concatenate([np.empty((0, width), np.float32), *map(self._batch, batched(sentences, _BATCH))])

    def probabilities(self, sounds: Array, sentences: Sequence[str]) -> Array:
        """How probable each sentence is for each sound, if one of them holds: a softmax over scaled cosines.

        Shape:
            - sounds: ``(windows, 512)``, unit vectors in the same space; output: ``(windows, sentences)``
        """
        logits = np.float32(self.scale) * sounds @ self(sentences).T
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)

    def _batch(self, sentences: Sequence[str]) -> Array:
        batch = self.tokens(sentences, _PADDING)
        pooled = self.encoder.pooled(self.encoder.states(batch.ids, batch.mask))
        inner = np.maximum(self._linear(pooled, "linear1"), 0.0)
        projected = self._linear(inner, "linear2")
        return np.asarray(projected / np.linalg.norm(projected, axis=1, keepdims=True), dtype=np.float32)

    def _linear(self, values: Array, name: str) -> Array:
        return np.asarray(values @ self.projection[f"{name}.weight"].T + self.projection[f"{name}.bias"])


def open_text_tower(manifest: BodyManifest, folder: Path) -> ClapText:
    """The text tower of a body. Its weights stay in their file, of which the system keeps in memory what is used.

    Raises:
        BodyAbsent: the body has none.
        WeightsMismatch: a file is missing or differs from the manifest.
        UnreadableWeights: a file cannot be read, or lacks a tensor.
    """
    text = manifest.text
    if text is None:
        raise BodyAbsent(f"{manifest.name} has no text tower")
    path = check_file(text.weights, folder)
    encoder = Encoder(map_tensors(path, _ENCODER), text.heads, first_position=_PADDING + 1)
    projection = map_tensors(path, _PROJECTION)
    wanted = {f"{layer}.{part}" for layer in ("linear1", "linear2") for part in ("weight", "bias")}
    if missing := sorted(
        {"pooler.dense.weight", "pooler.dense.bias"} - encoder.tensors.keys() | wanted - projection.keys()
    ):
        raise UnreadableWeights(f"{path} lacks {', '.join(missing)}")
    longest = min(text.longest, encoder.longest)
    return ClapText(Tokens(check_file(text.tokenizer, folder), longest), encoder, projection, text.scale)


class _Opened(NamedTuple):
    identity: str
    tower: ClapText
    vector: Callable[[str], Array]


class _Failed(NamedTuple):
    signature: _Signature
    error: ModelError


class LiveTextTower:
    """The text tower of the body that is in the catalogue at this moment; opened at its first use. Threads share it.

    One that cannot be used is tried again when one of its files has changed.
    """

    def __init__(self, models: LiveCatalogue) -> None:
        self._models = models
        self._lock = Lock()
        self._opened: _Opened | None = None
        self._failed: _Failed | None = None

    @property
    def space(self) -> Space | None:
        """The space of its vectors; ``None`` where no such body is there."""
        body = self._models.current.with_text
        return None if body is None else body.space

    def vector(self, text: str) -> tuple[Space, Array]:
        """A sentence's unit vector, ``(512,)``, and the space in which it can be compared with windows.

        Raises as ``tower`` does.
        """
        space, opened = self._open()
        return space, opened.vector(text)

    def tower(self) -> tuple[Space, ClapText]:
        """The space and the tower.

        Raises ``BodyAbsent``, which names the command that fetches it, ``WeightsMismatch`` and ``UnreadableWeights``.
        """
        space, opened = self._open()
        return space, opened.tower

    def _open(self) -> tuple[Space, _Opened]:
        catalogue = self._models.current
        body = catalogue.with_text
        if body is None:
            raise BodyAbsent(f"no model compares words with sounds here: run `{GIVING['clap'].command}`")
        with self._lock:
            if self._opened is None or self._opened.identity != body.identity:
                self._opened = None
                tower = self._tower(body, catalogue.folder(body.name))
                self._opened = _Opened(body.identity, tower, lru_cache(_KEPT)(partial(_vector, tower)))
            return body.space, self._opened

    def _tower(self, body: BodyManifest, folder: Path) -> ClapText:
        signature = _signed(body, folder)
        if self._failed is not None and self._failed.signature == signature:
            raise type(self._failed.error)(self._failed.error.detail)
        try:
            return open_text_tower(body, folder)
        except ModelError as error:
            self._failed = _Failed(signature, error.with_traceback(None))
            raise


def _signed(body: BodyManifest, folder: Path) -> _Signature:
    """The body's identity, and time, size and inode of each file of its text tower."""
    files = [] if body.text is None else [folder / body.text.weights.file, folder / body.text.tokenizer.file]
    return body.identity, *(facts_of(path) for path in files)


def _vector(tower: ClapText, text: str) -> Array:
    return np.asarray(tower([text])[0])
