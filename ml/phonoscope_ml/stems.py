"""Measures how a label depends on each stem: the network runs on each stem alone and on the mixture without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.samples import Samples
from phonoscope_ml.networks import Network
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window

_LEAST_FALL = 0.02
"""A smaller fall of the probability does not count."""


@dataclass(frozen=True)
class StemShare:
    """The label's probability in the stem alone, and in the recording without it."""

    name: str
    alone: float
    without: float


def stem_shares(
    model: Model, network: Network, label: int, window: Window, stems: Mapping[str, Samples]
) -> list[StemShare]:
    """Measures all stems in one pass, in the window that is explained.

    Args:
        network: the model's in that window; what a head's other bodies heard there is held constant.
        stems: each stem's samples in that window, mono at the model's rate; shorter ones are padded with silence.
    """
    parts = [np.pad(samples, (0, len(window.samples) - len(samples))) for samples in stems.values()]
    asked = torch.from_numpy(np.stack([*parts, *(window.samples - part for part in parts)])).to(model.device)
    with torch.inference_mode():
        logits = network(model.spectrograms(asked)).logits
    probabilities: list[float] = network.probabilities(logits)[:, label].tolist()
    count = len(parts)
    return [
        StemShare(name, alone, without)
        for name, alone, without in zip(stems, probabilities[:count], probabilities[count:], strict=True)
    ]


def stem_window(blocks: Iterable[Samples], rate_hz: int, window: Window) -> Samples:
    """The samples of a stream in a window; reads no further. Shape: ``(samples,)``, at most a window."""
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
    'Without drums, *hip-hop* falls from 81 % to 34 %.'
    """
    most = min(shares, key=lambda share: share.without)
    if probability - most.without < _LEAST_FALL:
        return f"Without any single stem, *{label}* stays at {_percent(probability)}."
    return f"Without {most.name}, *{label}* falls from {_percent(probability)} to {_percent(most.without)}."


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
