"""The audio tower of CLAP (Wu et al., 2023, arXiv 2211.06687), by ``transformers``: a body that only embeds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from phonoscope.errors import ExtraAbsent
from phonoscope_ml.networks.network import Network
from phonoscope_ml.networks.output import EMBEDDING_DIM, Output

try:
    from transformers import ClapAudioConfig
    from transformers.initialization import no_init_weights
    from transformers.models.clap.modeling_clap import ClapAudioModelWithProjection
except ImportError as error:
    raise ExtraAbsent.of("clap", "transformers") from error


class ClapAudio(Network):
    """A hierarchical Swin transformer over a window of 10 s, and its projection into the space of sounds and sentences.

    It has no labels, shows no evidence and no head is taught on it: its features are its embedding. On a GPU it runs in
    half precision.

    Args:
        arguments: of ``ClapAudioConfig``, such as ``depths``; what is not named is as there.

    Shape:
        - input: ``(batch, 1, 64, frames)``, of up to 1,024 frames
        - output: :class:`~phonoscope_ml.networks.output.Output`; embeddings have length 1

    Raises:
        ValueError: ``labels`` is not 0, or an argument is out of range.
    """

    def __init__(self, labels: int = 0, **arguments: Any) -> None:
        if labels:
            raise ValueError("clap has no labels")
        super().__init__("clap", EMBEDDING_DIM, 0)
        # Random weights for what is loaded after take a minute on a busy machine; positions are computed here, and are
        # in no file.
        with no_init_weights(), torch.device("cpu"):
            self.tower = ClapAudioModelWithProjection(ClapAudioConfig(projection_dim=EMBEDDING_DIM, **arguments))

    def forward(self, x: Tensor) -> Output:
        half = torch.autocast("cuda", dtype=torch.float16) if x.is_cuda else nullcontext()
        with half:
            found = self.tower(input_features=x.transpose(2, 3)).audio_embeds
        embedding = functional.normalize(found.float(), dim=-1)
        return Output(embedding[:, :0], embedding, embedding, {})

    def classify(self, features: Tensor) -> Tensor:
        return features[:, :0]

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Loads the tower's tensors by the names that ``transformers`` gives them.

        Whole numbers, such as positions, follow from the configuration and need not be there.
        """
        named = {f"tower.{name}": value for name, value in state_dict.items()}
        known = {name: value for name, value in self.state_dict().items() if not value.is_floating_point()}
        return super().load_state_dict(known | named, strict, assign)
