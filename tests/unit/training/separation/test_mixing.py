"""Training examples: what is done to stems, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from phonoscope_training.separation.mixing import (
    change_gain,
    cut,
    draw_example,
    draw_examples,
    flip_signs,
    set_level,
    swap_channels,
)
from phonoscope_training.separation.recipe import MixingSettings
from phonoscope_training.separation.songs import Song


@pytest.fixture(autouse=True)
def _same_chance() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


@pytest.fixture
def stems() -> Tensor:
    """``(64, 4, 2, 50)`` of noise, so that shares can be counted."""
    return torch.randn(64, 4, 2, 50)


def numbered() -> list[Song]:
    """Songs that say in each sample which song, which stem and which moment they are from."""
    moments = torch.arange(1_000.0)
    number = torch.arange(4.0)[:, None, None] * 10_000 + torch.zeros(4, 2, 1) + moments
    return [Song(str(song), number + song * 100_000) for song in range(5)]


def test_a_remix_takes_its_stems_from_different_songs_and_moments() -> None:
    """Each stem keeps its own place among the sources; songs and starts are its own."""
    mixed = [draw_example(numbered(), 100, MixingSettings(remix=1.0)) for _ in range(50)]
    first = torch.stack(mixed)[..., 0, 0]
    assert (first // 10_000 % 10 == torch.arange(4.0)).all()
    assert sum(len(set(example.tolist())) > 1 for example in first // 100_000) > 40
    assert sum(len(set(example.tolist())) > 1 for example in first % 10_000) > 40


def test_without_a_remix_a_song_stays_together() -> None:
    """All stems from one song, at one moment."""
    for _ in range(20):
        example = draw_example(numbered(), 100, MixingSettings(remix=0.0))
        assert len(set((example[:, 0, 0] // 100_000).tolist())) == 1
        assert len(set((example[:, 0, 0] % 10_000).tolist())) == 1


def test_a_cut_is_a_stretch_of_the_sound() -> None:
    """Consecutive samples, from many places, of the length asked for."""
    sound = torch.arange(1_000.0)[None]
    cuts = [cut(sound, 100) for _ in range(50)]
    assert all(torch.equal(part.diff(), torch.ones(1, 99)) for part in cuts)
    assert len({int(part[0, 0]) for part in cuts}) > 30


def test_what_is_too_short_ends_in_silence() -> None:
    """It is never stretched nor repeated."""
    part = cut(torch.ones(2, 30), 100)
    assert part.shape == (2, 100)
    assert part[:, :30].eq(1.0).all()
    assert part[:, 30:].eq(0.0).all()


@pytest.mark.parametrize(("speed", "hertz"), [(44, 880.0), (56, 1_120.0)])
def test_faster_is_higher(speed: int, hertz: float) -> None:
    """A tone of 1,000 Hz at 56/50 of its speed is one of 1,120 Hz, as loud as before."""
    tone = torch.sin(2.0 * torch.pi * 1_000.0 * torch.arange(16_000) / 8_000)[None]
    played = cut(tone, 8_000, speed)
    assert played.shape == (1, 8_000)
    power = torch.fft.rfft(played[0] * torch.hann_window(8_000)).abs()
    assert abs(int(power.argmax()) - hertz) <= 1
    assert abs(float(played[:, 500:-500].square().mean()) - 0.5) < 0.02


def test_gain_changes_each_stem_by_a_factor_of_its_own(stems: Tensor) -> None:
    """Between the bounds, over all of them; both channels alike."""
    decibels = 20.0 * torch.log10(change_gain(stems, 6.0) / stems)
    assert (decibels.amax((2, 3)) - decibels.amin((2, 3))).max() < 1e-3
    assert decibels.amin() >= -6.001
    assert decibels.amin() < -5.0
    assert 5.0 < decibels.amax() <= 6.001
    torch.testing.assert_close(change_gain(stems, 0.0), stems)


def test_swapping_exchanges_left_and_right_of_a_share(stems: Tensor) -> None:
    """Whole stems, about as many as asked for."""
    swapped = swap_channels(stems, 0.25)
    turned = (swapped == stems.flip(2)).all(-1).all(-1)
    kept = (swapped == stems).all(-1).all(-1)
    assert (turned ^ kept).all()
    assert 0.15 < turned.float().mean() < 0.35
    assert torch.equal(swap_channels(stems, 0.0), stems)


def test_flipping_turns_the_sign_of_a_share(stems: Tensor) -> None:
    """Whole stems, about as many as asked for."""
    turned = (flip_signs(stems, 0.25) == -stems).all(-1).all(-1)
    assert 0.15 < turned.float().mean() < 0.35
    assert torch.equal(flip_signs(stems, 1.0), -stems)


def test_every_mixture_is_as_loud(stems: Tensor) -> None:
    """One factor for all stems of an example; silence stays silence."""
    stems[0] *= 1e-3
    stems[1] = 0.0
    level = set_level(stems)
    rms = level.sum(1).square().mean((1, 2)).sqrt()
    torch.testing.assert_close(rms[2:], torch.ones(62))
    torch.testing.assert_close(rms[0], torch.tensor(1.0))
    assert level[1].eq(0.0).all()
    ratio = level[5] / stems[5]
    torch.testing.assert_close(ratio, ratio[0, 0, 0].expand_as(ratio))


def test_the_same_chance_draws_the_same_examples(songs: list[Song]) -> None:
    """All of it comes from torch's seed, so that a run can be made again."""
    settings = MixingSettings(remix=0.5, gain_db=6.0, swap=0.5, flip=0.5, speed=0.1)
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(draw_examples(songs, 3, 1_000, settings))
    assert drawn[0].shape == (3, 4, 2, 1_000)
    assert torch.equal(drawn[0], drawn[1])
    assert drawn[0].isfinite().all()
