"""Words that are spelled like a label, for want of a model that knows what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

_WORD = re.compile(r"\w+")
_SURE = 0.84
"""A similarity of two words from which one counts as a misspelling or another form of the other."""
_SHORTEST = 4
"""Letters of the shortest word that may have an ending."""
_SUFFIXES = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", ""))


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
    return [_singular(word) for word in _WORD.findall(words.lower())]


def _singular(word: str) -> str:
    """A word without the ending of the plural, or of a verb's third person.

    >>> [_singular(word) for word in ("dogs", "babies", "glass", "crashes", "bus")]
    ['dog', 'baby', 'glass', 'crash', 'bus']
    """
    if len(word) < _SHORTEST or word.endswith(("ss", "us", "is")):
        return word
    return next((word.removesuffix(end) + new for end, new in _SUFFIXES if word.endswith(end)), word)
