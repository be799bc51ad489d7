"""Long recordings need no more memory than short ones, and little time."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.decode import Recording
from phonoscope.errors import RecordingTooLong

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

HOUR_S = 3_600
MEASURE = """
import json, resource, sys
from phonoscope.audio.decode import Recording
from phonoscope.audio.examine import examine
scale = 1 if sys.platform == "darwin" else 1024
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
def run(path):
    with open(path, "rb") as file:
        probed_s = examine(file, max_duration_s=1e6).duration_s
        with Recording(file) as recording:
            samples = sum(len(block) for block in recording.mono(16_000))
    return probed_s, samples
run(sys.argv[1])
before = peak()
probed_s, samples = run(sys.argv[2])
print(json.dumps({"grown_mb": (peak() - before) / 1e6, "probed_s": probed_s, "samples": samples}))
"""


def _write(path: Path, head: bytes, second: bytes, seconds: int) -> Path:
    with path.open("wb") as file:
        file.write(head)
        for _ in range(seconds // 60):
            file.write(second * 60)
    return path


@pytest.mark.parametrize(("tag", "bits", "width", "seconds"), [(7, 8, 1, HOUR_S), (3, 32, 4, HOUR_S // 6)])
def test_long_needs_no_more_memory_than_a_minute(
    tag: int, bits: int, width: int, seconds: int, make: Maker, tmp_path: Path
) -> None:
    """Probing and decoding an hour of mu-law, or ten minutes of floats, all searched, grows by few megabytes."""
    second = np.random.default_rng(5).integers(0, 32, 8_000 * width, np.uint8).tobytes()
    paths = [
        _write(
            tmp_path / f"{length}.wav", make.wav(b"", tag=tag, bits=bits, claimed=length * len(second)), second, length
        )
        for length in (60, seconds)
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["probed_s"] == pytest.approx(seconds)
    assert found["samples"] == pytest.approx(seconds * 16_000, abs=2)
    assert found["grown_mb"] < 15


def test_an_hour_of_silence_in_a_few_bytes(make: Maker) -> None:
    """A FLAC file of less than a megabyte can hold an hour: it is measured, or refused, without being decoded."""
    kind = make.formats["flac"]
    data = make.encode(kind, np.zeros((1, HOUR_S * 8_000), np.int16), rate_hz=8_000)
    assert len(data) < 1_000_000
    began = time.process_time()
    assert make.examine(data, 2.0 * HOUR_S).duration_s == pytest.approx(HOUR_S)
    with pytest.raises(RecordingTooLong):
        make.examine(data, 0.5 * HOUR_S)
    assert time.process_time() - began < 2.0


def test_decoding_is_fast(make: Maker) -> None:
    """Two minutes of stereo MP3 come out at another rate at such a pace that an hour takes far less than 30 s."""
    data = make.recording("mp3-no-xing", 10.0, 2) * 12
    spent_s = []
    for _ in range(2):
        began = time.process_time()
        with Recording(io.BytesIO(data)) as recording:
            samples = sum(len(block) for block in recording.mono(44_100))
        spent_s.append(time.process_time() - began)
        assert samples / 44_100 == pytest.approx(120, rel=0.01)
    assert min(spent_s) < 30 * 120 / HOUR_S
