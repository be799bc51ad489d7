"""The synthesised music whose beats and keys are known, and the fits to it."""

from __future__ import annotations

import numpy as np
import pytest

from music_fitting import key, metre
from music_fitting.performances import perform
from music_fitting.progressions import progression
from phonoscope_cpu.measure.keys import likeliest_keys
from phonoscope_cpu.measure.metre import model


@pytest.mark.parametrize("seed", range(6))
def test_a_performance_says_where_its_beats_are(seed: int) -> None:
    """The same seed plays the same; beats are even to a few per cent, and every bar starts on one."""
    played = perform(seed)
    np.testing.assert_array_equal(played.samples, perform(seed).samples)
    assert np.abs(played.samples).max() > 0.5
    np.testing.assert_allclose(np.diff(played.beats_s), 60.0 / played.bpm, rtol=0.05)
    assert set(played.bars_s) <= set(played.beats_s)


def test_a_progression_says_its_key() -> None:
    """The weights in the package find the key of most progressions."""
    found = [likeliest_keys(key.example(seed).features)[0].name for seed in range(900_000, 900_006)]
    known = [progression(seed) for seed in range(900_000, 900_006)]
    names = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab")
    wanted = [f"{names[each.tonic]} {('major', 'minor')[each.mode]}" for each in known]
    assert sum(one == other for one, other in zip(found, wanted, strict=True)) >= 4


def test_weights_have_the_shape_that_is_read() -> None:
    """A fit to a few examples has the structures, and as many weights of each, as the file in the package."""
    examples = [metre.example(seed) for seed in range(12)]
    fitted = metre.fit(examples[3:], examples[:3], lambda _: None)
    assert len(fitted["usual"]) == 2
    for made, kept in zip(fitted["structures"], model().structures, strict=True):
        assert (made["metre"], made["beats"], made["divisions"]) == (kept.metre, kept.beats, kept.divisions)
        assert np.shape(made["weights"]) == kept.weights.shape
        assert np.shape(made["bar"]) == kept.bar.shape
