"""Whether a heatmap can be believed: what becomes of the label without what it shows, and of it without the model."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from phonoscope_ml.attribution import Attribution, Heatmaps, enlarged
from phonoscope_ml.evidence import Heat
from phonoscope_ml.network import AudioResNet

_BATCH = 16


@dataclass(frozen=True)
class Trust:
    """How far a heatmap may be believed.

    Areas are of the label's probability, over the share of the picture taken away or put back, hottest first; each is
    in [0, 1]. The random ones are the mean for the same heat in other places. A faithful map has a ``deletion`` below
    ``random_deletion`` and an ``insertion`` above ``random_insertion``; ``randomised``, the correlation of the map
    with those of the same network under a random last block, is far from 1 (0 where either is flat).
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float
    randomised: float


def measure_trust(
    network: AudioResNet,
    picture: Tensor,
    heatmaps: Heatmaps,
    window: int = 0,
    *,
    steps: int = 6,
    draws: int = 3,
    seed: int = 0,
) -> Trust:
    """Every check of one window's heatmap, ``2 * (steps - 1) * (1 + draws) + 2 + draws`` passes of one window.

    Args:
        network: in evaluation mode; comes back as it was.
        heatmaps: what it gave for the picture.
        window: which of them.
        steps: into how many equal parts the picture is divided.
        draws: how many random maps and random blocks.
        seed: of both; the same seed gives the same figures.

    Shape:
        - picture: ``(1, mels, frames)``, that window's, on the network's device
    """
    label, heatmap = int(heatmaps.labels[window]), heatmaps.values[window]
    shuffled = _shuffled(torch.from_numpy(heatmaps.raw[window]), picture.shape[-2:], draws, seed)
    candidates = torch.cat([torch.from_numpy(heatmap)[None], shuffled])
    deletion, insertion = deletion_and_insertion(network, picture, candidates, label, steps)
    return Trust(
        deletion=deletion[0],
        insertion=insertion[0],
        random_deletion=float(np.mean(deletion[1:])),
        random_insertion=float(np.mean(insertion[1:])),
        randomised=randomised_similarity(network, picture, heatmaps, window, draws=draws, seed=seed),
    )


def deletion_and_insertion(
    network: nn.Module, picture: Tensor, candidates: Tensor, label: int, steps: int = 6
) -> tuple[list[float], list[float]]:
    """Petsiuk et al., 2018, arXiv 1806.07421: areas under the label's probability, one of each for a candidate.

    Deletion takes spots to silence, hottest first; insertion puts them into silence.

    Shape:
        - picture: ``(1, mels, frames)``
        - candidates: ``(candidates, mels, frames)``
    """
    curves = _curves(network, picture, _cuts(candidates, steps), label)
    whole, nothing = curves[-2].expand(len(candidates), 1), curves[-1].expand(len(candidates), 1)
    inner = curves[:-2].reshape(len(candidates), steps - 1, 2)
    without, only = inner[..., 0], inner[..., 1]
    deletion = torch.trapezoid(torch.cat([whole, without, nothing], dim=1), dx=1.0 / steps)
    insertion = torch.trapezoid(torch.cat([nothing, only, whole], dim=1), dx=1.0 / steps)
    return deletion.tolist(), insertion.tolist()


def randomised_similarity(
    network: AudioResNet, picture: Tensor, heatmaps: Heatmaps, window: int = 0, *, draws: int = 3, seed: int = 0
) -> float:
    """Adebayo et al., 2018, arXiv 1810.03292: the mean correlation with maps made under a random ``layer4`` and ``fc``.

    In [-1, 1]; a map that stays the same shows the picture's edges, not what the network learned.
    """
    label = int(heatmaps.labels[window])
    found = []
    for draw in range(draws):
        with Attribution(randomised(network, seed + draw), heatmaps.layer) as attribution:
            other = attribution.heatmaps(attribution(picture[None]), label, heatmaps.method)
        found.append(_correlation(heatmaps.values[window], other.values[0]))
    return float(np.mean(found))


def randomised(network: AudioResNet, seed: int) -> AudioResNet:
    """A twin with a random last block and classifier of its own; all else is the network's, shared."""
    shared = [module for name, module in network.named_children() if name not in {"layer4", "fc"}]
    twin = deepcopy(network, {id(module): module for module in shared})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in [*twin.get_submodule("layer4").modules(), twin.fc]:
            _reset(module)
    return twin


def _reset(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
        device = next(module.parameters()).device
        # Drawn on the processor, so that every device gets the same.
        module.cpu().reset_parameters()
        module.to(device)


def _shuffled(raw: Tensor, size: tuple[int, ...], draws: int, seed: int) -> Tensor:
    """The same heat in other places of the layer's grid: as coarse, and as much of it."""
    generator = torch.Generator().manual_seed(seed)
    places = [torch.randperm(raw.numel(), generator=generator) for _ in range(draws)]
    return enlarged(torch.stack([raw.flatten()[order].reshape(raw.shape) for order in places]), (size[0], size[1]))


def _cuts(candidates: Tensor, steps: int) -> Iterator[Tensor]:
    """What is kept, ``(mels, frames)``: without the hottest and only they, step by step; then all; nothing."""
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
def _curves(network: nn.Module, picture: Tensor, cuts: Iterator[Tensor], label: int) -> Tensor:
    """The label's probability for each cut, ``(cuts,)``, on the processor."""
    masks = torch.stack(list(cuts))
    probabilities = []
    for some in torch.split(masks, _BATCH):
        cut = (picture * some[:, None].to(picture.device)).to(memory_format=torch.channels_last)
        probabilities.append(network(cut).logits.float().softmax(-1)[:, label].cpu())
    return torch.cat(probabilities)


def _correlation(heatmap: Heat, other: Heat) -> float:
    if not (heatmap.std() > 0.0 and other.std() > 0.0):
        return 0.0
    return float(np.corrcoef(heatmap.ravel(), other.ravel())[0, 1])
