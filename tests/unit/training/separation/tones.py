"""Songs whose stems anything can tell apart: each keeps to its own part of the spectrum."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

RATE_HZ = 8_000
NAMES = [f"artist {number} - tones" for number in (0, 1, 2, 5)]
_HERTZ = (2_000.0, 100.0, 500.0, 1_000.0)

RECIPE = """
[data]
path = "songs"
held_out_share = 0.5

[network]
segment_s = 0.25
sample_rate_hz = 8_000
channels = 8
nfft = 256
depth = 2
dconv_depth = 1
t_layers = 1
t_heads = 4
t_hidden_scale = 1.0
t_cross_first = true

[mixing]
remix = 0.5
gain_db = 3.0
swap = 0.5
flip = 0.5
speed = 0.04

[schedule]
epochs = 3
steps = 3
batch = 2
peak_rate = 5e-3
ema_decay = 0.5
score_every = 2

[card]
data = "tones"
licence = "none is needed"
limits = ["It knows tones alone."]
"""


def stems_of(seed: int, seconds: float = 1.5, rate_hz: int = RATE_HZ) -> Tensor:
    """``(4, 2, samples)``: a tone for each source, at a loudness and place of its own."""
    generator = torch.Generator().manual_seed(seed)
    time_s = torch.arange(round(seconds * rate_hz)) / rate_hz
    hertz = torch.tensor(_HERTZ)[:, None] * (1.0 + 0.05 * torch.rand(4, 1, generator=generator))
    sides = 0.1 + 0.1 * torch.rand(4, 2, 1, generator=generator)
    return sides * torch.sin(2.0 * torch.pi * hertz * time_s)[:, None]


def write_stems(path: Path, sounds: list[Tensor], rate_hz: int = RATE_HZ) -> None:
    """A file with an AAC stream for each sound, ``(channels, samples)``."""
    with av.open(str(path), "w", format="mp4") as container:
        layouts = ["mono" if len(sound) == 1 else "stereo" for sound in sounds]
        streams = [container.add_stream("aac", rate=rate_hz, layout=layout) for layout in layouts]
        for stream, sound, layout in zip(streams, sounds, layouts, strict=True):
            samples = np.ascontiguousarray(sound.numpy(), dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate = rate_hz
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
