"""Convolutions whose weight gradient is one matrix product, which is faster on CPUs for small feature maps."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

_FROM_CHANNELS = 256
"""From this width on the maps are so small that oneDNN's own gradient kernels are slow."""


def speed_up_convolutions(network: nn.Module) -> None:
    """Replaces the weight gradient of the network's wide convolutions; weights and outputs stay the same."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels >= _FROM_CHANNELS and module.kernel_size != (1, 1):
            module._conv_forward = partial(_convolve, module.stride, module.padding)  # type: ignore[method-assign] # noqa: SLF001


def _convolve(stride: Any, padding: Any, x: Tensor, weight: Tensor, _bias: Tensor | None) -> Tensor:
    if torch.is_autocast_enabled(x.device.type):
        kind = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(kind), weight.to(kind)
    output: Tensor = _Convolution.apply(x, weight, stride, padding)  # type: ignore[no-untyped-call]
    return output


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        to_input = conv2d_input(x.shape, weight, gradient, ctx.stride, ctx.padding)  # type: ignore[no-untyped-call]
        return to_input, _to_weight(x, weight, gradient, ctx.stride, ctx.padding), None, None


def _to_weight(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """The weight gradient, as one product of the output's gradient and the unfolded input.

    Shape:
        - x: ``(batch, in, rows, columns)``; weight and output: ``(out, in, height, width)``
        - gradient: ``(batch, out, rows / stride, columns / stride)``
    """
    out, channels, height, width = weight.shape
    batch, _, rows, columns = gradient.shape
    padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    image, row, column, channel = padded.stride()
    seen = padded.as_strided(
        (batch, rows, columns, height, width, channels),
        (image, row * stride[0], column * stride[1], row, column, channel),
    )
    wanted = gradient.permute(0, 2, 3, 1).reshape(-1, out)
    product = wanted.T @ seen.reshape(len(wanted), -1)
    return product.view(out, height, width, channels).permute(0, 3, 1, 2)
