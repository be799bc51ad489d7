"""A loaded body: front end and network on a device, shared by all heads that were taught on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonoscope_ml.frontends import FrontEnd
from phonoscope_ml.networks import Network


@dataclass(frozen=True)
class Body:
    """A body in memory.

    Args:
        identity: of its manifest, a digest of all that decides what it hears.
        centre: the mean that is subtracted from its unit vectors.

    Shape:
        - centre: ``(512,)``, float32; ``None`` where nothing is subtracted
    """

    name: str
    identity: str
    front_end: FrontEnd
    network: Network
    device: torch.device
    centre: NDArray[np.float32] | None = None

    @torch.inference_mode()
    def spectrograms(self, samples: Tensor) -> Tensor:
        """The spectrograms of windows, as the network takes them.

        Shape:
            - input: ``(windows, samples)``, float32 on the body's device
            - output: ``(windows, 1, mels, frames)``
        """
        # One window's arrays stay in a processor's cache; a batch's do not, and each has to be fetched from the system.
        at_once = 1 if self.device.type == "cpu" else len(samples)
        spectrograms = torch.cat([self.front_end(part) for part in torch.split(samples, at_once)])
        return spectrograms.to(memory_format=torch.channels_last)

    def placed(self, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embeddings as unit vectors of the body's space; those without a direction stay zeros.

        Shape:
            - input, output: ``(windows, 512)``
        """
        vectors = of_length_1(embeddings.astype(np.float64))
        if self.centre is not None:
            vectors = of_length_1(np.where(vectors.any(axis=1, keepdims=True), vectors - self.centre, 0.0))
        return vectors.astype(np.float32)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Runs a silent window, so that the first recording does not wait for lazy set-up."""
        silence = torch.zeros(1, self.front_end.settings.window_samples, device=self.device)
        self.network(self.spectrograms(silence))


def of_length_1(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows with the length 1; those without a direction stay zeros. Shape: ``(rows, dimensions)``, as the input."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0.0)
    return scaled
