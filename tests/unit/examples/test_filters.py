"""The building blocks of synthesis obey the physics they are named for."""

import importlib
from types import ModuleType

import numpy as np
import pytest

_RATE_HZ = 44_100


@pytest.fixture(scope="module")
def filters(script: ModuleType) -> ModuleType:
    """The module of filters, importable once the script has been loaded."""
    return importlib.import_module("synthesis.filters")


@pytest.fixture(scope="module")
def signal(script: ModuleType) -> ModuleType:
    """The module of sources, importable once the script has been loaded."""
    return importlib.import_module("synthesis.signal")


def test_a_tone_has_its_frequency_and_does_not_alias(signal: ModuleType) -> None:
    """All the energy of a periodic tone lies on its harmonics."""
    wave = signal.tone(np.full(_RATE_HZ, 441.0), signal.cycle(1.0 / np.arange(1, 40)))
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    assert int(np.argmax(spectrum)) == 441
    assert spectrum[441::441].sum() > 0.9999 * spectrum.sum()


def test_a_band_stops_what_lies_outside(filters: ModuleType, signal: ModuleType) -> None:
    """A tone within the band passes, one two octaves above it falls by 24 dB."""
    t = signal.times(1.0)
    gain = filters.band(300.0, 1_000.0)
    for hz, expected, tolerance in ((550.0, 1.0, 0.2), (4_000.0, 1 / 16, 0.01)):
        through = filters.filtered(np.sin(2 * np.pi * hz * t), gain)[4_410:-4_410]
        assert through.max() == pytest.approx(expected, abs=tolerance)


def test_noise_has_its_slope(filters: ModuleType, signal: ModuleType) -> None:
    """Noise of -6 dB per octave holds a quarter of the power density an octave higher, and has unit RMS."""
    samples = filters.noise(signal.generator("slope"), 4 * _RATE_HZ, filters.tilt(-6.02))
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / _RATE_HZ)
    low, high = (power[(hz > centre * 0.9) & (hz < centre * 1.1)].mean() for centre in (1_000.0, 2_000.0))
    assert low / high == pytest.approx(4.0, rel=0.2)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(1.0)


@pytest.mark.parametrize("samples", [1_000, 300_001])
def test_convolving_in_blocks_changes_nothing(filters: ModuleType, signal: ModuleType, samples: int) -> None:
    """The blocks join to what the plain sum gives, for each channel of the response."""
    rng = signal.generator("convolution")
    dry, response = rng.standard_normal(samples), np.zeros((2, 700))
    response[0, [0, 250]], response[1, 699] = (1.0, -0.5), 2.0
    late = np.concatenate([np.zeros(699), dry])
    wet = filters.convolved(dry, response)
    assert np.abs(wet[0] - (dry - 0.5 * late[449 : 449 + samples])).max() < 1e-4
    assert np.abs(wet[1] - 2.0 * late[:samples]).max() < 1e-4


def test_a_moving_filter_that_does_nothing_gives_the_signal_back(filters: ModuleType, signal: ModuleType) -> None:
    """Frames overlap to exactly one, at both ends too."""
    dry = signal.generator("moving").standard_normal(10_001)
    unity = np.ones((len(dry) // filters.HOP + 2, len(filters.moving_hz())), dtype=np.complex64)
    assert np.abs(filters.moving(dry, unity) - dry).max() < 1e-6
    assert np.abs(filters.moving(dry, unity[:1]) - dry).max() < 1e-6


def test_a_room_dies_in_its_time(filters: ModuleType, signal: ModuleType) -> None:
    """Half-way through the reverberation time the sound has fallen by some 30 dB; it is different on each side."""
    left, right = filters.room(signal.generator("room"), 1.0, channels=2)
    start, middle = np.sqrt(np.mean(left[1_000:3_000] ** 2)), np.sqrt(np.mean(left[22_000:24_000] ** 2))
    assert 20 * np.log10(start / middle) == pytest.approx(30.0, abs=6.0)
    assert abs(np.dot(left, right)) < 0.2


def test_grains_land_where_they_are_put(signal: ModuleType) -> None:
    """Grains add where they overlap, and what passes the end is dropped."""
    laid = signal.scattered(6, np.array([0, 1, 5]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert laid.tolist() == [1.0, 5.0, 4.0, 0.0, 0.0, 5.0]
    placed = signal.placed(4, [(0.0, np.ones(2)), (1 / _RATE_HZ, np.ones(9))])
    assert placed.tolist() == [1.0, 2.0, 1.0, 1.0]
