"""The seven frequency bands of results, with the names that mixing engineers use."""

from __future__ import annotations

from typing import NamedTuple


class BandSpan(NamedTuple):
    """A band from its lower edge up to, but without, its upper edge; the highest band has no upper edge."""

    name: str
    low_hz: float
    high_hz: float | None


BANDS = (
    BandSpan("sub-bass", 20.0, 60.0),
    BandSpan("bass", 60.0, 250.0),
    BandSpan("low-mid", 250.0, 500.0),
    BandSpan("mid", 500.0, 2_000.0),
    BandSpan("high-mid", 2_000.0, 4_000.0),
    BandSpan("presence", 4_000.0, 6_000.0),
    BandSpan("brilliance", 6_000.0, None),
)
