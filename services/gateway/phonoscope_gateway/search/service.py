"""The tracks that are like one: its copies, then its neighbours, each with its own copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.orm import Session

from phonoscope.audio.copies import MOST_DIFFERENCE_S, are_copies
from phonoscope.db.library.embeddings import Near, Search
from phonoscope.db.library.fingerprints import fingerprints_of
from phonoscope.work import AcousticFingerprint

LEAST_SIMILARITY = 0.3
"""Of copies: a low rate takes from a sound what lies above its band, and moves some vectors far."""
_MORE = 100
"""Neighbours beyond those that are asked for: they may be copies of these, or of the track itself."""
_SAME_DURATION_S = 0.25
_MOST_OF_SAME_DURATION = 50


@dataclass(frozen=True)
class Group:
    """A track that is like another, and the tracks that are copies of it, the most similar first.

    ``is_copy``: whether it is itself a copy of the track that was asked about.
    """

    near: Near
    is_copy: bool = False
    copies: list[Near] = field(default_factory=list)


def groups_like(session: Session, search: Search, limit: int) -> list[Group]:
    """The track's copies, each a group of its own, and then its neighbours without these, the most similar first.

    Of copies, cosine, duration and acoustic fingerprint agree. They are looked for among the nearest tracks, and among
    those of the same duration.
    """
    nearest = search.nearest(session, limit + _MORE)
    own = fingerprints_of(session, [search.track_id]).get(search.track_id)
    if own is None:
        return _grouped(nearest, {}, limit)
    equal = search.of_duration(session, own.duration_s, _SAME_DURATION_S, _MOST_OF_SAME_DURATION)
    pool = {near.track.id: near for near in (*nearest, *equal)}
    could_be = {track_id for track_id, near in pool.items() if _could_be(near, near.similarity, own.duration_s)}
    known = fingerprints_of(session, could_be | _with_partners(nearest))
    copies = [pool[track_id] for track_id in could_be if are_copies(own, known[track_id])]
    groups = [Group(near, is_copy=True) for near in sorted(copies, key=lambda near: -near.similarity)][:limit]
    taken = {near.track.id for near in copies}
    rest = [near for near in nearest if near.track.id not in taken]
    return [*groups, *_grouped(rest, known, limit - len(groups))]


def _grouped(nearest: Sequence[Near], known: Mapping[str, AcousticFingerprint], most: int) -> list[Group]:
    """The first groups of neighbours that are copies of each other."""
    groups: list[Group] = []
    for near in nearest:
        group = next((group for group in groups if _are_copies(group.near, near, known)), None)
        if group is not None:
            group.copies.append(near)
        elif len(groups) < most:
            groups.append(Group(near))
    return groups


def _are_copies(one: Near, other: Near, known: Mapping[str, AcousticFingerprint]) -> bool:
    first, second = known.get(one.track.id), known.get(other.track.id)
    if first is None or second is None or not _could_be(one, float(one.vector @ other.vector), second.duration_s):
        return False
    return are_copies(first, second)


def _with_partners(nearest: Sequence[Near]) -> set[str]:
    """Those of which another one could be a copy by its duration and its similarity."""
    if not nearest:
        return set()
    durations_s = np.array([np.nan if near.duration_s is None else near.duration_s for near in nearest])
    vectors = np.stack([near.vector for near in nearest])
    close = np.abs(durations_s[:, None] - durations_s) <= MOST_DIFFERENCE_S
    pairs = close & (vectors @ vectors.T >= LEAST_SIMILARITY) & ~np.eye(len(nearest), dtype=bool)
    return {near.track.id for near, paired in zip(nearest, pairs.any(axis=1), strict=True) if paired}


def _could_be(near: Near, similarity: float, duration_s: float) -> bool:
    """Whether it could be a copy of a recording of this duration, to which it has this similarity."""
    if near.duration_s is None:
        return False
    return similarity >= LEAST_SIMILARITY and abs(near.duration_s - duration_s) <= MOST_DIFFERENCE_S
