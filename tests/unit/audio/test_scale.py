"""Long recordings need no more memory than short ones, and are not decoded to be measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.part import Part
from phonoscope.errors import RecordingTooLong

if TYPE_CHECKING:
    from phonoscope.audio.axis import Sound
    from phonoscope.audio.part import Packet
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


def test_an_hour_of_silence_in_a_few_bytes(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FLAC file of less than a megabyte can hold an hour: it is measured, or refused, without being decoded."""
    decoded: list[Packet | None] = []
    decode = Part.decode

    def counted(part: Part, packet: Packet | None) -> list[Sound]:
        decoded.append(packet)
        return decode(part, packet)

    monkeypatch.setattr(Part, "decode", counted)
    kind = make.formats["flac"]
    data = make.encode(kind, np.zeros((1, HOUR_S * 8_000), np.int16), rate_hz=8_000)
    assert len(data) < 1_000_000
    assert make.examine(data, 2.0 * HOUR_S).duration_s == pytest.approx(HOUR_S)
    with pytest.raises(RecordingTooLong):
        make.examine(data, 0.5 * HOUR_S)
    assert 0 < len(decoded) < 600, "of the 7,000 packets that each of the two could decode"
