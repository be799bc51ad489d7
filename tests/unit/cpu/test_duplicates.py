"""Near-duplicates are found by their vectors, and copies by their acoustic fingerprints."""

from __future__ import annotations

import tracemalloc

import numpy as np
from numpy.typing import NDArray

from phonoscope.work import AcousticFingerprint
from phonoscope_cpu.duplicates import groups_of, shared_groups


def unit(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = rng.standard_normal((count, 512))
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def fingerprint(seed: int, duration_s: float = 20.0) -> AcousticFingerprint:
    return AcousticFingerprint(np.random.default_rng(seed).bytes(int(duration_s * 16) * 2), duration_s)


def test_near_duplicates_share_a_group() -> None:
    """Across blocks too, and duplicates of duplicates; what is silent is alone."""
    rng = np.random.default_rng(0)
    vectors = unit(rng, 1_500)
    vectors[1_400] = vectors[3]
    vectors[700] = vectors[1_400] + 0.005 * unit(rng, 1)[0]
    vectors[[10, 11]] = 0.0
    groups = groups_of(vectors)
    assert groups[3] == groups[700] == groups[1_400]
    assert len(set(groups.tolist())) == 1_498


def test_groups_of_several_spaces_are_joined() -> None:
    """What is near in one of them is in one group; what is in none of the parts is alone."""
    first = np.array([0, 1, 2, 3]), np.array([7, 7, 8, 9])
    second = np.array([3, 1, 4]), np.array([5, 5, 6])
    groups = shared_groups(6, [first, second])
    assert groups[0] == groups[1] == groups[3]
    assert len(set(groups.tolist())) == 4


def test_copies_share_a_group_though_their_vectors_differ() -> None:
    """Where duration and fingerprint agree; neither a vector that is unlike nor another duration is compared."""
    rng = np.random.default_rng(1)
    base, other = unit(rng, 2)
    close = 0.8 * base + 0.6 * other
    vectors = np.stack([base, close, close, close, -base]).astype(np.float32)
    vectors[2] += 0.3 * unit(rng, 1)[0]
    vectors[3] -= 0.3 * unit(rng, 1)[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    same, long = fingerprint(1), fingerprint(1, 60.0)
    groups = groups_of(vectors, {0: same, 1: same, 2: fingerprint(2), 3: long, 4: same}).tolist()
    assert groups[0] == groups[1]
    assert len(set(groups)) == 4


def test_nothing() -> None:
    """Of no recording there is no group."""
    assert groups_of(np.zeros((0, 512), np.float32)).tolist() == []


def test_recordings_that_are_all_alike_need_little_memory() -> None:
    """A machine that is recorded every minute: pairs are as many as the square of the recordings."""
    vectors = np.tile(np.eye(1, 64, dtype=np.float32), (3_000, 1))
    tracemalloc.start()
    groups = groups_of(vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(groups.tolist())) == 1
    assert peak < 100e6
