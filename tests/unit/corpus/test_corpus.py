"""Each input of the corpus gives the right value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.case import NO_FFMPEG, Case, has_ffmpeg
from tests.corpus.cases import CASES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_value_is_right(case: Case, tmp_path: Path) -> None:
    if case.needs_ffmpeg and not has_ffmpeg():
        pytest.skip(NO_FFMPEG)
    path = case.make(tmp_path)
    reference, ours = case.reference(path), case.ours(path)
    assert case.holds(reference, ours), f"{ours} instead of {reference}"
