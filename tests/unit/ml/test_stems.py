"""Which stem a label hangs on."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.audio.samples import Samples
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.registry import Model
from phonoscope_ml.stems import StemShare, read_stems, stem_shares, stem_window
from phonoscope_ml.windows import Window
from tests.unit.ml.listeners import burst


def test_a_label_hangs_on_its_own_stem(whistler: Model, small: DecibelSettings) -> None:
    """A model that hears 1 kHz finds it in the whistle alone, and misses it without the whistle."""
    whistle, hiss = burst(small, 1_000.0, 0.2, 0.8), burst(small, 2_500.0, 0.2, 0.8)
    window = Window(0.0, 1.0, whistle + hiss)
    found = {
        share.name: share
        for share in stem_shares(whistler, whistler.network, 0, window, {"whistle": whistle, "hiss": hiss})
    }
    assert min(found["whistle"].alone, found["hiss"].without) > 0.9
    assert max(found["whistle"].without, found["hiss"].alone) < 0.5


def test_a_stem_that_ends_early_ends_in_silence(whistler: Model, small: DecibelSettings) -> None:
    """A lossy format may give a sample less."""
    whistle: Samples = burst(small, 1_000.0, 0.2, 0.6)
    window = Window(0.0, 1.0, whistle)
    (whole,) = stem_shares(whistler, whistler.network, 0, window, {"whistle": whistle})
    (cut,) = stem_shares(whistler, whistler.network, 0, window, {"whistle": whistle[:6_000]})
    assert cut.alone == pytest.approx(whole.alone, abs=1e-3)


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_window_is_taken_out_of_a_stream(size: int) -> None:
    """To the sample, whatever the blocks; what comes after it is not read."""
    samples = np.arange(500, dtype=np.float32)
    blocks = iter([samples[start : start + size] for start in range(0, 500, size)])
    window = Window(1.0, 3.0, np.zeros(200, np.float32))
    np.testing.assert_array_equal(stem_window(blocks, 100, window), samples[100:300])
    if size == 7:
        assert next(blocks)[0] == 301.0


def test_a_stream_may_end_before_its_window() -> None:
    """What there is of it."""
    window = Window(1.0, 3.0, np.zeros(200, np.float32))
    assert len(stem_window([np.ones(150, np.float32)], 100, window)) == 50
    assert len(stem_window([np.ones(50, np.float32)], 100, window)) == 0


def test_the_sentence_names_the_stem_that_matters() -> None:
    """Or says that none does."""
    shares = [StemShare("drums", 0.2, 0.79), StemShare("vocals", 0.7, 0.3)]
    assert read_stems(shares, "pop", 0.8) == "Without vocals, *pop* falls from 80 % to 30 %."
    assert read_stems(shares[:1], "pop", 0.8) == "Without any single stem, *pop* stays at 80 %."
