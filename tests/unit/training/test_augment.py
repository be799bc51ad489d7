"""What each augmentation does to spectrograms, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from phonoscope_training.augment import (
    add_noise,
    augment,
    change_gain,
    crop_in_time,
    keep_a_part,
    mixup,
    roll_in_time,
    shift_in_frequency,
    spec_augment,
    stretch_in_time,
)
from phonoscope_training.recipe import AugmentationSettings

BATCH, MELS, FRAMES = 200, 24, 40


@pytest.fixture(autouse=True)
def _seed() -> None:
    """The same draws in every run."""
    torch.manual_seed(8)


@pytest.fixture
def spectrograms() -> Tensor:
    """Pictures without a single dark point, so that whatever is dark afterwards was darkened."""
    return torch.rand(BATCH, 1, MELS, FRAMES) * 0.8 + 0.15


def runs_of(kept: Tensor) -> int:
    """How many unbroken stretches of true there are in a row."""
    return int((kept[1:] & ~kept[:-1]).sum()) + int(kept[0])


@pytest.mark.parametrize(
    "change",
    [
        roll_in_time,
        partial(stretch_in_time, most=0.3),
        partial(shift_in_frequency, most=3),
        partial(keep_a_part, probability=0.5),
        partial(spec_augment, mels=6, frames=9),
        partial(change_gain, most=0.1),
        partial(add_noise, most=0.1),
    ],
)
def test_pictures_stay_pictures(spectrograms: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    """Shape, type and range stay as they are, and the batch that was given is not written to."""
    before = spectrograms.clone()
    after = change(spectrograms)
    assert after.shape == spectrograms.shape
    assert after.dtype == torch.float32
    assert after.min() >= 0.0
    assert after.max() <= 1.0
    torch.testing.assert_close(spectrograms, before, rtol=0.0, atol=0.0)
    assert not torch.equal(after, before)


def test_rolling_only_turns_the_columns(spectrograms: Tensor) -> None:
    """Every spectrogram is the old one turned by some number of frames: no column is lost, changed or out of turn."""
    rolled = roll_in_time(spectrograms)
    shifts = set()
    for old, new in zip(spectrograms, rolled, strict=True):
        (shift,) = (shift for shift in range(FRAMES) if torch.equal(old.roll(shift, dims=-1), new))
        shifts.add(shift)
    assert len(shifts) > FRAMES // 2


def test_a_crop_is_a_stretch_of_the_picture(spectrograms: Tensor) -> None:
    """Neighbouring columns from one place, which differs between spectrograms and reaches both ends."""
    starts = set()
    for old, new in zip(spectrograms, crop_in_time(spectrograms, 16), strict=True):
        assert new.shape == (1, MELS, 16)
        (start,) = (start for start in range(FRAMES - 15) if torch.equal(old[..., start : start + 16], new))
        starts.add(start)
    assert {0, FRAMES - 16} <= starts


def test_a_crop_is_where_the_sound_is() -> None:
    """A bark in silence is in every crop, nearly whole; a steady sound is cropped everywhere."""
    bark, steady = torch.zeros(200, 1, 4, 60), torch.ones(200, 1, 4, 60)
    bark[..., 30:34] = 1.0
    assert (crop_in_time(bark, 16).sum(dim=(1, 2, 3)) >= 0.75 * 16).all()
    steady += torch.linspace(0.0, 0.01, 60)
    assert len(torch.unique(crop_in_time(steady, 16)[:, 0, 0, 0])) > 30


def test_a_picture_shorter_than_the_crop_stays_whole(spectrograms: Tensor) -> None:
    """There is nothing to cut from it."""
    torch.testing.assert_close(crop_in_time(spectrograms, FRAMES + 1), spectrograms, rtol=0.0, atol=0.0)


def test_stretching_moves_a_click_and_keeps_its_height() -> None:
    """Between two clicks there is more or less time than before, by no more than the factor allows, both ways."""
    spectrograms = torch.zeros(BATCH, 1, MELS, 101)
    ramp = torch.arange(101) / 100.0
    after = stretch_in_time(spectrograms + ramp, 0.25)[:, 0, 0]
    slopes = ((after[:, 60] - after[:, 40]) * 100 / 20)[(after[:, 40] > 0) & (after[:, 60] < 1)]
    assert len(slopes) > BATCH / 2
    assert 0.8 - 1e-4 <= slopes.min() < 0.85
    assert 1.2 < slopes.max() <= 1.25 + 1e-4


def test_shifting_moves_all_bands_alike(spectrograms: Tensor) -> None:
    """Every spectrogram is the old one moved by at most so many bands, up and down."""
    shifts = set()
    for old, new in zip(spectrograms[:, 0], shift_in_frequency(spectrograms, 2)[:, 0], strict=True):
        moved = {shift: new[2:-2].equal(old[2 + shift : MELS - 2 + shift]) for shift in range(-2, 3)}
        (shift,) = (shift for shift, same in moved.items() if same)
        shifts.add(shift)
    assert shifts == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("other", [0.0, 0.9], ids=["silence", "another as loud"])
def test_sounds_mix_as_powers(other: float) -> None:
    """Beside silence a sound loses the decibels of its share, beside another as loud the sum of powers is heard."""
    spectrograms, targets = torch.full((BATCH, 1, 2, 2), other), torch.zeros(BATCH, 2)
    spectrograms[::2], targets[::2, 0], targets[1::2, 1] = 0.9, 1.0, 1.0
    mixed, wanted = mixup(spectrograms, targets, 0.4, as_sound_over_db=80.0)
    pairs = (wanted.amin(1) > 0.01) & (wanted[:, 0] > wanted[:, 1])
    first, second = wanted[pairs].T
    power = first**2 * 10 ** (8 * 0.9) + second**2 * 10 ** (8 * other)
    assert pairs.sum() > 10
    torch.testing.assert_close(mixed[pairs, 0, 0, 0], torch.log10(power) / 8, rtol=0.0, atol=1e-5)


def test_noise_differs_from_point_to_point_and_leaves_the_dark(spectrograms: Tensor) -> None:
    """Deviations reach from nothing to the most there may be, the mean stays, and silence stays silent."""
    spectrograms = spectrograms * 0.5 + 0.2
    spectrograms[:, :, 0] = 0.0
    added = (add_noise(spectrograms, 0.1) - spectrograms)[:, 0]
    assert not added[:, 0].any()
    deviations = added[:, 1:].flatten(1).std(1)
    assert deviations.min() < 0.02
    assert 0.08 < deviations.max() < 0.11
    assert abs(float(added[:, 1:].mean())) < 0.002


def test_what_a_recipe_leaves_out_is_not_done(spectrograms: Tensor) -> None:
    """Without a word about augmentation spectrograms and targets come out as they went in."""
    targets = torch.eye(BATCH)
    after, wanted = augment(spectrograms, targets, AugmentationSettings(), 80.0)
    torch.testing.assert_close(after, spectrograms, rtol=0.0, atol=0.0)
    torch.testing.assert_close(wanted, targets, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    "setting",
    ["roll", "crop_frames", "stretch", "mel_shift", "keep_a_part", "gain", "noise", "time_mask", "mixup_alpha"],
)
def test_every_setting_does_something(spectrograms: Tensor, setting: str) -> None:
    """Each key of a recipe's section reaches the spectrograms."""
    value = {"roll": True, "crop_frames": 8, "mel_shift": 3, "time_mask": 9}.get(setting, 0.5)
    after, _ = augment(spectrograms, torch.eye(BATCH), AugmentationSettings.model_validate({setting: value}), 80.0)
    assert after.shape != spectrograms.shape or not torch.equal(after, spectrograms)


def test_mixup_happens_to_the_share_of_batches_that_is_asked_for(spectrograms: Tensor) -> None:
    """About three of ten batches are mixed at a share of 0.3."""
    settings = AugmentationSettings(mixup_alpha=0.2, mixup_share=0.3)
    few, targets = spectrograms[:4], torch.eye(4)
    mixed = [not torch.equal(augment(few, targets, settings, 80.0)[0], few) for _ in range(400)]
    assert sum(mixed) / 400 == pytest.approx(0.3, abs=0.07)


def test_keeping_a_part_darkens_all_but_one_stretch(spectrograms: Tensor) -> None:
    """What is kept is one unbroken stretch of whole columns as they were, no shorter than the shortest."""
    lengths = set()
    for old, new in zip(spectrograms, keep_a_part(spectrograms, probability=1.0, shortest=0.25), strict=True):
        kept = (new[0] > 0).all(dim=0)
        assert torch.equal(new, old * kept)
        assert runs_of(kept) == 1
        assert int(kept.sum()) >= int(0.25 * (FRAMES - 1))
        lengths.add(int(kept.sum()))
    assert len(lengths) > 10


@pytest.mark.parametrize("probability", [0.0, 0.15, 1.0])
def test_only_some_pictures_lose_a_part(spectrograms: Tensor, probability: float) -> None:
    """About the given share of spectrograms is darkened, the others stay whole."""
    after = keep_a_part(spectrograms, probability)
    changed = (after != spectrograms).flatten(1).any(dim=1).float().mean().item()
    assert changed == pytest.approx(probability, abs=0.1)


def test_masks_are_no_wider_than_allowed(spectrograms: Tensor) -> None:
    """At most so many neighbouring bands and so many neighbouring frames are dark, and all else is as it was."""
    widths = []
    for old, new in zip(spectrograms[:, 0], spec_augment(spectrograms, mels=6, frames=9)[:, 0], strict=True):
        dark = new == 0
        bands, frames = dark.all(dim=1), dark.all(dim=0)
        assert torch.equal(dark, bands[:, None] | frames[None, :])
        assert torch.equal(new[~dark], old[~dark])
        assert runs_of(bands) <= 1
        assert runs_of(frames) <= 1
        widths.append((int(bands.sum()), int(frames.sum())))
    assert max(band for band, _ in widths) == 6
    assert max(frame for _, frame in widths) == 9
    assert (0, 0) not in widths or len(set(widths)) > 20


def test_masks_reach_both_edges(spectrograms: Tensor) -> None:
    """The first and the last band and frame are masked now and then like any other."""
    dark = spec_augment(spectrograms, mels=6, frames=9)[:, 0] == 0
    bands, frames = dark.all(dim=2), dark.all(dim=1)
    assert bands[:, 0].any()
    assert frames[:, 0].any()
    assert bands[:, -2:].any()
    assert frames[:, -2:].any()


def test_gain_moves_a_picture_as_a_whole(spectrograms: Tensor) -> None:
    """All points of a spectrogram move by the same amount, by no more than allowed, up or down."""
    moved = (change_gain(spectrograms, most=0.05) - spectrograms)[:, 0]
    per_picture = moved.flatten(1)
    assert (per_picture.amax(1) - per_picture.amin(1)).max() < 1e-6
    assert moved.abs().max() <= 0.05 + 1e-6
    assert moved.min() < -0.02
    assert moved.max() > 0.02


def test_gain_lights_no_darkness() -> None:
    """Silence stays dark at any gain, and the brightest point is never above 1."""
    spectrograms = torch.zeros(50, 1, 4, 4)
    spectrograms[:, :, 0] = 0.98
    after = change_gain(spectrograms, most=0.1)
    assert not after[:, :, 1:].any()
    assert after.max() == 1.0


def test_mixup_makes_convex_sums(spectrograms: Tensor) -> None:
    """Targets stay probabilities; a mixed spectrogram lies between its two, at the share that its target tells."""
    spectrograms, labels = spectrograms[:32], 32
    targets = torch.eye(labels)
    mixed, wanted = mixup(spectrograms, targets, 0.2)
    torch.testing.assert_close(wanted.sum(dim=1), torch.ones(len(spectrograms)))
    assert wanted.min() >= 0.0
    torch.testing.assert_close(mixed, torch.einsum("bn,nchw->bchw", wanted, spectrograms), rtol=1e-5, atol=1e-6)
    assert (wanted > 0).sum(dim=1).max() == 2


def test_mixup_leaves_each_picture_its_own_label(spectrograms: Tensor) -> None:
    """A spectrogram's own share is the greater one, so that the first of the two is what the spectrogram shows most."""
    _, wanted = mixup(spectrograms, torch.eye(BATCH), 0.2)
    assert (wanted.diagonal() >= 0.5).all()
    assert wanted.diagonal().min() < 0.9
