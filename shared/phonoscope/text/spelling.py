"""Words that are spelled like a label, for want of a model that knows what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import snowballstemmer
from rapidfuzz import fuzz, process

_WORD = re.compile(r"\w+")
_SURE = 0.84
"""A similarity of two words from which one counts as a misspelling or another form of the other."""


def spelled_alike(words: str, phrases: Sequence[str]) -> list[float]:
    """How alike words are to each phrase by spelling, from 0 to 1; 1 for the same words, however they are inflected.

    >>> [round(found, 2) for found in spelled_alike("Dogs", ["dog", "hot dog", "cat"])]
    [1.0, 0.67, 0.0]
    """
    asked = _stems(words)
    return [_alike(asked, _stems(phrase)) for phrase in phrases]


def _alike(asked: Sequence[str], named: Sequence[str]) -> float:
    """Twice the words that both have, as a share of all words (Dice's coefficient)."""
    if not asked or not named:
        return 0.0
    return 2.0 * sum(_best(word, named) for word in asked) / (len(asked) + len(named))


def _best(word: str, others: Sequence[str]) -> float:
    # Whoever misspells a word nearly always has its first letter right: rain is no train.
    alike = [other for other in others if other[0] == word[0]]
    found = process.extractOne(word, alike, scorer=fuzz.ratio, score_cutoff=100.0 * _SURE)
    return found[1] / 100.0 if found else 0.0


def _stems(words: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(words.lower())]


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    """A word without its ending, by M. Porter's English stemmer (Snowball).

    >>> [_stem(word) for word in ("dogs", "barking", "babies", "baby")]
    ['dog', 'bark', 'babi', 'babi']
    """
    return str(_stemmer().stemWord(word))


@lru_cache
def _stemmer() -> Any:
    return snowballstemmer.stemmer("english")
