"""A recording's balance against a genre's."""

from __future__ import annotations

import pytest

from phonoscope.audio.bands import BANDS
from phonoscope.audio.profiles import BandLevel, compare, differences_db, levels_of, reference_profiles

GENRES = ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"]


def like(genre: str, **apart_db: float | None) -> list[BandLevel]:
    """Levels as the genre's own, but for some bands, written ``high_mid``, and 20 dB fainter in all."""
    mean = reference_profiles().genres[genre].mean_db
    changes = {name.replace("_", "-"): change for name, change in apart_db.items()}
    found = []
    for band, level in zip(BANDS, mean, strict=True):
        change = changes.get(band.name, 0.0)
        found.append(BandLevel(name=band.name, level_db=None if change is None else level + change - 20.0))
    return found


def test_there_is_a_profile_for_each_genre() -> None:
    """Of seven bands, the highest at 0 dB, and none without a spread; the source says how far they reach."""
    profiles = reference_profiles()
    assert sorted(profiles.genres) == GENRES
    for profile in profiles.genres.values():
        assert len(profile.mean_db) == len(profile.spread_db) == len(BANDS)
        assert max(profile.mean_db) == 0.0
        assert all(0.5 < spread < 15.0 for spread in profile.spread_db)
    assert profiles.source.startswith("GTZAN (Tzanetakis and Cook, 2002), 40 excerpts each")
    assert "22.05 kHz" in profiles.source


def test_a_hand_made_balance() -> None:
    """What was turned up and down is told to a tenth of a decibel, and the sentence names it."""
    found = compare(like("rock", bass=4.2, presence=-3.1, mid=0.5), "rock", named=True)
    assert found is not None
    assert (found["genre"], found["named"]) == ("rock", True)
    assert found["source"] == reference_profiles().source
    told = {band["name"]: band["difference_db"] for band in found["bands"]}
    assert told == pytest.approx(
        {band.name: 0.0 for band in BANDS} | {"bass": 4.2, "presence": -3.1, "mid": 0.5}, abs=0.01
    )
    assert found["reading"] == "Bass is 4.2 dB above and presence 3.1 dB below what *rock* usually has."


@pytest.mark.parametrize(
    ("changes", "reading"),
    [
        ({}, "No band stands out: all are as *rock* usually has them."),
        ({"bass": 3.0}, "No band stands out: all are as *rock* usually has them."),
        ({"brilliance": -9.0}, "Brilliance is 9.0 dB below what *rock* usually has."),
        (
            {"sub_bass": 7.0, "high_mid": -9.0, "brilliance": 8.0},
            "High-mid is 9.0 dB below, brilliance 8.0 dB above and sub-bass 7.0 dB above what *rock* usually has.",
        ),
    ],
)
def test_readings(changes: dict[str, float], reading: str) -> None:
    """None, one or many bands are named, the furthest first; never one within the genre's own spread."""
    found = compare(like("rock", **changes), "rock", named=False)
    assert found is not None
    assert found["reading"] == reading


def test_a_band_that_is_not_there_is_not_judged() -> None:
    """A recording at 8 kHz is compared by the bands it has."""
    found = compare(like("jazz", bass=9.0, presence=None, brilliance=None), "jazz", named=True)
    assert found is not None
    told = {band["name"]: band["difference_db"] for band in found["bands"]}
    assert (told["presence"], told["brilliance"]) == (None, None)
    assert told["bass"] == pytest.approx(9.0)
    assert found["reading"] == "Bass is 9.0 dB above what *jazz* usually has."


def test_silence_is_not_compared() -> None:
    """There is no balance to tell of."""
    assert compare([], "rock", named=True) is None


def test_loudness_is_not_balance() -> None:
    """The same recording at another level differs by the same."""
    mean = reference_profiles().genres["pop"].mean_db
    quiet = levels_of([1e-9, 5e-9, 2e-9, 3e-9, 1e-9, 1e-10, 1e-10])
    loud = levels_of([1e3, 5e3, 2e3, 3e3, 1e3, 1e2, 1e2])
    assert differences_db(quiet, mean) == pytest.approx(differences_db(loud, mean))
