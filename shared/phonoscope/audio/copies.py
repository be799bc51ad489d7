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
_PROBE = 30 * WORDS_A_SECOND
_LEAST_SHARED = 0.5
_BITS = 16
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


def are_copies(one: AcousticFingerprint, other: AcousticFingerprint) -> bool:
    """Whether both are the same recording, in whatever format, cut or continued by ten seconds at most."""
    return agreement(one, other).of_copies


def agreement(one: AcousticFingerprint, other: AcousticFingerprint) -> Agreement:
    """How two recordings agree.

    They do not where their durations differ by more than ten seconds, or where less than half of what is loud enough in
    one can be compared.
    """
    if abs(one.duration_s - other.duration_s) > MOST_DIFFERENCE_S:
        return Agreement()
    first, second = _read(one), _read(other)
    start = _busiest(first, _PROBE)
    probe = first[start : start + _PROBE]
    offsets = _offsets(other.duration_s - one.duration_s)
    errors, counts = _compared(probe, _shifted(second, start + offsets[0], len(offsets), len(probe)))
    needed = _LEAST_SHARED * max(np.count_nonzero(first), np.count_nonzero(second))
    usable = (counts > 0) & (counts >= min(needed, _LEAST_SHARED * np.count_nonzero(probe)))
    if not usable.any():
        return Agreement()
    offset = offsets[int(np.where(usable, errors / counts.clip(1), np.inf).argmin())]
    shifted = _shifted(second, offset, 1, len(first))
    (error,), (count,) = _compared(first, shifted)
    if count < needed:
        return Agreement()
    changed, heard = shifted ^ first, (shifted != 0) & (first != 0)
    parts = [_different(changed & quarter, heard)[0] for quarter in _QUARTERS]
    return Agreement(float(error / (_BITS * count)), int(count), float(max(parts) / (_BITS // 4 * count)))


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
    return _different(shifted ^ probe, heard), heard.sum(axis=1, dtype=np.int64)


def _different(changed: Words, heard: NDArray[np.bool_]) -> Counts:
    return (np.bitwise_count(changed) * heard).sum(axis=1, dtype=np.int64)
