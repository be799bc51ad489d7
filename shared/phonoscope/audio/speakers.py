"""Which speaker each channel is for, and what it counts in loudness and in a downmix.

Speakers have FFmpeg's names: ``FL`` is the front left one, ``LFE`` the low-frequency one; ``NONE`` is not known.
"""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import TypeAlias

import numpy as np
from av.audio.layout import AudioLayout
from numpy.typing import NDArray

Speakers: TypeAlias = tuple[str, ...]

UNKNOWN = "NONE"
_DEFAULTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""What FFmpeg takes a container without a layout for, by the number of channels."""
_LOW_FREQUENCY = frozenset({"LFE", "LFE2"})
_SURROUND = frozenset({"BL", "BC", "BR", "SL", "SR", "SDL", "SDR", "TBL", "TBC", "TBR"})
_SURROUND_WEIGHT = 1.41
_FRONT = frozenset({"FL", "FR", "FLC", "FRC", "WL", "WR", "DL", "DR", "BIL", "BIR"})
_SIDES = {"FLC": "L", "FRC": "R"}
_OMNIDIRECTIONAL, _SIDEWAYS = "AMBI0", "AMBI1"


def speakers_of(layout: AudioLayout) -> Speakers:
    """The speakers of a layout's channels, in its order.

    >>> speakers_of(AudioLayout("5.1"))
    ('FL', 'FR', 'FC', 'LFE', 'BL', 'BR')
    """
    return tuple(channel.name for channel in layout.channels)


def settled(found: Speakers, declared: Speakers) -> Speakers:
    """The speakers of channels: those that the decoder found, else the container's, else the default for their number.

    >>> settled(("NONE",) * 3, ()), settled(("NONE",) * 2, ("FR", "FL")), settled(("FL", "FC"), ())
    (('FL', 'FR', 'LFE'), ('FR', 'FL'), ('FL', 'FC'))
    """
    if not _unknown(found):
        return found
    if len(declared) == len(found) and not _unknown(declared):
        return declared
    return speakers_of(AudioLayout(_DEFAULTS[len(found) - 1])) if len(found) <= len(_DEFAULTS) else found


@cache
def loudness_weights(speakers: Speakers) -> NDArray[np.float32] | None:
    """What the power of each channel counts by ITU-R BS.1770: 1.41 beside and behind the listener, 0 for LFE.

    ``None`` where the channels' speakers are not known. A single channel counts 1.

    Shape:
        - output: ``(channels,)``
    """
    if len(speakers) == 1:
        return np.ones(1, dtype=np.float32)
    if _unknown(speakers) or _OMNIDIRECTIONAL in speakers:
        return None
    weights = [0.0 if name in _LOW_FREQUENCY else _SURROUND_WEIGHT if name in _SURROUND else 1.0 for name in speakers]
    return np.array(weights, dtype=np.float32)


@cache
def stereo_shares(speakers: Speakers) -> NDArray[np.float32]:
    """What each channel counts in a downmix to left and right, by ITU-R BS.775.

    A single channel goes to both. Of more than two, those in front at a side count 1 there, those beside, behind or
    above 0.71; the centre counts 0.71 on both sides, the centre behind or above 0.5; low-frequency effects count
    nothing. Of channels whose speakers are not known, left and right are the means of every other one. Of ambisonics
    the first two channels are taken, as two cardioids that look to the sides.

    Shape:
        - output: ``(2, channels)``
    """
    if len(speakers) == 1:
        return np.ones((2, 1), dtype=np.float32)
    if _unknown(speakers):
        turns = np.arange(len(speakers)) % 2 == np.array([[0], [1]])
        shares: NDArray[np.float32] = (turns / turns.sum(axis=1, keepdims=True)).astype(np.float32)
        return shares
    return np.array([[_share(name, side) for name in speakers] for side in "LR"], dtype=np.float32)


@cache
def mono_shares(speakers: Speakers) -> NDArray[np.float64]:
    """What each channel counts in a downmix to mono: the mean of left and right; of unknown speakers the mean of all.

    Shape:
        - output: ``(channels,)``
    """
    if _unknown(speakers):
        return np.full(len(speakers), 1.0 / len(speakers))
    shares: NDArray[np.float64] = stereo_shares(speakers).astype(np.float64).mean(axis=0)
    return shares


def _unknown(speakers: Speakers) -> bool:
    return all(name == UNKNOWN for name in speakers)


def _share(name: str, side: str) -> float:
    if name in _LOW_FREQUENCY:
        return 0.0
    if name.startswith("AMBI"):
        return sqrt(0.5) * {_OMNIDIRECTIONAL: 1.0, _SIDEWAYS: 1.0 if side == "L" else -1.0}.get(name, 0.0)
    whose = _SIDES.get(name, name[-1])
    if whose in "LR":
        return 0.0 if whose != side else 1.0 if name in _FRONT else sqrt(0.5)
    return sqrt(0.5) if name == "FC" else 0.5
