"""Small files that ask for much work are refused or read, within seconds."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest

from phonoscope.audio.probe import probe
from phonoscope.audio.sandbox import processor_limit_s
from phonoscope.errors import RecordingError
from tests.unit.audio.hostile import HOSTILE

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

BOMBS = ["wav-before", "wav-alone", "wav-lists", "rf64", "aiff", "aiff-names", "caf", "w64", "mp3-tags", "amr-empty"]
BOMBS += ["ogg-chained"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_small_file_is_read_for_long(name: str, make: Maker) -> None:
    """A file of 1.6 MB, whatever is in it, is answered within the processor time that its size allows."""
    data = HOSTILE[name](make)
    assert processor_limit_s(len(data)) < 4.0
    began = time.monotonic()
    assert (_code(data) == "too_costly_to_read") == (name in BOMBS)
    assert time.monotonic() - began < 60


def _code(data: bytes) -> str:
    try:
        probe(io.BytesIO(data), max_duration_s=6 * 3600.0)
    except RecordingError as error:
        return error.code
    return "read"


def test_a_limit_grows_with_the_file() -> None:
    """A real recording needs a hundredth of it; no file has more than a minute."""
    assert processor_limit_s(0) == 3.0
    assert processor_limit_s(100_000_000) == 53.0
    assert processor_limit_s(2 << 30) == 60.0


@pytest.mark.parametrize("name", ["amr", "mp3-no-xing", "adts", "ac3"])
def test_an_hour_is_no_bomb(name: str, make: Maker) -> None:
    """An hour of many small packets is read."""
    start = len(b"#!AMR\n") if name == "amr" else 0
    minute = make.recording(name, 60.0)
    assert probe(io.BytesIO(minute + 59 * minute[start:]), max_duration_s=6 * 3600.0).duration_s > 3590.0
