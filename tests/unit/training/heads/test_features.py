"""Recordings that are nearly the same share a fold."""

from __future__ import annotations

from dataclasses import replace

import torch

from phonoscope_training.heads.features import Features, share_folds


def features(units: torch.Tensor, folds: list[int]) -> Features:
    """Features of recordings in these folds."""
    count = torch.arange(len(units))
    return Features(
        units=units,
        copies=torch.zeros(len(units), 0, units.shape[1]),
        embeddings=units,
        targets=count % 2,
        folds=torch.tensor(folds),
        recordings=count,
        sources=count,
        sets=torch.zeros(len(units), dtype=torch.int64),
        labels=["a", "b"],
    )


def test_a_chain_of_near_recordings_gets_its_commonest_fold() -> None:
    """The others keep theirs."""
    generator = torch.Generator().manual_seed(1)
    base = torch.randn(6, 40, generator=generator)
    chain = torch.stack([base[0], base[0] + 0.05 * base[1], base[0] - 0.05 * base[2]])
    shared = share_folds(features(torch.cat([chain, base[3:]]), [1, 2, 2, 1, 2, 1]), near=0.8)
    assert shared.folds.tolist() == [2, 2, 2, 1, 2, 1]


def test_a_source_has_one_fold_in_all_sets() -> None:
    """What is near in one set shares its fold with the same recordings in another set, where all are far."""
    generator = torch.Generator().manual_seed(1)
    base = torch.randn(6, 40, generator=generator)
    near = torch.cat([base[:1] + 0.05 * base[1], base[:5]])
    twice = replace(
        features(torch.cat([near, torch.randn(6, 40, generator=generator)]), [1, 2, 1, 2, 1, 2] * 2),
        sources=torch.arange(6).repeat(2),
        sets=torch.arange(2).repeat_interleave(6),
    )
    shared = share_folds(twice, near=0.8).folds.tolist()
    assert shared[:2] == shared[6:8] == [shared[0]] * 2
    assert shared[2:6] == shared[8:] == [1, 2, 1, 2]


def test_a_cosine_of_1_keeps_all_folds() -> None:
    """Even those of equal recordings."""
    units = torch.ones(4, 3)
    assert share_folds(features(units, [1, 2, 1, 2]), near=1.0).folds.tolist() == [1, 2, 1, 2]
