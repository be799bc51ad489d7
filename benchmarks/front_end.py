"""Compares the front end with librosa's mel spectrogram: the same 5 s of noise and settings, in turn, on one thread.

Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from phonoscope_ml.frontends import DecibelSettings, LogMel

ROUNDS = 40


def main() -> None:
    torch.set_num_threads(1)
    settings = DecibelSettings(hop_length=512)
    samples = np.random.default_rng(1).standard_normal(settings.window_samples).astype(np.float32) * 0.1
    front_end, window = LogMel(settings), torch.from_numpy(samples)[None]
    double = samples.astype(np.float64)

    def ours() -> object:
        with torch.inference_mode():
            return front_end(window)

    contenders: dict[str, Callable[[], object]] = {
        "phonoscope, double-precision transform": ours,
        "librosa, double precision": lambda: _librosa(double, settings),
        "librosa, single precision": lambda: _librosa(samples, settings),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(-3, ROUNDS):
        for name, call in contenders.items():
            before = perf_counter()
            call()
            if turn >= 0:
                seconds[name].append(perf_counter() - before)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians["librosa, double precision"]
    print("5 s at 44.1 kHz, 128 bands, 431 frames, one thread\n")
    print("| | p50 | speed, librosa in double precision = 1 |\n| --- | ---: | ---: |")
    for name, median in medians.items():
        print(f"| {name} | {median * 1e3:.1f} ms | {base / median:.2f} |")


def _librosa(samples: NDArray[Any], settings: DecibelSettings) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=settings.sample_rate_hz,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            n_mels=settings.n_mels,
            fmin=settings.f_min_hz,
            fmax=settings.f_max_hz,
            pad_mode="constant",
            dtype=samples.dtype,
        )
        return librosa.power_to_db(power)


if __name__ == "__main__":
    main()
