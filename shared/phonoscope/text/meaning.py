"""From a sentence to labels with weights: by what the words mean, or by their spelling where no model knows that.

The score of a window is the weighted sum of its labels' probabilities: for each thing that is asked for the labels that
are near in meaning, those nearer with more weight; for each that should not be heard the same, subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from phonoscope.text.encoder import Array
from phonoscope.text.labels import Label
from phonoscope.text.meant import MOST_NEAR, SLACK, Key, Meant, Near, Thing, Way
from phonoscope.text.spelling import spelled_alike
from phonoscope.text.things import Part, divides, parts_of

_MOST_LABELS = 8
"""Of one body for one thing."""
_MOST_THINGS = 16
"""Of one sentence; further ones are said to be missing."""
_KEPT = 512
"""Sentences of the latest searches: the next page of a search, or the next owner, asks for the same."""
_MISSPELLED = 0.85
"""The similarity of spelling from which words that mean nothing near are taken for a misspelt label."""


@dataclass(frozen=True)
class Scale:
    """How similarities become weights.

    Args:
        floor: the least similarity of a label that is near.
        margin: a label counts when it is at most so much less similar than the most similar one.
        temperature: a label that is less similar by so much weighs 1/e as much.
        sure: the similarity from which each piece of a part is a thing of its own.
    """

    floor: float
    margin: float
    temperature: float
    sure: float


SCALES: Mapping[Way, Scale] = {
    "meaning": Scale(0.45, 0.25, 0.04, 0.6),
    "spelling": Scale(0.5, 0.35, 0.1, 0.6),
}


class Phrases:
    """The vectors of phrases, each computed once. Threads may share it.

    Args:
        sentences: embeds them, as ``SentenceModel`` does.
    """

    def __init__(self, sentences: Callable[[Sequence[str]], Array]) -> None:
        self.sentences = sentences
        self._known: dict[str, Array] = {}
        self._computing = Lock()

    def __call__(self, phrases: Sequence[str]) -> Array:
        """Their vectors, ``(phrases, width)``; waits while another thread computes."""
        with self._computing:
            new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._known]
            self._known |= dict(zip(new, self.sentences(new), strict=True))
            return np.stack([self._known[phrase] for phrase in phrases])


class Meaning:
    """Labels, and how near what people say is to them.

    Args:
        labels: of the served heads.
        phrases: the model that knows what words mean; without it they are compared by their spelling.
    """

    def __init__(self, labels: Sequence[Label], phrases: Phrases | None = None) -> None:
        self._labels = list(labels)
        self._vectors = phrases
        named = [(index, phrase) for index, label in enumerate(self._labels) for phrase in label.phrases]
        self._owners = np.array([index for index, _ in named], dtype=np.int64)
        self._phrases = [phrase for _, phrase in named]
        self._undivided = sorted({phrase for phrase in self._phrases if divides(phrase)}, key=len, reverse=True)
        bodies = {label.body: place for place, label in enumerate(self._labels)}
        self._bodies = np.array([bodies[label.body] for label in self._labels], dtype=np.int64)
        self._meant = lru_cache(_KEPT)(self._meant_by)

    @property
    def way(self) -> Way:
        """How words are compared with labels."""
        return "spelling" if self._vectors is None else "meaning"

    @property
    def labels(self) -> list[Label]:
        """The labels that words are compared with."""
        return list(self._labels)

    def among(self, models: Collection[str]) -> Meaning:
        """The same with the labels of some models alone."""
        return Meaning([label for label in self._labels if label.model in models], self._vectors)

    def warm_up(self) -> None:
        """Computes the vectors of all labels, which takes seconds; else the first sentence waits for them."""
        if self._vectors is not None and self._phrases:
            _ = self._known

    def of(self, text: str) -> Meant:
        """What a sentence asks for, worked out once. A sentence without a word asks for nothing."""
        return self._meant(text)

    def _meant_by(self, text: str) -> Meant:
        every = parts_of(text, self._undivided)
        parts, further = every[:_MOST_THINGS], every[_MOST_THINGS:]
        similar = self._similar(words for part in parts for words in (part.words, *part.pieces))
        asked = [(piece, part.wanted) for part in parts for piece in self._pieces(part, similar)]
        asked = [(piece, wanted) for words, wanted in asked for piece in self._known_words(words, similar)]
        rows = [similar[piece] for piece, _ in asked]
        own = _own(rows, [wanted for _, wanted in asked])
        things = [
            Thing(piece, wanted, self._weights(row, mine), self._near(row))
            for (piece, wanted), row, mine in zip(asked, rows, own, strict=True)
        ]
        return Meant(text, self.way, (*things, *(Thing(part.words, part.wanted, {}, ()) for part in further)))

    def found(self, meant: Meant, heard: Mapping[str, Array]) -> Array:
        """How well each of some windows fits, as searches rank them, at most 1: ``(windows,)``.

        Of several things it is the geometric mean of how much of each is heard, ``SLACK`` added to each; what should
        not be heard is subtracted. Of one thing it is the sum that ``scores`` has, before it is clipped.

        Args:
            heard: as ``scores`` takes it.
        """
        things = meant.together
        if not things:
            return self._sum(meant.weights, heard)
        each = np.stack([self._sum(thing.weights, heard) for thing in things])
        unwanted = {key: -weight for key, weight in meant.weights.items() if weight < 0.0}
        means = np.exp(np.log(each + np.float32(SLACK)).mean(axis=0)) - np.float32(SLACK)
        return np.asarray(means - self._sum(unwanted, heard), dtype=np.float32)

    def scores(self, meant: Meant, heard: Mapping[str, Array]) -> Array:
        """How much of what is meant is in each of some windows, from 0 to 1: ``(windows,)``.

        It is the weighted sum of the labels' probabilities; where labels of several bodies count, the mean over these.

        Args:
            heard: the probabilities of each model's labels, ``(windows, labels)``; absent models say nothing.
        """
        return np.clip(self._sum(meant.weights, heard), 0.0, 1.0)

    def _sum(self, weights: Mapping[Key, float], heard: Mapping[str, Array]) -> Array:
        found = np.zeros(len(next(iter(heard.values()))), dtype=np.float32)
        bodies = set()
        for label, column in self._columns:
            weight = weights.get(label.key, 0.0)
            if weight and label.model in heard:
                found += np.float32(weight) * heard[label.model][:, column]
                bodies |= {label.body} if weight > 0.0 else set()
        return found / np.float32(max(1, len(bodies)))

    @cached_property
    def _columns(self) -> list[tuple[Label, int]]:
        """The labels, and the place of each among those of its model."""
        places: dict[str, int] = {}
        found = []
        for label in self._labels:
            found.append((label, places.get(label.model, 0)))
            places[label.model] = found[-1][1] + 1
        return found

    def similarities(self, words: Sequence[str]) -> Array:
        """How similar each of several words is to each label, at most 1: ``(words, labels)``."""
        found = np.zeros((len(words), len(self._labels)), dtype=np.float32)
        if not words or not self._labels:
            return found
        found[:] = self._by_label(self._by_meaning(words) if self._vectors else self._by_spelling(words))
        if self._vectors:
            strange = np.flatnonzero(found.max(axis=1) < self._scale.floor)
            spelled = self._by_label(self._by_spelling([words[row] for row in strange.tolist()]))
            found[strange] = np.where(spelled >= _MISSPELLED, spelled, found[strange])
        return found

    @cached_property
    def _known(self) -> Array:
        assert self._vectors is not None
        return self._vectors(self._phrases)

    @property
    def _scale(self) -> Scale:
        return SCALES[self.way]

    def _by_meaning(self, words: Sequence[str]) -> Array:
        assert self._vectors is not None
        return self._vectors.sentences(words) @ self._known.T

    def _by_spelling(self, words: Sequence[str]) -> Array:
        rows = [spelled_alike(word, self._phrases) for word in words]
        return np.array(rows, dtype=np.float32).reshape(len(words), len(self._phrases))

    def _by_label(self, by_phrase: Array) -> Array:
        """The greatest of each label's phrases: those of a label are side by side."""
        starts = np.searchsorted(self._owners, np.arange(len(self._labels)))
        return np.maximum.reduceat(by_phrase, starts, axis=1)

    def _pieces(self, part: Part, similar: Mapping[str, Array]) -> tuple[str, ...]:
        """The part as one thing, or as several where each of them surely is one."""
        best = [similar[piece].argmax() for piece in part.pieces] if self._labels else []
        sure = all(similar[piece].max() >= self._scale.sure for piece in part.pieces) if self._labels else False
        return part.pieces if sure and len(set(best)) == len(part.pieces) > 1 else (part.words,)

    def _known_words(self, words: str, similar: dict[str, Array]) -> tuple[str, ...]:
        """Words that no label is near to as the one word of them that a label surely is near to, and the others."""
        each = words.split()
        if len(each) == 1 or not self._labels or similar[words].max() >= self._scale.floor:
            return (words,)
        similar |= self._similar(each)
        known = max(each, key=lambda word: float(similar[word].max()))
        if similar[known].max() < self._scale.sure:
            return (words,)
        rest = " ".join(word for word in each if word != known)
        similar |= self._similar([rest])
        return known, rest

    def _similar(self, words: Iterable[str]) -> dict[str, Array]:
        each = list(dict.fromkeys(words))
        return dict(zip(each, self.similarities(each), strict=True))

    def _weights(self, row: Array, own: NDArray[np.bool_]) -> dict[Key, float]:
        near = np.flatnonzero(own & (row >= max(self._scale.floor, row.max(initial=0.0) - self._scale.margin)))
        near = near[np.argsort(-row[near], kind="stable")]
        if not len(near):
            return {}
        weights = np.exp((row[near] - row[near[0]]) / self._scale.temperature)
        found: dict[Key, float] = {}
        for body in dict.fromkeys(self._bodies[near].tolist()):
            mine = np.flatnonzero(self._bodies[near] == body)[:_MOST_LABELS]
            most = max(1.0, float(weights[mine].sum()))
            found |= {self._labels[near[index]].key: float(weights[index]) / most for index in mine}
        return found

    def _near(self, row: Array) -> tuple[Near, ...]:
        nearest = np.argsort(-row, kind="stable")[:MOST_NEAR]
        labels = [(self._labels[index], float(row[index])) for index in nearest]
        return tuple(Near(label.model, label.label, similarity) for label, similarity in labels)


def _own(rows: Sequence[Array], wanted: Sequence[bool]) -> list[NDArray[np.bool_]]:
    """For each thing, the labels that are no nearer to anything that is asked for the other way."""
    own = []
    for row, mine in zip(rows, wanted, strict=True):
        others = [other for other, theirs in zip(rows, wanted, strict=True) if theirs is not mine]
        nearest = np.max(others, axis=0) if others else np.full_like(row, -np.inf)
        own.append(row >= nearest if mine else row > nearest)
    return own
