"""What the networks have in common."""

from __future__ import annotations

from torch import Tensor, nn

from phonoscope.catalogue.architectures import ARCHITECTURES, Architecture


class Network(nn.Module):
    """A network on one-channel spectrograms, whose depths are submodules by their names.

    Args:
        architecture: its name in :data:`~phonoscope.catalogue.architectures.ARCHITECTURES`.
        features: how many units heads are taught on.
        labels: how many classes the network's own last layer has.

    Shape:
        - input: ``(batch, 1, mels, frames)``
        - output: :class:`~phonoscope_ml.networks.output.Output`
    """

    short_operations = False
    """Whether its operations on a processor are so short that several threads make them slower."""

    def __init__(self, architecture: str, features: int, labels: int) -> None:
        super().__init__()
        self.architecture = architecture
        self.features = features
        self.labels = labels

    @property
    def depths(self) -> Architecture:
        """The names of its depths."""
        return ARCHITECTURES[self.architecture]

    def classify(self, features: Tensor) -> Tensor:
        """The logits of its own labels. Shape: ``(batch, features)`` to ``(batch, labels)``."""
        raise NotImplementedError

    def layer(self, name: str) -> nn.Module:
        """The module of a depth or a block. Raises ``AttributeError`` when there is none."""
        return self.get_submodule(name)

    def deciding(self) -> list[nn.Module]:
        """The last layer that can show evidence and all modules after it."""
        names = [name for name, _ in self.named_children()]
        last = names.index(self.depths.layers[-1])
        return [self.get_submodule(name) for name in names[last:]]

    def fold(self) -> None:
        """Makes evaluation faster with nearly equal outputs; the network must be in evaluation mode and stay in it.

        Names of parameters change: weights are loaded before.
        """

    def probabilities(self, logits: Tensor) -> Tensor:
        """The probabilities of its own labels, of which one holds at a time, float32."""
        return logits.float().softmax(-1)


class NoLabels(nn.Module):
    """The last layer of a body without labels of its own. Shape: ``(batch, units)`` to ``(batch, 0)``."""

    def forward(self, units: Tensor) -> Tensor:
        return units[:, :0]


def last_layer(units: int, labels: int) -> nn.Module:
    """A linear layer from units to logits, or none."""
    return nn.Linear(units, labels) if labels else NoLabels()
