"""Computes where the evidence for a label is: Grad-CAM, Grad-CAM++ and HiResCAM, from the classifying pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from phonoscope.catalogue.architectures import METHODS, Method
from phonoscope.errors import InvalidRequest, UnknownLabel, UnknownLayer
from phonoscope_ml.networks import Network, Output

_LEAST_CURVATURE = 1e-6
"""Keeps Grad-CAM++ from dividing by zero; the value that other implementations use."""


@dataclass(frozen=True)
class Heatmaps:
    """Evidence for one label in each window.

    Shape:
        - labels: ``(windows,)``, indices
        - values: ``(windows, mels, frames)``, float32 in [0, 1], 1 at the strongest spot; zeros without evidence
        - raw: ``(windows, mels / stride, frames / stride)``, float32 from 0 up, at the layer's own resolution
    """

    method: Method
    layer: str
    labels: NDArray[np.int64]
    values: NDArray[np.float32]
    raw: NDArray[np.float32]


class Attribution:
    """Runs a network and keeps the activations from which heatmaps are computed, inside its ``with`` block.

    Only the part above the layer is differentiated, and only by ``heatmaps``: a pass costs little more than a normal
    one. The hook is removed at the end of the block, also after an error.

    Args:
        network: in evaluation mode.
        layer: one that can show evidence, of the network's ``depths.layers``; by default ``depths.evidence``.

    Raises:
        UnknownLayer: there is no such layer; the error names the existing ones.

    >>> from phonoscope_ml.networks import AudioResNet
    >>> with Attribution(AudioResNet("resnet18", labels=10).eval()) as attribution:
    ...     output = attribution(torch.rand(2, 1, 128, 126))
    ...     attribution.heatmaps(output, labels=3).values.shape
    (2, 128, 126)
    """

    def __init__(self, network: Network, layer: str | None = None) -> None:
        known = network.depths.layers
        if layer is not None and layer not in known:
            raise UnknownLayer.choice("layer", layer, known)
        self.network = network
        self.layer = layer or network.depths.evidence
        self._hook: torch.utils.hooks.RemovableHandle | None = None
        self._size = (0, 0)

    def __enter__(self) -> Self:
        self._hook = self.network.layer(self.layer).register_forward_hook(_track)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def __call__(self, spectrograms: Tensor, network: Network | None = None) -> Output:
        """Makes one forward pass; its output carries a graph until it is detached.

        Args:
            network: runs in place of the attribution's own; it has the same layer, such as the same body with a head.

        Shape:
            - spectrograms: ``(windows, 1, mels, frames)``
        """
        if self._hook is None:
            raise RuntimeError("an Attribution is used inside its with block")
        self._size = (spectrograms.shape[-2], spectrograms.shape[-1])
        with torch.inference_mode(mode=False), torch.enable_grad():
            output: Output = (network or self.network)(spectrograms)
        return output

    def heatmaps(
        self, output: Output, labels: int | Sequence[int] | None = None, method: Method = "grad-cam"
    ) -> Heatmaps:
        """The evidence from the last pass, for any number of labels and methods.

        Args:
            output: the output of this attribution's last pass.
            labels: one for all windows, or one for each; by default each window's most probable.
            method: one of ``METHODS``.

        Raises:
            UnknownLabel: an index is out of range.
            InvalidRequest: there is no such method.
        """
        if method not in METHODS:
            raise InvalidRequest.choice("method", method, METHODS)
        activations = output.maps[self.layer]
        with torch.inference_mode(mode=False), torch.enable_grad():
            chosen = _indices(output.logits, labels)
            score = output.logits.gather(1, chosen[:, None]).sum()
            (gradients,) = torch.autograd.grad(score, activations, retain_graph=True)
        raw = _COMBINE[method](activations.detach().float(), gradients.float()).relu()
        return Heatmaps(
            method=method,
            layer=self.layer,
            labels=chosen.cpu().numpy(),
            values=upsampled(raw, self._size).cpu().numpy(),
            raw=raw.cpu().numpy(),
        )


def upsampled(raw: Tensor, size: tuple[int, int]) -> Tensor:
    """Raw maps at the spectrogram's resolution, each with 1 at its strongest spot, or all zero.

    Shape:
        - input: ``(windows, rows, columns)``, from 0 up
        - output: ``(windows, *size)``, in [0, 1]
    """
    # Scaled before and after: products of very small numbers lose their digits.
    large = functional.interpolate(_scaled(raw)[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return _scaled(large)


def _track(_module: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output.requires_grad_() if torch.is_grad_enabled() and not output.requires_grad else output


def _indices(logits: Tensor, labels: int | Sequence[int] | None) -> Tensor:
    windows, count = logits.shape
    if labels is None:
        return logits.detach().argmax(dim=1)
    indices = [labels] * windows if isinstance(labels, int) else list(labels)
    if len(indices) != windows:
        raise ValueError(f"{len(indices)} labels for {windows} windows")
    for index in indices:
        if not 0 <= index < count:
            raise UnknownLabel.choice("label", index, map(str, range(count)))
    return torch.tensor(indices, device=logits.device)


def _scaled(maps: Tensor) -> Tensor:
    peak = maps.amax(dim=(1, 2), keepdim=True)
    return torch.where(peak > 0.0, maps / torch.where(peak > 0.0, peak, 1.0), 0.0)


def _grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al., 2017, arXiv 1610.02391): channels weighted by their mean gradient."""
    return (gradients.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1)


def _grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ (Chattopadhay et al., 2018, arXiv 1710.11063), equations 10 and 19: only positive gradients count."""
    rising = gradients.relu()
    curvature = 2.0 * rising**2 + activations.sum(dim=(2, 3), keepdim=True) * rising**3
    alpha = rising**2 / (curvature + _LEAST_CURVATURE)
    return ((alpha * rising).sum(dim=(2, 3), keepdim=True) * activations).sum(dim=1)


def _hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """HiResCAM (Draelos and Carin, 2020, arXiv 2011.08891): each spot weighted by its own gradient."""
    return (gradients * activations).sum(dim=1)


_COMBINE: dict[Method, Callable[[Tensor, Tensor], Tensor]] = {
    "grad-cam": _grad_cam,
    "grad-cam++": _grad_cam_plus_plus,
    "hirescam": _hires_cam,
}
