"""Which part of a recording is decoded."""

from __future__ import annotations

from typing import NamedTuple, Self

_PLACES = 1 << 16


class Where(NamedTuple):
    """What is read of a recording.

    Args:
        audio_track: the index of the audio track; ``None`` for the one that is read when nobody chooses.
        from_ms: the time from which on samples are wanted; 0 for all of them.

    >>> Where.unpack(Where(2, 1_500).pack())
    Where(audio_track=2, from_ms=1500)
    """

    audio_track: int | None = None
    from_ms: int = 0

    def pack(self) -> float:
        """As the number that a sandboxed function is called with."""
        place = 0 if self.audio_track is None else self.audio_track + 1
        return float(self.from_ms * _PLACES + place)

    @classmethod
    def unpack(cls, number: float) -> Self:
        from_ms, place = divmod(int(number), _PLACES)
        return cls(place - 1 if place else None, from_ms)
