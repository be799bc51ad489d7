"""A loaded body: front end and network on a device, shared by all heads that were taught on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from phonoscope_ml.frontends import FrontEnd
from phonoscope_ml.networks import Network


@dataclass(frozen=True)
class Body:
    """A body in memory.

    Args:
        identity: of its manifest, a digest of all that decides what it hears.
    """

    name: str
    identity: str
    front_end: FrontEnd
    network: Network
    device: torch.device

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

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Runs a silent window, so that the first recording does not wait for lazy set-up."""
        silence = torch.zeros(1, self.front_end.settings.window_samples, device=self.device)
        self.network(self.spectrograms(silence))
