"""What computes the stems of segments: Demucs as it is, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from demucs.htdemucs import HTDemucs

from phonoscope.audio.samples import Samples


class Eager:
    """One network or several, whose estimates are averaged with a weight for each network and source.

    Args:
        networks: of the same sources, sample rate and segment.
        weights: a row for each network, a column for each source; by default all count the same.
    """

    def __init__(
        self,
        networks: Sequence[HTDemucs],
        weights: Sequence[Sequence[float]] | None = None,
        device: torch.device | None = None,
        batch: int = 1,
    ) -> None:
        first = networks[0]
        self.sources = tuple(first.sources)
        self.sample_rate_hz = int(first.samplerate)
        self.segment = int(first.segment * first.samplerate)
        self.batch = batch
        self.device = device or torch.device("cpu")
        self.networks = [network.eval().requires_grad_(False).to(self.device) for network in networks]
        given = torch.tensor(weights or [[1.0] * len(self.sources)] * len(networks), device=self.device)
        self._shares = given / given.sum(dim=0)

    @torch.inference_mode()
    def __call__(self, segments: Samples) -> Samples:
        mix = torch.from_numpy(segments).to(self.device)
        total = torch.zeros((len(mix), len(self.sources), 2, self.segment), device=self.device)
        for network, shares in zip(self.networks, self._shares, strict=True):
            if bool(shares.any()):
                total += shares[:, None, None] * network(mix)
        found: Samples = total.cpu().numpy().astype(np.float32, copy=False)
        return found
