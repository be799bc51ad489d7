"""Whether two recordings are copies of one: their acoustic fingerprints agree once they are aligned."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.acoustic import WORDS_A_SECOND, Words
from phonoscope.work import AcousticFingerprint

MOST_DIFFERENCE_S = 10.0
"""Between the durations of copies."""
MOST_ERROR = 0.25
"""The share of bits that differ between copies at most; of unrelated recordings half differ."""
_SLACK_S = 2.0
"""A copy may start so much earlier or later than the difference of the durations explains."""
_PROBE = 30 * WORDS_A_SECOND
_FEWEST = 16
_LEAST_SHARED = 0.5
_BITS = 16

Counts: TypeAlias = NDArray[np.int64]


def are_copies(one: AcousticFingerprint, other: AcousticFingerprint) -> bool:
    """Whether both are the same recording, in whatever format, cut or continued by ten seconds at most."""
    return bit_error(one, other) <= MOST_ERROR


def bit_error(one: AcousticFingerprint, other: AcousticFingerprint) -> float:
    """The share of bits that differ where two recordings are aligned best, of those in which both are loud enough.

    It is 1 where that cannot be said: their durations differ by more than ten seconds, or less than a second or less
    than half of one can be compared.
    """
    if abs(one.duration_s - other.duration_s) > MOST_DIFFERENCE_S:
        return 1.0
    first, second = _read(one), _read(other)
    heard = max(np.count_nonzero(first), np.count_nonzero(second))
    needed = max(_FEWEST, _LEAST_SHARED * heard)
    start = _busiest(first, _PROBE)
    probe = first[start : start + _PROBE]
    offsets = _offsets(other.duration_s - one.duration_s)
    errors, counts = _compared(probe, _shifted(second, start + offsets[0], len(offsets), len(probe)))
    usable = counts >= min(needed, _LEAST_SHARED * np.count_nonzero(probe))
    shares = np.where(usable & (counts > 0), errors / (_BITS * counts.clip(1)), 1.0)
    offset = offsets[int(shares.argmin())]
    error, count = _compared(first, _shifted(second, offset, 1, len(first)))
    return float(error[0] / (_BITS * count[0])) if count[0] >= needed else 1.0


def _read(fingerprint: AcousticFingerprint) -> Words:
    return np.frombuffer(fingerprint.words, "<u2")


def _offsets(longer_s: float) -> list[int]:
    """By how many words the sound may be later in the second recording, which is so much longer."""
    first = round((min(0.0, longer_s) - _SLACK_S) * WORDS_A_SECOND)
    last = round((max(0.0, longer_s) + _SLACK_S) * WORDS_A_SECOND)
    return list(range(first, last + 1))


def _busiest(words: Words, count: int) -> int:
    """Where the stretch of so many words begins that has most to compare."""
    if len(words) <= count:
        return 0
    heard = np.concatenate([[0], np.cumsum(words != 0)])
    return int((heard[count:] - heard[:-count]).argmax())


def _shifted(words: Words, start: int, shifts: int, count: int) -> Words:
    """The ``count`` words from ``start`` on, and from each of the places after it; 0 where there are none.

    Shape:
        - output: ``(shifts, count)``
    """
    end = start + shifts - 1 + count
    inside = words[max(0, start) : max(0, end)]
    before = min(max(0, -start), end - start)
    padded = np.pad(inside, (before, end - start - before - len(inside)))
    return np.lib.stride_tricks.sliding_window_view(padded, count)


def _compared(probe: Words, shifted: Words) -> tuple[Counts, Counts]:
    """In each row, the bits that differ from the probe's and the words compared: those that neither lacks."""
    heard = (shifted != 0) & (probe != 0)
    errors = np.bitwise_count(shifted ^ probe)
    return (errors * heard).sum(axis=1, dtype=np.int64), heard.sum(axis=1, dtype=np.int64)
