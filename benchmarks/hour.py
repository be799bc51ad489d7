"""Measures classifying and embedding an hour, by the models that `auto` chooses, and compares it with decoding alone.

The recordings are made of clips in the folder of data: sounds, music, and both in turn. Each runs in a process of its
own, as in a worker, whose memory is watched. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from itertools import chain, cycle, zip_longest
from pathlib import Path
from time import perf_counter, process_time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

import torch
from common import DATA, RATE_HZ, clip, machine, watched
from tasks import handler, run

from phonoscope.audio.decode import Recording
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.contract import JobOptions
from phonoscope.states import TaskName

TASKS = (TaskName.CLASSIFY, TaskName.EMBED)
DECODED_HZ = 32_000


def main() -> None:
    arguments = _arguments()
    if arguments.task is not None:
        print(json.dumps(_measure(arguments.task, arguments.threads, arguments.seconds)))
        return
    torch.set_num_threads(arguments.threads)
    print(f"{arguments.seconds:g} s, {arguments.format}, {machine()}\n")
    print("| recording | classify and embed | processor time | decoding alone | ratio | peak memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.recordings:
            path = Path(scratch) / f"{name}{FORMATS[arguments.format].suffix}"
            _record(path, _clips(name), arguments.seconds, arguments.format)
            words = ["--task", str(path), "--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
            peak, _, printed = watched([__file__, *words])
            found = json.loads(printed)
            print(
                f"| {name} | {found['whole_s']:.1f} s | {found['processor_s']:.1f} s | {found['decoding_s']:.1f} s"
                f" | {found['whole_s'] / found['decoding_s']:.1f} | {peak / 2**20:,.0f} MiB |",
                flush=True,
            )


def _measure(path: Path, threads: int, seconds: float) -> dict[str, float]:
    handle, options = handler(threads), JobOptions()
    run(handle, clip(), TASKS, options)
    began = perf_counter()
    with path.open("rb") as file, Recording(file) as recording:
        for _ in recording.mono(DECODED_HZ):
            pass
    decoding_s = perf_counter() - began
    began, began_processor = perf_counter(), process_time()
    with path.open("rb") as file:
        run(handle, file, TASKS, options, seconds)
    return {
        "whole_s": perf_counter() - began,
        "processor_s": process_time() - began_processor,
        "decoding_s": decoding_s,
    }


def _clips(name: str) -> Iterator[Path]:
    sounds = sorted((DATA / "esc50" / "audio").glob("*.ogg"))
    music = sorted(chain((DATA / "songs").glob("*.ogg"), (DATA / "gtzan-clips").glob("*/*.ogg")))
    if not (sounds and music):
        raise SystemExit(f"no recordings in {DATA}; set PHONOSCOPE_DATA")
    both = [path for pair in zip_longest(sounds, music) for path in pair if path is not None]
    return cycle({"sounds": sounds, "music": music, "both": both}[name])


def _record(path: Path, clips: Iterator[Path], seconds: float, form: str) -> None:
    left = round(seconds * RATE_HZ)
    with path.open("wb") as file, Encoder(file, RATE_HZ, 2, FORMATS[form]) as encoder:
        while left > 0:
            with next(clips).open("rb") as source, Recording(source) as recording:
                for block in recording.stereo(RATE_HZ):
                    encoder.write(block[:, : max(0, left)])
                    left -= block.shape[1]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", nargs="+", choices=["sounds", "music", "both"])
    parser.add_argument("--seconds", type=float, default=3_600.0)
    parser.add_argument("--format", choices=FORMATS, default="flac")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--task", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(recordings=["sounds", "music", "both"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
