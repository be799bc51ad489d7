"""What a search may find, before copies are grouped: tracks, and moments made of windows that touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope.db.search.nearest import TrackHit, WindowHit

NO_WINDOW = -1
OF_TRACKS = -1
_TOUCHING_S = 1e-3
_CLOSE, _SHARE_OF_DISTANCE = 0.05, 0.25
_SHARE_OF_SUM = 0.5


class Place(NamedTuple):
    """Where an item is in the order of a search: copies first, then the most similar; the rest makes it one order."""

    after_copies: bool
    less_similar: float
    track_id: str
    position: int


@dataclass(frozen=True)
class Candidate:
    """A track, or a moment of one.

    Args:
        similarity: of a moment that of its best window.
        vector: the unit vector of the track, or of the best window.
        position: of the best window; ``NO_WINDOW`` for a whole track.
        span_s: of the moment.
        best_span_s: of the best window.
        heard: the probabilities of labels in the best window, by id.
        space_id: of the space of the best window; those of whole tracks are all of one.
    """

    track_id: str
    similarity: float
    vector: NDArray[np.float32] = field(repr=False)
    position: int = NO_WINDOW
    span_s: tuple[float, float] | None = None
    best_span_s: tuple[float, float] | None = None
    heard: Mapping[int, float] = field(default_factory=dict, repr=False)
    space_id: int = OF_TRACKS

    def place(self, *, is_copy: bool) -> Place:
        return Place(not is_copy, -self.similarity, self.track_id, self.position)


def tracks_of(hits: Sequence[TrackHit]) -> list[Candidate]:
    return [Candidate(hit.track_id, hit.similarity, hit.vector) for hit in hits]


def moments_of(hits: Sequence[WindowHit], *, by_labels: bool) -> list[Candidate]:
    """Moments, the best first. Windows of one track that touch are one: it lasts as long as they are nearly as similar.

    Of those that touch a better moment and are much less similar nothing is left.

    Args:
        hits: the windows that were found, in any order.
        by_labels: whether similarities are sums of probabilities, else cosines.
    """
    least = _least_sum if by_labels else _least_cosine
    moments: dict[str, list[_Moment]] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.similarity, hit.track_id, hit.position)):
        _add(moments.setdefault(hit.track_id, []), hit, least)
    found = [moment.candidate for of_track in moments.values() for moment in of_track]
    return sorted(found, key=lambda moment: moment.place(is_copy=False))


def best_of_tracks(moments: Sequence[Candidate]) -> list[Candidate]:
    """The best moment of each track, the best first."""
    best: dict[str, Candidate] = {}
    for moment in moments:
        best.setdefault(moment.track_id, moment)
    return list(best.values())


def of_one_space(ones: Sequence[Candidate], others: Sequence[Candidate]) -> NDArray[np.bool_]:
    """Which vectors can be compared: no others have a cosine. Shape: ``(ones, others)``."""
    first, second = (np.array([each.space_id for each in these]) for these in (ones, others))
    same: NDArray[np.bool_] = first[:, None] == second
    return same


class _Moment(NamedTuple):
    best: WindowHit
    start_s: float
    end_s: float

    @property
    def candidate(self) -> Candidate:
        best = self.best
        return Candidate(
            best.track_id,
            best.similarity,
            best.vector,
            best.position,
            span_s=(self.start_s, self.end_s),
            best_span_s=(best.start_s, best.end_s),
            heard=best.heard,
            space_id=best.space_id,
        )

    def touches(self, start_s: float, end_s: float) -> bool:
        return start_s <= self.end_s + _TOUCHING_S and self.start_s <= end_s + _TOUCHING_S

    def with_span(self, start_s: float, end_s: float) -> _Moment:
        return _Moment(self.best, min(self.start_s, start_s), max(self.end_s, end_s))


def _add(moments: list[_Moment], hit: WindowHit, least: Callable[[float], float]) -> None:
    """Adds a window to a track's moments, the best first, of which none is worse and no two touch."""
    touched = _first_touched(moments, hit.start_s, hit.end_s)
    if touched is None:
        moments.append(_Moment(hit, hit.start_s, hit.end_s))
    elif hit.similarity >= least(moments[touched].best.similarity):
        _lengthen(moments, touched, hit.start_s, hit.end_s)


def _lengthen(moments: list[_Moment], index: int, start_s: float, end_s: float) -> None:
    """Makes a moment longer, and one of it and those that it touches now: the best one stays, with all their spans."""
    moment = moments.pop(index).with_span(start_s, end_s)
    while (touched := _first_touched(moments, moment.start_s, moment.end_s)) is not None:
        other = moments.pop(touched)
        better = moment if index <= touched else other
        moment = better.with_span(min(moment.start_s, other.start_s), max(moment.end_s, other.end_s))
        index = min(index, touched)
    moments.insert(index, moment)


def _first_touched(moments: Sequence[_Moment], start_s: float, end_s: float) -> int | None:
    return next((index for index, moment in enumerate(moments) if moment.touches(start_s, end_s)), None)


def _least_cosine(best: float) -> float:
    return best - _CLOSE - _SHARE_OF_DISTANCE * (1.0 - best)


def _least_sum(best: float) -> float:
    return _SHARE_OF_SUM * best
