"""What every network gives in one forward pass."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

EMBEDDING_DIM = 512


class Output(NamedTuple):
    """What one forward pass gives.

    Shape:
        - logits: ``(batch, labels)``, from the network's own last layer; ``(batch, 0)`` without one
        - embedding: ``(batch, 512)``, not yet normalised
        - features: ``(batch, features)``, the units that heads are taught on
        - maps: by depth name, ``(batch, channels, rows, columns)``
    """

    logits: Tensor
    embedding: Tensor
    features: Tensor
    maps: dict[str, Tensor]
