"""Measures the processor time that one recording costs the workers of both pools, for ``capacity.py``.

``service_times.py FILE …``, or without files a clip of 5 s. Networks run on one thread; decoding, which a process of
its own does, is counted. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

import psutil
from common import clip, machine
from tasks import handler, run

from phonoscope.audio.decode import Recording
from phonoscope.contract import JobOptions
from phonoscope.states import TaskName
from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.peaks import WaveformMeter
from phonoscope_cpu.measure.rhythm import Rhythm
from phonoscope_cpu.measure.spectrogram import Spectrogram

TASKS = (TaskName.CLASSIFY, TaskName.EMBED)


def main() -> None:
    handle, options = handler(1), JobOptions()
    run(handle, clip(), TASKS, options)
    print(f"{machine()}\n")
    print("| recording | length | GPU pool, on a CPU: classify, embed | CPU pool: describe |")
    print("| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        default = Path(folder) / "clip.wav"
        default.write_bytes(clip())
        for path in [Path(name) for name in sys.argv[1:]] or [default]:
            length_s = _length_s(path)
            with path.open("rb") as file:
                gpu_s = _spent(lambda: run(handle, file, TASKS, options, length_s))  # noqa: B023
            cpu_s = _spent(lambda: _describe(path))  # noqa: B023
            print(f"| {path.name} | {length_s:.0f} s | {gpu_s:.2f} s | {cpu_s:.2f} s |", flush=True)


def _describe(path: Path) -> None:
    with path.open("rb") as file, tempfile.TemporaryFile() as outline, tempfile.TemporaryFile() as levels:
        meters = (WaveformMeter(outline), Spectrogram(levels))
        describe(file, meters=meters, owner="own_1", rhythm=Rhythm(22_050))


def _length_s(path: Path) -> float:
    with path.open("rb") as file, Recording(file) as recording:
        for _ in recording.mono(8_000):
            pass
        return recording.decoded_s


def _spent(work: Callable[[], object]) -> float:
    """Processor seconds of this process and all that it started."""
    before = _processor_s()
    work()
    return _processor_s() - before


def _processor_s() -> float:
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    ended = own.cpu_times()
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system


if __name__ == "__main__":
    main()
