"""The log-mel front end, against librosa and against physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from phonoscope.audio.decode import Recording, Samples
from phonoscope_ml.frontends import DecibelSettings, LogMel

SERVED = DecibelSettings()


PUBLISHED = replace(
    SERVED,
    hop_length=512,
    f_min_hz=0.0,
    quietest_peak_db=-100.0,
    scaling="min-max",
    frame_offset=3.474,
    frame_step=1.7379,
)
"""ESC-50's published spectrograms, as the recipes have it."""


def real(path: Path) -> Path:
    """Skips where the recordings are not on this machine."""
    if not path.exists():
        pytest.skip(f"nothing at {path}; set PHONOSCOPE_DATA")
    return path


def first_window(path: Path) -> Samples:
    """Five seconds of a recording, through the decoder that serving uses."""
    with path.open("rb") as file, Recording(file) as recording:
        samples = np.concatenate(list(recording.mono(SERVED.sample_rate_hz)))[: SERVED.window_samples]
    return np.pad(samples, (0, SERVED.window_samples - len(samples)))


@pytest.fixture(scope="module")
def front_end() -> LogMel:
    """The front end of the served model."""
    return LogMel(SERVED)


def spectrogram(front_end: LogMel, samples: Samples) -> NDArray[np.float32]:
    """Shape: ``(mels, frames)``."""
    pixels: NDArray[np.float32] = front_end(torch.from_numpy(samples.astype(np.float32))[None])[0, 0].numpy()
    return pixels


def tone(hertz: float, amplitude: float = 0.5, seconds: float = 1.0) -> Samples:
    time_s = np.arange(round(seconds * SERVED.sample_rate_hz)) / SERVED.sample_rate_hz
    return (amplitude * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32)


def noise(amplitude: float = 0.1, seconds: float = 1.0) -> Samples:
    samples = np.random.default_rng(3).standard_normal(round(seconds * SERVED.sample_rate_hz))
    return (amplitude * samples).astype(np.float32)


def errors_db(front_end: LogMel, samples: Samples) -> NDArray[np.float64]:
    """How far the spectrogram, its scaling undone, lies from librosa's decibels, wherever it is not at its floor."""
    settings = front_end.settings
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=settings.sample_rate_hz,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        fmin=settings.f_min_hz,
        fmax=settings.f_max_hz,
        norm="slaney",
        htk=False,
        center=True,
        pad_mode="constant",
        dtype=np.float64,
    )
    wanted = librosa.power_to_db(power, ref=1.0, amin=1e-20, top_db=None)
    peak = max(wanted.max(), settings.quietest_peak_db)
    pixels = spectrogram(front_end, samples)
    assert (wanted[pixels == 0.0] <= peak - settings.range_db + 0.01).all()
    errors: NDArray[np.float64] = np.abs((pixels - 1.0) * settings.range_db + peak - wanted)[pixels > 0.0]
    return errors


def test_it_gives_the_decibels_of_librosa_on_noise(front_end: LogMel) -> None:
    """Another implementation of the same definition agrees to a thousandth of a decibel."""
    errors = errors_db(front_end, noise(seconds=5.0))
    assert errors.size == 128 * 126
    assert errors.max() < 1e-3


@pytest.mark.parametrize("settings", [SERVED, PUBLISHED], ids=["served", "published"])
def test_it_gives_the_decibels_of_librosa_on_real_clips(data: Path, settings: DecibelSettings) -> None:
    """The same holds for real sound, at the feet of filters beside loud partials too."""
    front_end = LogMel(replace(settings, scaling="range", frame_offset=0.0, frame_step=1.0))
    for clip in sorted(real(data / "esc10" / "audio").glob("*.ogg"))[::20]:
        assert errors_db(front_end, first_window(clip)).max() < 1e-3


def test_it_gives_the_published_spectrograms(data: Path) -> None:
    """The spectrograms of ESC-10's audio are those of the same clips in ESC-50's published set, to a quarter of 255
    levels on average, which is the error of their rounding; only the topmost band there is a copy of its neighbour.
    """
    with np.load(real(data / "esc50-spectrograms" / "folds-1-3.npz"), allow_pickle=False) as published:
        frames, names, pictures = published["frames"].tolist(), published["clip"].tolist(), published["x"]
    assert PUBLISHED.kept_frames(431) == frames
    rows = {name.rpartition("-")[0]: row for row, name in enumerate(names)}
    front_end = LogMel(PUBLISHED)
    clips = [clip for clip in sorted(real(data / "esc10" / "audio").glob("*.ogg")) if clip.stem in rows][::5]
    errors = [
        np.abs(255.0 * spectrogram(front_end, first_window(clip))[:-1] - pictures[rows[clip.stem]][:-1]).mean()
        for clip in clips
    ]
    assert len(errors) > 40
    assert np.mean(errors) < 0.3


@pytest.mark.parametrize(
    "settings",
    [
        SERVED,
        PUBLISHED,
        replace(SERVED, n_mels=40, f_max_hz=8_000.0),
        replace(SERVED, sample_rate_hz=11_025, n_fft=1_024, n_mels=40, f_max_hz=5_512.5),
    ],
)
def test_the_filters_are_librosas(settings: DecibelSettings) -> None:
    """Another implementation of Slaney's filters gives the same numbers, at a rate whose half is not whole as well."""
    wanted = librosa.filters.mel(
        sr=settings.sample_rate_hz,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.f_min_hz,
        fmax=settings.f_max_hz,
        dtype=np.float64,
    )
    np.testing.assert_allclose(LogMel(settings).filters.T, wanted, rtol=1e-6, atol=1e-12)
    assert torch.get_default_dtype() == torch.float32


def test_the_gain_of_a_recording_changes_nothing(front_end: LogMel) -> None:
    """A sound that is louder than the quietest level looks the same at any gain."""
    samples = noise(0.3)
    loud = spectrogram(front_end, samples)
    assert np.abs(loud - spectrogram(front_end, 0.125 * samples)).max() < 1e-4


def test_what_is_very_quiet_stays_dark(front_end: LogMel) -> None:
    """Below the quietest level gain counts: what is 10 or 30 dB below it is as much darker, and is not amplified."""
    samples = noise()
    peak_db = 10.0 * torch.log10(front_end.mel_power(torch.from_numpy(samples)).max()).item()
    for below_db in (10.0, 30.0):
        gain = 10.0 ** ((SERVED.quietest_peak_db - below_db - peak_db) / 20.0)
        assert spectrogram(front_end, gain * samples).max() == pytest.approx(1.0 - below_db / SERVED.range_db, abs=1e-3)


def test_silence_is_black(front_end: LogMel) -> None:
    """Digital silence gives zeros and no infinities."""
    assert not spectrogram(front_end, np.zeros(44_100, dtype=np.float32)).any()


@pytest.mark.parametrize("hertz", [110.0, 440.0, 1_000.0, 5_000.0, 15_000.0])
def test_a_tone_lights_its_own_band(front_end: LogMel, hertz: float) -> None:
    """The brightest band is the one whose centre lies nearest to the tone, in every frame."""
    pixels = spectrogram(front_end, tone(hertz))
    centres = librosa.mel_frequencies(SERVED.n_mels + 2, fmin=SERVED.f_min_hz, fmax=SERVED.f_max_hz)[1:-1]
    band = int(np.abs(centres - hertz).argmin())
    inner = pixels[:, 2:-2]
    assert np.abs(inner.argmax(axis=0) - band).max() <= 1
    assert inner[band].min() > 0.9
    far = np.abs(np.arange(SERVED.n_mels) - band) > 12
    assert inner[far].max() < 0.5


def test_a_tone_above_the_highest_frequency_dies() -> None:
    """What lies above ``f_max_hz`` leaves the spectrogram as dark as nothing at all would."""
    front_end = LogMel(replace(SERVED, f_max_hz=8_000.0))
    below, above = spectrogram(front_end, tone(6_000.0)), spectrogram(front_end, tone(12_000.0))
    assert below[:, 2:-2].max() > 0.9
    assert above[:, 2:-2].max() < 0.1


def test_pictures_have_the_promised_shape_and_range(front_end: LogMel) -> None:
    """One frame for every hop and one more; values from 0 to 1, the peak at 1; float32."""
    for samples in (1, 1_763, 1_764, 44_100, 220_500):
        sound = torch.from_numpy(noise(0.5, seconds=5.0)[:samples].copy())
        pixels = front_end(torch.stack([sound, sound.flip(0)]))
        assert pixels.shape == (2, 1, 128, samples // 1_764 + 1)
        assert pixels.dtype == torch.float32
        assert pixels.min() >= 0.0
        assert pixels.amax(dim=(1, 2, 3)).tolist() == [1.0, 1.0]


def test_windows_of_a_batch_do_not_see_each_other(front_end: LogMel) -> None:
    """Each window has its own peak: a loud neighbour does not darken a quiet one."""
    quiet, loud = torch.from_numpy(noise(0.05)), torch.from_numpy(tone(440.0, 1.0))
    both = front_end(torch.stack([quiet, loud]))
    torch.testing.assert_close(both[0], front_end(quiet[None])[0])


def test_an_earlier_sound_stands_further_left(front_end: LogMel) -> None:
    """A click lights the frame whose number is its time over the hop: frames are centred."""
    for frame in (5, 12, 20):
        click = np.zeros(44_100, dtype=np.float32)
        click[frame * SERVED.hop_length] = 1.0
        assert spectrogram(front_end, click).sum(axis=0).argmax() == frame


def test_a_front_end_keeps_the_frames_it_is_told_to(front_end: LogMel) -> None:
    """Every other frame is every other column of the whole spectrogram."""
    samples = noise(seconds=2.0)
    whole, half = spectrogram(front_end, samples), LogMel(replace(SERVED, frame_offset=1.0, frame_step=2.0))
    assert np.array_equal(spectrogram(half, samples), whole[:, 1::2])


def test_min_max_scaling_uses_the_whole_range() -> None:
    """The quietest spot is 0 and the loudest 1, however near they are; a window without contrast is dark."""
    front_end = LogMel(replace(SERVED, scaling="min-max"))
    pixels = spectrogram(front_end, noise(seconds=2.0))
    assert (pixels.min(), pixels.max()) == (0.0, 1.0)
    assert not spectrogram(front_end, np.zeros(44_100, dtype=np.float32)).any()


def test_settings_are_read_back_as_written() -> None:
    """A manifest's front end is exactly the one that training used; an unknown setting is not passed over."""
    settings = replace(SERVED, n_mels=64, window_hop_s=1.25)
    assert DecibelSettings.from_dict(settings.as_dict()) == settings
    assert (settings.window_samples, settings.window_hop_samples) == (220_500, 55_125)
    with pytest.raises(TypeError, match="loudness"):
        DecibelSettings.from_dict(settings.as_dict() | {"loudness": 3})
    with pytest.raises(ValueError, match="lacks hop_length, scaling"):
        DecibelSettings.from_dict({n: v for n, v in settings.as_dict().items() if n not in ("scaling", "hop_length")})
