"""Reference profiles: the spectral balance of a genre's recordings, and a recording's deviation from it.

Levels are compared up to 11,025 Hz, the highest frequency of the recordings that the profiles were made from. The
balance is compared, not the loudness: the recording is aligned by the median of its differences, so that as many bands
are above the profile as below it. A single boosted band does not move the median.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import Any, TypedDict

from phonoscope.audio.bands import BANDS

REACH_HZ = 11_025.0
"""The upper edge of the highest band in a comparison."""

_FILE = "profiles.json"
_FAINTEST_DB = -80.0


class BandLevel(TypedDict):
    """A band's share of the bands' energy in dB, at least -80; ``None`` for a band that the recording lacks."""

    name: str
    level_db: float | None


class BandDifference(TypedDict):
    """The difference between a band and a profile in dB; ``None`` for a band that the recording lacks.

    ``spread_db`` is the standard deviation of the genre's recordings: a band that is further away stands out.
    """

    name: str
    difference_db: float | None
    spread_db: float


@dataclass(frozen=True)
class Profile:
    """A genre's levels: each band's mean over recordings and standard deviation, in dB."""

    mean_db: tuple[float, ...]
    spread_db: tuple[float, ...]


@dataclass(frozen=True)
class Profiles:
    """Profiles by genre, and the source of their recordings."""

    source: str
    genres: Mapping[str, Profile]


@cache
def reference_profiles() -> Profiles:
    """The profiles in this package."""
    kept = json.loads((files("phonoscope.audio") / _FILE).read_text())
    genres = {name: Profile(tuple(each["mean_db"]), tuple(each["spread_db"])) for name, each in kept["genres"].items()}
    return Profiles(kept["source"], genres)


def levels_of(energies: Sequence[float | None]) -> list[BandLevel]:
    """The levels of energies in any unit; ``None`` for bands that do not exist. At least one energy is above 0.

    >>> [level["level_db"] for level in levels_of([0.0, 3.0, 1.0, 0.0, 0.0, None, None])]
    [-80.0, -1.25, -6.02, -80.0, -80.0, None, None]
    """
    total = sum(energy or 0.0 for energy in energies)
    return [
        BandLevel(name=band.name, level_db=None if energy is None else _decibels(energy / total))
        for band, energy in zip(BANDS, energies, strict=True)
    ]


def differences_db(levels: Sequence[BandLevel], mean_db: Sequence[float]) -> list[float | None]:
    """The difference of each band from a profile, after aligning the recording with it.

    >>> flat = [BandLevel(name=str(i), level_db=level) for i, level in enumerate([-9.0, -5.0, -9.0, None])]
    >>> differences_db(flat, [-20.0, -20.0, -20.0, -20.0])
    [0.0, 4.0, 0.0, None]
    """
    apart = [
        None if level["level_db"] is None else level["level_db"] - mean
        for level, mean in zip(levels, mean_db, strict=True)
    ]
    shift = median(_known(apart))
    return [None if each is None else each - shift for each in apart]


def compare(levels: Sequence[BandLevel], genre: str, *, named: bool) -> dict[str, Any] | None:
    """Compares a recording with a genre; returns the body of the result, ``None`` in silence.

    Args:
        levels: the level of every band; empty in silence.
        genre: a genre with a profile.
        named: whether the client named it; otherwise a classification did.
    """
    if not levels:
        return None
    profiles = reference_profiles()
    profile = profiles.genres[genre]
    found = [
        BandDifference(
            name=level["name"], difference_db=None if apart is None else round(apart, 1), spread_db=round(spread, 1)
        )
        for level, apart, spread in zip(levels, differences_db(levels, profile.mean_db), profile.spread_db, strict=True)
    ]
    reading = _reading(genre, found)
    return {"genre": genre, "named": named, "source": profiles.source, "bands": found, "reading": reading}


def _decibels(share: float) -> float:
    return round(max(10.0 * math.log10(share), _FAINTEST_DB), 2) if share > 0.0 else _FAINTEST_DB


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _reading(genre: str, bands: Sequence[BandDifference]) -> str:
    """The bands that stand out, the furthest first."""
    apart = {band["name"]: band["difference_db"] for band in bands if _stands_out(band)}
    worst = sorted(apart.items(), key=lambda item: -abs(item[1] or 0.0))
    if not worst:
        return f"No band stands out: all are as *{genre}* usually has them."
    (name, first), *others = worst
    listed = _listed([f"{name} is {_above(first)}", *(f"{name} {_above(each)}" for name, each in others)])
    return f"{listed[0].upper()}{listed[1:]} what *{genre}* usually has."


def _stands_out(band: BandDifference) -> bool:
    return band["difference_db"] is not None and abs(band["difference_db"]) > band["spread_db"]


def _above(apart_db: float | None) -> str:
    apart = apart_db or 0.0
    return f"{abs(apart):.1f} dB {'above' if apart > 0.0 else 'below'}"


def _listed(phrases: Sequence[str]) -> str:
    *all_but_last, last = phrases
    return f"{', '.join(all_but_last)} and {last}" if all_but_last else last
