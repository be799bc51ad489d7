"""What profiles are made from: a recording's levels, and the command that takes their mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from phonoscope.audio.bands import BANDS
from phonoscope.audio.profiles import reference_profiles
from phonoscope_cpu import profiles
from phonoscope_cpu.describe import describe
from phonoscope_cpu.profiles import measured, profile

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav, Signal

RATE_HZ = 44_100
MIDDLES_HZ = (40.0, 120.0, 350.0, 1_000.0, 3_000.0, 5_000.0, 8_000.0)
SLOPE_DB = (-6.0, 0.0, -3.0, -6.0, -9.0, -12.0, -15.0)


class MakeTones(Protocol):
    def __call__(self, levels_db: tuple[float, ...], rate_hz: int = RATE_HZ) -> Signal: ...


@pytest.fixture
def seven_tones(tone: MakeTone) -> MakeTones:
    """A tone in the middle of each band, as loud as is asked for."""

    def make(levels_db: tuple[float, ...], rate_hz: int = RATE_HZ) -> Signal:
        tones = [
            0.1 * 10.0 ** (level / 20.0) * tone(frequency_hz, 2.0, rate_hz)
            for frequency_hz, level in zip(MIDDLES_HZ, levels_db, strict=True)
            if frequency_hz < rate_hz / 2
        ]
        signal: Signal = np.sum(tones, axis=0) * np.hanning(2 * rate_hz)
        return signal

    return make


def levels_db(found: dict[str, object]) -> list[float | None]:
    assert isinstance(found["levels"], list)
    assert [level["name"] for level in found["levels"]] == [band.name for band in BANDS]
    return [level["level_db"] for level in found["levels"]]


def test_levels_are_those_of_the_bands(seven_tones: MakeTones, wav: MakeWav) -> None:
    """Seven tones of known levels, each in a band, and what lies above 11,025 Hz does not count."""
    found = np.array(levels_db(describe(wav(seven_tones(SLOPE_DB), RATE_HZ))), dtype=float)
    assert found - found[1] == pytest.approx(np.array(SLOPE_DB), abs=0.1)
    assert (10.0 ** (found / 10.0)).sum() == pytest.approx(1.0, abs=0.01)


def test_what_lies_above_the_profiles_reach_does_not_count(
    seven_tones: MakeTones, tone: MakeTone, wav: MakeWav
) -> None:
    """A tone at 15 kHz, louder than all else, is in the bands and not in the levels."""
    signal = seven_tones(SLOPE_DB)
    hiss = 0.5 * tone(15_000.0, 2.0, RATE_HZ) * np.hanning(len(signal))
    found = describe(wav(signal + hiss, RATE_HZ))
    assert found["bands"][-1]["share"] > 0.9
    assert levels_db(found) == pytest.approx(levels_db(describe(wav(signal, RATE_HZ))), abs=0.1)


def test_bands_that_the_rate_does_not_reach_have_no_level(seven_tones: MakeTones, wav: MakeWav) -> None:
    """At 8 kHz there is neither presence nor brilliance, and the others are told all the same."""
    found = levels_db(describe(wav(seven_tones(SLOPE_DB, 8_000), 8_000)))
    assert found[5:] == [None, None]
    known = np.array(found[:5], dtype=float)
    assert known - known[1] == pytest.approx(np.array(SLOPE_DB[:5]), abs=0.2)


def test_a_band_without_energy_has_the_faintest_level(tone: MakeTone, wav: MakeWav) -> None:
    """Not minus infinity."""
    signal = 0.5 * tone(1_000.0, 2.0, RATE_HZ) * np.hanning(2 * RATE_HZ)
    found = levels_db(describe(wav(signal, RATE_HZ)))
    assert found[3] == 0.0
    assert min(level for level in found if level is not None) == -80.0


def test_silence_has_no_levels(wav: MakeWav) -> None:
    """There is nothing to compare."""
    assert describe(wav(np.zeros(RATE_HZ), RATE_HZ))["levels"] == []


def test_the_command_takes_mean_and_spread(
    seven_tones: MakeTones,
    wav: MakeWav,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Recordings that differ in one band, and in loudness: the spread is in that band alone."""
    for genre, by_db in (("wide", 3.0), ("narrow", 0.0)):
        (tmp_path / genre).mkdir()
        for number, shift in enumerate((-by_db, 0.0, by_db)):
            signal = seven_tones((*SLOPE_DB[:4], SLOPE_DB[4] + shift, *SLOPE_DB[5:])) / (1.0 + number)
            (tmp_path / genre / f"{number}.wav").write_bytes(wav(signal, RATE_HZ).read())
    (tmp_path / "narrow" / "silence.wav").write_bytes(wav(np.zeros(RATE_HZ), RATE_HZ).read())
    (tmp_path / "notes.txt").write_text("not a genre")
    monkeypatch.setattr("sys.argv", ["profiles", str(tmp_path), "--source", "seven tones"])
    profiles.main()
    made = json.loads(capsys.readouterr().out)
    assert made["source"] == "seven tones"
    assert list(made["genres"]) == ["narrow", "wide"]
    wide, narrow = made["genres"]["wide"], made["genres"]["narrow"]
    assert (wide["recordings"], narrow["recordings"]) == (3, 3)
    assert wide["mean_db"] == pytest.approx(SLOPE_DB, abs=0.1)
    assert wide["spread_db"] == pytest.approx([0, 0, 0, 0, 6.0**0.5, 0, 0], abs=0.1)
    assert narrow["spread_db"] == pytest.approx([0.0] * 7, abs=0.05)


def test_a_genre_of_silence_has_no_profile() -> None:
    """It is said, not divided by."""
    with pytest.raises(ValueError, match="not silent"):
        profile([[], []])


def test_the_profiles_that_ship_are_those_of_their_source(data: Path) -> None:
    """Made again from the recordings they name, they are the same."""
    kept = reference_profiles()
    folders = sorted(folder.name for folder in (data / "gtzan-clips").iterdir())
    assert sorted(kept.genres) == folders
    made = profile(measured(path) for path in sorted((data / "gtzan-clips" / "rock").iterdir()))
    assert made["recordings"] == 40
    assert made["mean_db"] == pytest.approx(kept.genres["rock"].mean_db, abs=0.05)
    assert made["spread_db"] == pytest.approx(kept.genres["rock"].spread_db, abs=0.05)
