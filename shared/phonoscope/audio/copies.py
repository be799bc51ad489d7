"""Whether two recordings are copies of one: their acoustic fingerprints agree once they are aligned."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.acoustic import WORDS_A_SECOND, Words
from phonoscope.work import AcousticFingerprint

MOST_DIFFERENCE_S = 10.0
"""Between the durations of copies."""
MOST_ERROR = 0.2
"""The share of bits that differ between copies at most; of unrelated recordings half differ."""
MOST_IN_A_QUARTER = 0.28
"""The same in each quarter of the bands: a mix without its bass, or its voice, differs where that was."""
_SPREAD = 0.24
"""The standard deviation of unrelated recordings' share, times the root of the number of words: words overlap, so that
their bits count a quarter."""
_DEVIATIONS = 6.0
"""By which a copy's share is below a half, where few words can be compared."""
_SLACK_S = 2.0
"""A copy may start so much earlier or later than the difference of the durations explains."""
_GLANCE, _PROBE = 8 * WORDS_A_SECOND, 30 * WORDS_A_SECOND
_HOPELESS = 0.38
"""A share at a glance that no copy has."""
_LEAST_SHARED = 0.5
_BITS = 16
_ALL_BITS, _NO_BITS = np.uint16(0xFFFF), np.uint16(0)
_QUARTERS = [np.uint16(0xF << first) for first in range(0, _BITS, 4)]

Counts: TypeAlias = NDArray[np.int64]


class Agreement(NamedTuple):
    """How two recordings agree where they are aligned best.

    Args:
        error: the share of bits that differ, of those in which both are loud enough.
        words: how many words were compared.
        worst: the share in that quarter of the bands in which most differ.
    """

    error: float = 1.0
    words: int = 0
    worst: float = 1.0

    @property
    def of_copies(self) -> bool:
        """Whether they differ little, in all bands, and by less than chance explains."""
        if not self.words or self.worst > MOST_IN_A_QUARTER:
            return False
        return self.error <= min(MOST_ERROR, 0.5 - _DEVIATIONS * _SPREAD / sqrt(self.words))


class Comparable:
    """An acoustic fingerprint, ready to be compared with many others."""

    def __init__(self, fingerprint: AcousticFingerprint) -> None:
        self.duration_s = fingerprint.duration_s
        self.words: Words = np.frombuffer(fingerprint.words, "<u2")
        self._probes: dict[int, _Probe] = {}

    def probe(self, length: int) -> _Probe:
        """The busiest stretch of so many words."""
        if length not in self._probes:
            start = _busiest(self.words, length)
            words = self.words[start : start + length]
            words = np.pad(words, (0, -len(words) % 4))
            heard = np.where(words != 0, _ALL_BITS, _NO_BITS)
            self._probes[length] = _Probe(start, words, heard, int(np.count_nonzero(heard)))
        return self._probes[length]


class _Probe(NamedTuple):
    """A stretch of words with the mask of those that are loud enough, filled up with zeros to a multiple of 4."""

    start: int
    words: Words
    heard: Words
    loud: int


def are_copies(one: Comparable, other: Comparable) -> bool:
    """Whether both are the same recording, in whatever format, cut or continued by ten seconds at most."""
    return agreement(one, other).of_copies


def agreement(one: Comparable, other: Comparable) -> Agreement:
    """How two recordings agree.

    They do not where their durations differ by more than ten seconds, or where less than half of what is loud enough in
    one can be compared.
    """
    if abs(one.duration_s - other.duration_s) > MOST_DIFFERENCE_S:
        return Agreement()
    offsets = _offsets(other.duration_s - one.duration_s)
    if _best(one, other, offsets, _GLANCE)[0] > _HOPELESS:
        return Agreement()
    _, offset = _best(one, other, offsets, _PROBE)
    return _compared(one.words, other.words, offset)


def _best(one: Comparable, other: Comparable, offsets: range, length: int) -> tuple[float, int]:
    """The offset at which the busiest stretch of so many words agrees best, with the share of bits that differ; 1 where
    less than half of it can be compared at any.
    """
    probe = one.probe(length)
    words, heard = _shifted(other.words, probe.start + offsets[0], len(offsets), len(probe.words))
    both = heard & probe.heard
    counts = _bits(both) // _BITS
    usable = (counts > 0) & (counts >= _LEAST_SHARED * probe.loud)
    shares = np.where(usable, _bits((words ^ probe.words) & both) / (_BITS * counts.clip(1)), 1.0)
    best = int(shares.argmin())
    return float(shares[best]), offsets[best]


def _compared(first: Words, second: Words, offset: int) -> Agreement:
    """Both as a whole, at this offset."""
    shifted, _ = _shifted(second, offset, 1, len(first))
    changed, heard = shifted ^ first, (shifted != 0) & (first != 0)
    words = int(np.count_nonzero(heard))
    if not words or words < _LEAST_SHARED * max(np.count_nonzero(first), np.count_nonzero(second)):
        return Agreement()
    parts = [int((np.bitwise_count(changed & quarter) * heard).sum(dtype=np.int64)) for quarter in _QUARTERS]
    return Agreement(sum(parts) / (_BITS * words), words, max(parts) / (_BITS // 4 * words))


def _bits(words: Words) -> Counts:
    """How many bits are set in each row, counted in 64 at once.

    Shape:
        - words: ``(rows, a multiple of 4)``, contiguous; output: ``(rows,)``
    """
    counts: Counts = np.bitwise_count(words.view(np.uint64)).sum(axis=1, dtype=np.int64)
    return counts


def _offsets(longer_s: float) -> range:
    """By how many words the sound may be later in the second recording, which is so much longer."""
    first, last = min(0.0, longer_s) - _SLACK_S, max(0.0, longer_s) + _SLACK_S
    return range(round(first * WORDS_A_SECOND), round(last * WORDS_A_SECOND) + 1)


def _busiest(words: Words, count: int) -> int:
    """Where the stretch of so many words begins that has most to compare, away from the ends, which may be cut."""
    if len(words) <= count:
        return 0
    margin = min(round(MOST_DIFFERENCE_S * WORDS_A_SECOND), (len(words) - count) // 2)
    heard = np.concatenate([[0], np.cumsum(words != 0)])
    within = heard[count:] - heard[:-count]
    return margin + int(within[margin : len(within) - margin].argmax())


def _shifted(words: Words, start: int, shifts: int, count: int) -> tuple[Words, Words]:
    """The ``count`` words from ``start`` on, and from each of the places after it, with their masks; 0 where none are.

    Shape:
        - output: twice ``(shifts, count)``, views
    """
    padded = np.zeros(shifts - 1 + count, words.dtype)
    first = max(0, start)
    inside = words[first : max(0, start + len(padded))]
    padded[first - start : first - start + len(inside)] = inside
    return _views(padded, shifts, count), _views(np.where(padded != 0, _ALL_BITS, _NO_BITS), shifts, count)


def _views(words: Words, shifts: int, count: int) -> Words:
    # As ``sliding_window_view``, without its checks, which take longer than the comparison of a few words.
    return np.lib.stride_tricks.as_strided(words, (shifts, count), words.strides * 2, writeable=False)
