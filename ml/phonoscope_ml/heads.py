"""Heads: labels, taught on the features of one body or of several, or on a body's embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from phonoscope_ml.networks import Network, Output

Activation: TypeAlias = Literal["softmax", "softmax-none", "sigmoid"]


class Head(nn.Module):
    """A linear layer from features to logits, and from these to probabilities.

    Args:
        features: how many numbers it takes; those of several bodies follow one another.
        labels: how many labels it tells apart.
        activation: ``softmax`` when one label holds at a time, ``softmax-none`` when one or none of them does
            (logits are relative to that of none, which is 0), ``sigmoid`` when each holds or not by itself.
        temperature: logits are divided by it before the activation; above 0.
        thresholds: the probability from which a label counts as heard: one for all labels, or one for each.

    Shape:
        - input: ``(windows, features)``; output: ``(windows, labels)``, logits

    Raises:
        ValueError: the temperature is not above 0, or the number of thresholds is neither 1 nor that of the labels.

    >>> head = Head(512, 50, "sigmoid", thresholds=[0.4])
    >>> head.probabilities(head(torch.zeros(2, 512))).shape
    torch.Size([2, 50])
    """

    thresholds: Tensor

    def __init__(
        self,
        features: int,
        labels: int,
        activation: Activation = "softmax",
        temperature: float = 1.0,
        thresholds: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__()
        if not temperature > 0.0:
            raise ValueError("temperature must be above 0")
        if len(thresholds) not in {1, labels}:
            raise ValueError(f"{len(thresholds)} thresholds for {labels} labels")
        self.linear = nn.Linear(features, labels)
        self.activation = activation
        self.temperature = temperature
        self.register_buffer("thresholds", torch.tensor(list(thresholds)).expand(labels).clone(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits

    def probabilities(self, logits: Tensor) -> Tensor:
        """Calibrated probabilities, float32. Shape: ``(windows, labels)`` to ``(windows, labels)``."""
        logits = logits.float() / self.temperature
        if self.activation == "softmax-none":
            return functional.pad(logits, (0, 1)).softmax(-1)[..., :-1]
        return logits.softmax(-1) if self.activation == "softmax" else logits.sigmoid()


class Placing(nn.Module):
    """Embeddings as unit vectors of their body's space: :meth:`~phonoscope_ml.bodies.Body.placed`, differentiable.

    Args:
        centre: the mean that is subtracted from unit vectors.

    Shape:
        - input, output: ``(windows, 512)``, float32; zeros stay zeros
        - centre: ``(512,)``

    >>> Placing()(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """

    centre: Tensor | None

    def __init__(self, centre: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("centre", centre, persistent=False)

    def forward(self, embedding: Tensor) -> Tensor:
        vectors = functional.normalize(embedding.float(), dim=-1)
        if self.centre is None:
            return vectors
        moved = functional.normalize(vectors - self.centre, dim=-1)
        return torch.where((vectors != 0.0).any(dim=-1, keepdim=True), moved, 0.0)


class HeadedNetwork(Network):
    """A body's network whose logits are a head's: what is differentiated for evidence.

    Args:
        body: the network of the head's first body; its own last layer is not used.
        head: takes the body's features, followed by ``context``; or the body's embedding as ``placing`` gives it.
        context: the features of the head's other bodies, held constant: one row for all windows, or one for each.
        placing: puts embeddings into the space whose vectors the head was taught on; ``None`` of a head on features.

    Shape:
        - context: ``(1 or windows, features)``, with no columns when the head has one body

    >>> from phonoscope_ml.networks import MobileNet
    >>> HeadedNetwork(MobileNet().eval(), Head(896, 50))(torch.zeros(1, 1, 128, 500)).logits.shape
    torch.Size([1, 50])
    """

    def __init__(
        self, body: Network, head: Head, context: Tensor | None = None, placing: Placing | None = None
    ) -> None:
        super().__init__(body.architecture, body.features, head.linear.out_features)
        self.body = body
        self.head = head
        self.context = context
        self.placing = placing

    def forward(self, x: Tensor) -> Output:
        output: Output = self.body(x)
        read = output.features if self.placing is None else self.placing(output.embedding)
        return output._replace(logits=self.classify(read))

    def classify(self, features: Tensor) -> Tensor:
        """The head's logits. Shape: ``(windows, what the head reads of the first body)`` to ``(windows, labels)``."""
        if self.context is not None:
            features = torch.cat([features, self.context.expand(len(features), -1)], dim=1)
        logits: Tensor = self.head(features)
        return logits

    def beside(self, context: Tensor) -> HeadedNetwork:
        """The same network and head with the features of the head's other bodies."""
        return HeadedNetwork(self.body, self.head, context, self.placing)

    def layer(self, name: str) -> nn.Module:
        return self.body.layer(name)

    def deciding(self) -> list[nn.Module]:
        return [*self.body.deciding(), self.head]

    def probabilities(self, logits: Tensor) -> Tensor:
        return self.head.probabilities(logits)
