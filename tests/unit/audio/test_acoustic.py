"""Acoustic fingerprints, and which recordings are copies by them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.acoustic import WORDS_A_SECOND, AcousticFingerprinter
from phonoscope.audio.copies import MOST_ERROR, Comparable, agreement
from phonoscope.audio.copies import are_copies as _are_copies
from phonoscope.work import AcousticFingerprint
from tests.corpus.alike import RATE_HZ, melody


def taken(
    samples: NDArray[np.floating], blocks: Sequence[int] = (RATE_HZ,), rate_hz: int = RATE_HZ
) -> AcousticFingerprint:
    """The fingerprint of samples that come in blocks of these sizes, by turns."""
    fingerprinter, start, turn = AcousticFingerprinter(rate_hz), 0, 0
    while start < len(samples):
        size = blocks[turn % len(blocks)]
        fingerprinter(samples[start : start + size].astype(np.float32))
        start, turn = start + size, turn + 1
    return fingerprinter.end()


def error(one: AcousticFingerprint, other: AcousticFingerprint) -> float:
    return agreement(Comparable(one), Comparable(other)).error


def are_copies(one: AcousticFingerprint, other: AcousticFingerprint) -> bool:
    return _are_copies(Comparable(one), Comparable(other))


@pytest.mark.parametrize("blocks", [(100_000,), (1_000, 17, 9_999)])
def test_blocks_of_any_size_make_the_same_words(blocks: Sequence[int]) -> None:
    """Also where more than one batch of frames is measured."""
    samples = melody(3, 20.0)
    assert taken(samples, blocks) == taken(samples)


def test_a_fingerprint_has_32_bytes_a_second() -> None:
    """So that six hours have 0.7 MB; what is shorter than a word has none."""
    found = taken(melody(3, 20.0))
    assert 19 * WORDS_A_SECOND < len(found.words) / 2 <= 20 * WORDS_A_SECOND
    assert found.duration_s == pytest.approx(20.0)
    assert taken(np.zeros(1)).words == taken(melody(3, 0.3)).words == b""


@pytest.mark.parametrize("samples", [np.zeros(90_000), 1e-5 * np.random.default_rng(1).standard_normal(90_000)])
def test_silence_has_no_words(samples: NDArray[np.floating]) -> None:
    """And is no copy of other silence."""
    assert taken(samples).words == b""
    assert not are_copies(taken(samples), taken(samples))


def test_gain_and_a_filter_change_no_bit_to_speak_of() -> None:
    """Levels are compared in decibels, so that what is constant cancels."""
    samples = melody(4)
    filtered = np.convolve(samples, [1.0, -0.9], mode="same")
    assert error(taken(samples), taken(0.01 * samples)) < 0.01
    assert error(taken(samples), taken(filtered)) < 0.05


@pytest.mark.parametrize("cut_s", [0.03, 0.3, 1.37, 5.0, 9.4])
def test_a_copy_may_be_cut(cut_s: float) -> None:
    """At its start, at its end, or at both, by as much as ten seconds."""
    samples, cut = melody(5, 24.0), round(cut_s * RATE_HZ)
    whole = taken(samples)
    for part in (samples[cut:], samples[:-cut], samples[cut // 2 : -cut // 2]):
        assert error(whole, taken(part)) < MOST_ERROR / 2
        assert error(taken(part), whole) < MOST_ERROR / 2


def test_what_is_longer_by_more_is_no_copy() -> None:
    """Nor is a part of less than half."""
    samples = melody(6, 16.0)
    assert not are_copies(taken(samples), taken(samples[: 5 * RATE_HZ]))
    assert not are_copies(taken(samples[: 8 * RATE_HZ]), taken(samples[: 3 * RATE_HZ]))


def test_other_notes_are_no_copy() -> None:
    """About half of the bits of unrelated recordings differ."""
    prints = [taken(melody(seed)) for seed in range(8)]
    errors = [error(one, other) for index, one in enumerate(prints) for other in prints[:index]]
    assert min(errors) > MOST_ERROR + 0.1


def test_the_same_start_makes_no_copy() -> None:
    """A programme that begins as another does, for more than the half minute by which both are aligned."""
    start = melody(7, 35.0)
    one, other = (np.concatenate([start, melody(seed, 60.0)]) for seed in (8, 9))
    assert not are_copies(taken(one), taken(other))


def test_a_sound_between_silences_is_compared_where_it_sounds() -> None:
    """Other sounds at the same time within the same silence are no copies."""

    def between(seed: int) -> NDArray[np.floating]:
        return np.pad(melody(seed, 2.0), 2 * RATE_HZ)

    assert are_copies(taken(between(1)), taken(0.3 * between(1)))
    assert not are_copies(taken(between(1)), taken(between(2)))
