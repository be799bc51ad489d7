"""What each stem of a recording has to do with a label: the network is asked for it alone, and for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window

_NOTICED = 0.02
"""A probability that falls by less has not fallen."""


@dataclass(frozen=True)
class StemShare:
    """The label's probability in the stem alone, and in the recording without it."""

    name: str
    alone: float
    without: float


def ask_stems(model: Model, label: int, window: Window, stems: Mapping[str, Samples]) -> list[StemShare]:
    """Asks in one pass, of the window that is explained.

    Args:
        stems: what each stem holds of that window, mono at the model's rate; shorter ones end in silence.
    """
    parts = [np.pad(samples, (0, len(window.samples) - len(samples))) for samples in stems.values()]
    asked = torch.from_numpy(np.stack([*parts, *(window.samples - part for part in parts)])).to(model.device)
    with torch.inference_mode():
        logits = model.network(model.pictures(asked)).logits.float()
    probabilities: list[float] = logits.softmax(-1)[:, label].tolist()
    count = len(parts)
    return [
        StemShare(name, alone, without)
        for name, alone, without in zip(stems, probabilities[:count], probabilities[count:], strict=True)
    ]


def stem_window(blocks: Iterable[Samples], rate_hz: int, window: Window) -> Samples:
    """What a stream holds of a window; it is read no further. Shape: ``(samples,)``, a window's at most."""
    start, end = (round(second * rate_hz) for second in (window.start_s, window.end_s))
    buffer = StreamBuffer()
    for block in blocks:
        buffer.append(block)
        buffer.drop_before(start)
        if buffer.end >= end:
            break
    return buffer.between(start, max(start, min(end, buffer.end)))


def read_stems(shares: list[StemShare], label: str, probability: float) -> str:
    """A sentence on the stem without which the label falls most.

    >>> read_stems([StemShare("drums", 0.62, 0.34), StemShare("vocals", 0.1, 0.8)], "hip-hop", 0.81)
    'Without drums, *hip-hop* falls from 0.81 to 0.34.'
    """
    most = min(shares, key=lambda share: share.without)
    if probability - most.without < _NOTICED:
        return f"Without any single stem, *{label}* stays where it is, at {probability:.2f}."
    return f"Without {most.name}, *{label}* falls from {probability:.2f} to {most.without:.2f}."
