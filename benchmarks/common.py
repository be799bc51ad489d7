"""Helpers that the benchmarks share."""

from __future__ import annotations

import io
import os
import platform
import wave

import numpy as np
import torch

CLIP_S = 5.0
RATE_HZ = 44_100


def clip() -> bytes:
    """A 16-bit WAV of noise, different in every run, so that no upload is a duplicate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        noise = np.random.default_rng().standard_normal(round(CLIP_S * RATE_HZ))
        target.writeframes((noise * 3000).astype("<i2").tobytes())
    return file.getvalue()


def machine() -> str:
    """A description of the machine and torch, for the line above a table."""
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return f"{platform.machine()}, {cores} cores, torch {torch.__version__} with {threads} threads"
