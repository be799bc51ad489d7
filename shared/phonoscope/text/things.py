"""What a sentence asks for: the things that should be heard, and those that should not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[,;.:!?/]|[^\s,;.:!?/]+")
_MINUS = re.compile(r"(?<!\S)-(\w\S*)")
_BEGINS_UNWANTED = frozenset(
    ["without", "no", "not", "except", "excluding", "minus", "never", "nor", "neither", "lacking"]
)
_ENDS_UNWANTED = frozenset(["but", "with", "plus", "while", "yet", "only", "just", ",", ";", ".", ":", "!", "?"])
_JOINS = frozenset(["and", "or", "then", "also", "&", "+", "/"])
_MAY_JOIN = frozenset(["in", "over", "during", "near", "behind", "beside", "under", "amid"])
"""Between two things, or within one."""
_EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "some",
        "any",
        "this",
        "that",
        "these",
        "those",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "of",
        "for",
        "to",
        "is",
        "are",
        "was",
        "were",
        "be",
        "being",
        "i",
        "me",
        "you",
        "want",
        "need",
        "find",
        "show",
        "give",
        "please",
        "there",
        "which",
        "who",
        "hear",
        "heard",
        "hearing",
        "sound",
        "sounds",
        "noise",
        "noises",
        "audio",
        "recording",
        "recordings",
        "clip",
        "clips",
        "very",
        "really",
        "something",
        "like",
        "as",
        "on",
        "at",
        "by",
        "from",
    ]
)
"""Words that a thing neither begins nor ends with."""
_ASIDE = re.compile(r"\b(?:in|on|at) the (?:background|foreground|distance)\b")
_GLUE = "_"


@dataclass(frozen=True)
class Part:
    """A part of a sentence between words that surely divide it.

    Args:
        words: the whole part.
        pieces: what it may be divided into further; one when there is nothing to divide.
    """

    words: str
    wanted: bool
    pieces: tuple[str, ...]


def parts_of(text: str, phrases: Iterable[str] = ()) -> list[Part]:
    """The parts of a sentence, in order, in small letters.

    Args:
        phrases: that are never divided, such as labels with "and" in them.

    >>> [(part.words, part.wanted) for part in parts_of("Dogs and rain, without any thunder or wind but with birds")]
    [('dogs', True), ('rain', True), ('thunder', False), ('wind', False), ('birds', True)]
    >>> parts_of("a dog barking in the rain")[0].pieces
    ('dog barking', 'rain')
    >>> [part.words for part in parts_of("drum and bass, no vocals", ["drum and bass", "no vocals"])]
    ['drum and bass', 'no vocals']
    """
    words = _WORD.findall(_glued(_plain(text), phrases))
    return [part for wanted, run in _runs(words) if (part := _part(run, wanted=wanted)) is not None]


def divides(phrase: str) -> bool:
    """Whether a phrase has words that divide a sentence."""
    return any(_divides(word) or _begins_unwanted(word) or word in _MAY_JOIN for word in _WORD.findall(phrase))


def _plain(text: str) -> str:
    """The text in small letters, with one kind of spaces and apostrophes, and "without" for a minus before a word."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("_", " ").replace("\u2019", "'")
    return " ".join(_MINUS.sub(r" without \1 , ", _ASIDE.sub(" ", " ".join(plain.split()))).split())


def _divides(word: str) -> bool:
    return word in _JOINS or word in _ENDS_UNWANTED


def _begins_unwanted(word: str) -> bool:
    return word in _BEGINS_UNWANTED or word.endswith("n't")


def _glued(text: str, phrases: Iterable[str]) -> str:
    for phrase in phrases:
        text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", phrase.replace(" ", _GLUE), text)
    return text


def _runs(words: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """The words between those that divide, and whether what they say is wanted."""
    wanted, runs = True, [(True, list[str]())]
    for word in words:
        if word in _ENDS_UNWANTED:
            wanted = True
        if _begins_unwanted(word):
            wanted = False
        if _divides(word) or _begins_unwanted(word):
            runs.append((wanted, []))
        else:
            runs[-1][1].append(word)
    return runs


def _part(words: Sequence[str], *, wanted: bool) -> Part | None:
    pieces: list[list[str]] = [[]]
    for word in words:
        if word in _MAY_JOIN:
            pieces.append([])
        else:
            pieces[-1].append(word)
    named = [piece for piece in map(_named, pieces) if piece]
    return Part(_named(words), wanted, tuple(named)) if named else None


def _named(words: Sequence[str]) -> str:
    """The words without the empty ones at both ends."""
    kept = [index for index, word in enumerate(words) if _says_something(word)]
    return " ".join(words[kept[0] : kept[-1] + 1]).replace(_GLUE, " ") if kept else ""


def _says_something(word: str) -> bool:
    return word not in _EMPTY and word not in _MAY_JOIN and any(sign.isalnum() for sign in word)
