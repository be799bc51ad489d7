"""Measures how faithful a heatmap is, by deletion, insertion and a network with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from phonoscope_ml.attribution import Attribution, Heatmaps, upsampled
from phonoscope_ml.evidence import Heat
from phonoscope_ml.networks import Network

_BATCH = 16


@dataclass(frozen=True)
class Areas:
    """Areas under the label's probability over the share of the spectrogram that is deleted or inserted.

    The hottest spots come first; areas are in [0, 1]. The random ones are means over the same heat shuffled.
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float


@dataclass(frozen=True)
class Trust(Areas):
    """How faithful a heatmap is.

    ``randomised`` is the mean correlation of the map with those of the same network with a random last block (0 when
    either is flat). A faithful map has a ``deletion`` below ``random_deletion``, an ``insertion`` above
    ``random_insertion``, and ``randomised`` far from 1.
    """

    randomised: float


def measure_trust(
    network: Network,
    spectrogram: Tensor,
    heatmaps: Heatmaps,
    window: int = 0,
    *,
    steps: int = 6,
    draws: int = 3,
    seed: int = 0,
    silence: float = 0.0,
) -> Trust:
    """Makes every check of one window's heatmap, in ``2 * (steps - 1) * (1 + draws) + 2 + draws`` passes.

    Args:
        network: in evaluation mode; it is not changed.
        heatmaps: its heatmaps.
        window: the window's index in ``heatmaps``.
        steps: the number of equal parts that the spectrogram is divided into.
        draws: the number of random maps and of random blocks.
        seed: of both; the same seed gives the same figures.
        silence: what the spectrogram has where nothing sounds.

    Shape:
        - spectrogram: ``(1, mels, frames)``, of that window, on the network's device
    """
    areas = measure_areas(network, spectrogram, heatmaps, window, steps=steps, draws=draws, seed=seed, silence=silence)
    similarity = randomised_similarity(network, spectrogram, heatmaps, window, draws=draws, seed=seed)
    return Trust(**vars(areas), randomised=similarity)


def measure_areas(
    network: Network,
    spectrogram: Tensor,
    heatmaps: Heatmaps,
    window: int = 0,
    *,
    steps: int = 6,
    draws: int = 3,
    seed: int = 0,
    silence: float = 0.0,
) -> Areas:
    """Measures deletion and insertion of one window's heatmap and of shuffled ones; arguments as ``measure_trust``."""
    label, heatmap = int(heatmaps.labels[window]), heatmaps.values[window]
    shuffled = _shuffled(torch.from_numpy(heatmaps.raw[window]), spectrogram.shape[-2:], draws, seed)
    candidates = torch.cat([torch.from_numpy(heatmap)[None], shuffled])
    deletion, insertion = deletion_and_insertion(network, spectrogram, candidates, label, steps, silence)
    return Areas(
        deletion=deletion[0],
        insertion=insertion[0],
        random_deletion=float(np.mean(deletion[1:])),
        random_insertion=float(np.mean(insertion[1:])),
    )


def deletion_and_insertion(
    network: Network, spectrogram: Tensor, candidates: Tensor, label: int, steps: int = 6, silence: float = 0.0
) -> tuple[list[float], list[float]]:
    """The areas under the label's probability for each candidate (Petsiuk et al., 2018, arXiv 1806.07421).

    Deletion silences spots, hottest first; insertion adds them to silence.

    Shape:
        - spectrogram: ``(1, mels, frames)``
        - candidates: ``(candidates, mels, frames)``
    """
    curves = _curves(network, spectrogram, _cuts(candidates, steps), label, silence)
    whole, nothing = curves[-2].expand(len(candidates), 1), curves[-1].expand(len(candidates), 1)
    inner = curves[:-2].reshape(len(candidates), steps - 1, 2)
    without, only = inner[..., 0], inner[..., 1]
    deletion = torch.trapezoid(torch.cat([whole, without, nothing], dim=1), dx=1.0 / steps)
    insertion = torch.trapezoid(torch.cat([nothing, only, whole], dim=1), dx=1.0 / steps)
    return deletion.tolist(), insertion.tolist()


def randomised_similarity(
    network: Network, spectrogram: Tensor, heatmaps: Heatmaps, window: int = 0, *, draws: int = 3, seed: int = 0
) -> float:
    """The mean correlation with maps of randomised networks (Adebayo et al., 2018, arXiv 1810.03292).

    The networks are random from their last layer on. In [-1, 1]; a map that stays the same shows the spectrogram's
    edges, not what the network learned.
    """
    label = int(heatmaps.labels[window])
    found = []
    for draw in range(draws):
        with Attribution(randomised(network, seed + draw), heatmaps.layer) as attribution:
            other = attribution.heatmaps(attribution(spectrogram[None]), label, heatmaps.method)
        found.append(_correlation(heatmaps.values[window], other.values[0]))
    return float(np.mean(found))


def randomised(network: Network, seed: int) -> Network:
    """A copy of the network with random weights from its last layer on; the other modules are shared."""
    random = {module for root in network.deciding() for module in root.modules()}
    ways = {parent for root in random for parent in _parents(network, root)}
    shared = [module for module in network.modules() if module not in random | ways]
    twin = deepcopy(network, {id(module): module for module in shared})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for root in twin.deciding():
            for module in root.modules():
                _reset(module)
    return twin


def _parents(network: nn.Module, module: nn.Module) -> list[nn.Module]:
    """The modules that contain a module."""
    return [parent for parent in network.modules() if any(module is child for child in parent.modules())]


def _reset(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d):
        device = next(module.parameters()).device
        # Drawn on the CPU, so that every device gets the same.
        module.cpu().reset_parameters()
        module.to(device)


def _shuffled(raw: Tensor, size: tuple[int, ...], draws: int, seed: int) -> Tensor:
    """The raw map with its spots shuffled, at the same resolution."""
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(raw.numel(), generator=generator) for _ in range(draws)]
    return upsampled(torch.stack([raw.flatten()[order].reshape(raw.shape) for order in orders]), (size[0], size[1]))


def _cuts(candidates: Tensor, steps: int) -> Iterator[Tensor]:
    """Masks ``(mels, frames)``: without the hottest spots and with only them, step by step; then all; then nothing."""
    size = candidates.shape[1:]
    for heat in candidates:
        ranks = heat.flatten().argsort(descending=True, stable=True).argsort().reshape(size)
        for step in range(1, steps):
            hottest = ranks < round(heat.numel() * step / steps)
            yield ~hottest
            yield hottest
    yield torch.ones(size, dtype=torch.bool)
    yield torch.zeros(size, dtype=torch.bool)


@torch.inference_mode()
def _curves(network: Network, spectrogram: Tensor, cuts: Iterator[Tensor], label: int, silence: float) -> Tensor:
    """The label's probability for each mask, ``(masks,)``, on the CPU."""
    masks = torch.stack(list(cuts))
    probabilities = []
    for some in torch.split(masks, _BATCH):
        cut = torch.where(some[:, None].to(spectrogram.device), spectrogram, silence)
        logits = network(cut.to(memory_format=torch.channels_last)).logits
        probabilities.append(network.probabilities(logits)[:, label].cpu())
    return torch.cat(probabilities)


def _correlation(heatmap: Heat, other: Heat) -> float:
    if not (heatmap.std() > 0.0 and other.std() > 0.0):
        return 0.0
    return float(np.corrcoef(heatmap.ravel(), other.ravel())[0, 1])
