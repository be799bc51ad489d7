"""What a recording's time stamps say, in words."""

from __future__ import annotations

from collections.abc import Sequence

from phonoscope.audio.axis import SHORTEST_GAP_S, Gap

_MOST_TOLD = 3


def gaps_told(gaps: Sequence[Gap]) -> list[str]:
    """A warning for the stretches without sound.

    >>> gaps_told([Gap(2.0, 5.0), Gap(6.0, 6.5)])
    ["no sound from 2.00 to 5.00 s and from 6.00 to 6.50 s, by the file's time stamps"]
    """
    if not gaps:
        return []
    told = [f"from {gap.start_s:.2f} to {gap.end_s:.2f} s" for gap in gaps[:_MOST_TOLD]]
    more = len(gaps) - len(told)
    if more:
        total_s = sum(gap.end_s - gap.start_s for gap in gaps)
        told.append(f"in {more:,} more gaps, {total_s:.2f} s in all")
    *first, last = told
    return [f"no sound {', '.join(first)}{' and ' * bool(first)}{last}, by the file's time stamps"]


def breaks_told(overlap_s: float, leaps: int) -> list[str]:
    """Warnings for sound that was left out and for time stamps that were not believed."""
    told = []
    if overlap_s >= SHORTEST_GAP_S:
        told.append(f"{overlap_s:.2f} s of sound are left out, since their time stamps overlap with what precedes them")
    if leaps:
        told.append(f"time stamps that leap are not believed: {leaps}; the sound after each follows on")
    return told
