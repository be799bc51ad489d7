"""Groups what was found by recording: copies of one, in whatever format, are one item."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from sqlalchemy.orm import Session

from phonoscope.audio.copies import MOST_DIFFERENCE_S, Comparable, are_copies
from phonoscope.db.library.fingerprints import durations_of, fingerprints_of
from phonoscope.work import AcousticFingerprint
from phonoscope_gateway.search.candidates import Candidate, Place, of_one_space

LEAST_SIMILARITY = 0.3
"""Of copies: a low rate takes from a sound what lies above its band, and moves some vectors far."""

_MOST_COMPARED = 5_000
"""Pairs of fingerprints of one search, which take a third of a second; the pairs after them count as different."""


@dataclass(frozen=True)
class Item:
    """A track or a moment, and the same in copies of the track, the most similar first.

    ``is_copy``: whether the track is itself a copy of the recording that was asked about.
    """

    best: Candidate
    is_copy: bool = False
    copies: list[Candidate] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.best.place(is_copy=self.is_copy)

    @property
    def members(self) -> list[Candidate]:
        """What was found, and its copies."""
        return [self.best, *self.copies]


def copies_of(session: Session, own: AcousticFingerprint, candidates: Sequence[Candidate]) -> list[Item]:
    """Of candidates those that are copies of a recording, each an item of its own, the most similar first.

    Of copies, cosine, duration and acoustic fingerprint agree.
    """
    durations = durations_of(session, {candidate.track_id for candidate in candidates})
    similar = [
        candidate
        for candidate in candidates
        if _could_be(candidate.similarity, durations.get(candidate.track_id), own.duration_s)
    ]
    known, asked = _comparables(session, {candidate.track_id for candidate in similar}), Comparable(own)
    there = [(candidate, known.get(candidate.track_id)) for candidate in similar]
    copies = [Item(candidate, is_copy=True) for candidate, its in there if its is not None and are_copies(asked, its)]
    return sorted(copies, key=lambda item: item.place)


def grouped(session: Session, candidates: Sequence[Candidate], most: int) -> list[Item]:
    """The first items of candidates, the best first, each with its copies among all of them."""
    relation = _Relation.among(session, candidates)
    items: list[Item] = []
    for candidate in candidates:
        item = next((item for item in items if relation.same(item.best, candidate)), None)
        if item is not None:
            item.copies.append(candidate)
        elif len(items) < most:
            items.append(Item(candidate))
    return items


@dataclass(frozen=True)
class _Relation:
    """Which candidates are the same recording, and of moments the same moment of it."""

    fingerprints: Mapping[str, Comparable]

    @classmethod
    def among(cls, session: Session, candidates: Sequence[Candidate]) -> _Relation:
        durations = durations_of(session, {candidate.track_id for candidate in candidates})
        return cls(_comparables(session, _with_partners(candidates, durations)))

    @cached_property
    def _known(self) -> dict[tuple[str, str], bool]:
        return {}

    def same(self, one: Candidate, other: Candidate) -> bool:
        if one.track_id == other.track_id or not _same_time(one, other):
            return False
        first, second = self.fingerprints.get(one.track_id), self.fingerprints.get(other.track_id)
        if first is None or second is None:
            return False
        if not _could_be(_likeness(one, other), first.duration_s, second.duration_s):
            return False
        pair = (one.track_id, other.track_id)
        if pair not in self._known:
            self._known[pair] = len(self._known) < _MOST_COMPARED and are_copies(first, second)
        return self._known[pair]


def _comparables(session: Session, track_ids: Collection[str]) -> dict[str, Comparable]:
    return {id_: Comparable(fingerprint) for id_, fingerprint in fingerprints_of(session, track_ids).items()}


def _same_time(one: Candidate, other: Candidate) -> bool:
    """Whether moments can be the same one though a copy starts earlier or later; whole tracks always can."""
    if one.span_s is None or other.span_s is None:
        return True
    return abs(one.span_s[0] - other.span_s[0]) <= MOST_DIFFERENCE_S


def _with_partners(candidates: Sequence[Candidate], durations: Mapping[str, float]) -> set[str]:
    """The tracks of which another one could be a copy by its duration and its similarity."""
    if not candidates:
        return set()
    ids = np.array([candidate.track_id for candidate in candidates])
    durations_s = np.array([durations.get(candidate.track_id, np.nan) for candidate in candidates])
    vectors = np.stack([candidate.vector for candidate in candidates])
    close = np.abs(durations_s[:, None] - durations_s) <= MOST_DIFFERENCE_S
    similar = (vectors @ vectors.T >= LEAST_SIMILARITY) | ~of_one_space(candidates, candidates)
    pairs = close & similar & (ids[:, None] != ids)
    return set(ids[pairs.any(axis=1)].tolist())


def _likeness(one: Candidate, other: Candidate) -> float:
    """The cosine of two candidates; of two spaces, where there is none, as much as copies need."""
    return float(one.vector @ other.vector) if one.space_id == other.space_id else LEAST_SIMILARITY


def _could_be(similarity: float, duration_s: float | None, other_s: float) -> bool:
    """Whether recordings of these durations, which have this similarity, could be copies."""
    return duration_s is not None and similarity >= LEAST_SIMILARITY and abs(duration_s - other_s) <= MOST_DIFFERENCE_S
