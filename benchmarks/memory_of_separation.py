"""Measures the memory of separating short and long recordings: the ``separate`` task in a child process.

Adds up the resident memory of that process and of its children every 200 ms; shared pages count once. Prints rows of a
table for docs/benchmarks.md. Stems are written to the temporary folder, as in a worker: three hours need about 6 GB
there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import RATE_HZ, machine, watched
from separate import write_model

from phonoscope.audio.encode import Encoder
from phonoscope.catalogue import LiveCatalogue
from phonoscope.contract import JobOptions
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack
from phonoscope_cpu.handler import CpuHandler
from phonoscope_cpu.separators import Separators
from phonoscope_ml.separation.compiling import compile_in_process
from phonoscope_worker import Work

NETWORKS: dict[str, dict[str, Any]] = {
    "full": {"bottom_channels": 512},
    "tiny": {"channels": 4, "growth": 1, "depth": 2, "t_layers": 0, "dconv_mode": 0, "rewrite": False},
}


def main() -> None:
    arguments = _arguments()
    if arguments.task is not None:
        recording, models, cache = map(Path, arguments.task)
        _separate(recording, models, cache, arguments.format)
        return
    print(
        f"{machine()}\n\n| network | recording | core | peak of the tree | took |\n| --- | ---: | --- | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory() as scratch:
        models, cache = Path(scratch) / "models", Path(scratch) / "cores"
        models.mkdir()
        write_model(models / arguments.network, NETWORKS[arguments.network])
        if not arguments.cold and not compile_in_process(models / arguments.network, cache):
            raise SystemExit("the core cannot be compiled")
        for seconds in arguments.seconds:
            path = Path(scratch) / "recording.flac"
            _record(path, seconds)
            task = [str(each) for each in (path, models, cache)]
            peak, took_s, _ = watched([__file__, "--format", arguments.format, "--task", *task])
            core = "compiled meanwhile" if arguments.cold else "compiled before"
            print(
                f"| {arguments.network} | {seconds:g} s | {core} | {peak / 2**20:,.0f} MiB | {took_s:.0f} s |",
                flush=True,
            )


def _record(path: Path, seconds: float) -> None:
    """Writes tones with changing levels, a minute repeated."""
    time_s = np.arange(60 * RATE_HZ) / RATE_HZ
    tones = [np.sin(2 * np.pi * hertz * time_s) * (np.sin(hertz + 3.0 * time_s) > 0.0) for hertz in (110.0, 523.0)]
    minute = 0.2 * np.array([tones[0] + 0.5 * tones[1], 0.5 * tones[0] + tones[1]], dtype=np.float32)
    left = round(seconds * RATE_HZ)
    with path.open("wb") as file, Encoder(file, RATE_HZ, 2) as encoder:
        while left > 0:
            encoder.write(minute[:, :left])
            left -= minute.shape[1]


def _separate(recording: Path, models: Path, cache: Path, form: str) -> None:
    """Runs the task as a worker does, but without the store."""
    claim = Claim("lease", "job", ClaimedTrack("track", "owner", "key", 1.0), {TaskName.SEPARATE: "task"}, {}, 1)
    options = JobOptions.model_validate({"separate": {"format": form}})
    with recording.open("rb") as file:
        handler = CpuHandler(Separators((models,), cache, "cpu"), LiveCatalogue(models), cache)
        outcome = handler(Work(claim, options, file, lambda *_: None))
    problem = outcome[TaskName.SEPARATE].problem
    if problem is not None:
        raise SystemExit(problem["detail"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, default="full")
    parser.add_argument("--seconds", type=float, nargs="+", default=[180.0, 360.0])
    parser.add_argument(
        "--cold", action="store_true", help="begin without a compiled core, and compile it in the background"
    )
    parser.add_argument("--format", default="flac")
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
