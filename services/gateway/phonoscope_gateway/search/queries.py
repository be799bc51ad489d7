"""What a search compares, once its words, track, vector or file are understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from phonoscope.contract import SearchRequest, SearchUnit, Stretch, UnderstoodQuery
from phonoscope.db.library.embeddings import Search, search_from
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import EMBEDDING_DIM, TrackRow
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.reviewed import SaidLabel
from phonoscope.db.search.stored import (
    KeptWindow,
    KnownLabel,
    has_windows,
    strongest_windows,
    windows_between,
)
from phonoscope.errors import InvalidRequest, NotFound, SilentRecording
from phonoscope.tasks.spec import ModelRef
from phonoscope.work import WHOLE_TRACK, Space
from phonoscope_gateway.search.clips import Clip
from phonoscope_gateway.search.spaces import named_spaces, read_space, space_id_of, space_of
from phonoscope_gateway.state import State

Vector = NDArray[np.float32]

_LONG_S = 60.0
"""A file that lasts longer is compared by its strongest windows."""
_FEW_WINDOWS = 3
"""Of a file: their mean is one sound."""
_MOST_STRONGEST, _MOST_CHOSEN = 64, 8
_LEAST_OVERLAP_S = 1e-6
_SLACK_S = 0.5
"""By which a stretch may end after the recording, whose length is stated less exactly."""


class Whole(NamedTuple):
    """A recording that was asked about as a whole.

    Args:
        track_id: of the track, or the clip, whose acoustic fingerprint copies are recognised by.
        search: among the owner's tracks.
    """

    track_id: str
    search: Search


@dataclass(frozen=True)
class Query:
    """A search, ready to be carried out.

    Args:
        understood: what the answer says of it.
        vectors: unit vectors in ``space``; what is near to any of them is found.
        weights: of labels, by id, where words are searched by labels.
        wanted: those of these labels that should be heard, by id.
        words: of these labels by id the words that mean each.
        said: those of these labels of which the owner confirmed or rejected something.
        things: where several should be heard together, of each its weights of labels, by id.
        windows: whether windows are compared, of whole tracks too.
        whole: the whole recording that was asked about, of which copies come first.
        own: of the stretch that was asked about its track and windows, which are not found again.
    """

    owner_id: str
    unit: SearchUnit
    filters: Filters
    understood: UnderstoodQuery
    space: Space | None = None
    vectors: tuple[Vector, ...] = field(default=(), repr=False)
    weights: Mapping[int, float] = field(default_factory=dict)
    wanted: Mapping[int, KnownLabel] = field(default_factory=dict)
    words: Mapping[int, Sequence[str]] = field(default_factory=dict)
    said: Sequence[SaidLabel] = ()
    things: Sequence[Mapping[int, float]] = ()
    windows: bool = False
    whole: Whole | None = None
    own: tuple[str, frozenset[int]] | None = None

    @property
    def by_labels(self) -> bool:
        """Whether labels are compared, else vectors."""
        return self.space is None

    @property
    def by_windows(self) -> bool:
        """Whether windows are compared, else the vectors of whole tracks."""
        return self.windows or self.by_labels or self.unit is SearchUnit.MOMENT


def by_vector(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    """A search by a vector of the client's own.

    Raises ``InvalidRequest`` for an unknown space, and for a vector of another size or without a direction.
    """
    assert request.vector is not None
    space = read_space(session, state, owner_id, request.space, filters.stem)
    vector = unit_vector(request.vector)
    understood = UnderstoodQuery(by="vector", way="sound", space=_ref(space))
    return Query(owner_id, request.unit, filters, understood, space, (vector,))


def by_track(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    """A search by a track of the owner's, or by a stretch of it.

    Raises:
        NotFound: there is no such track, or what is compared is not embedded yet; the error says what to run.
        SilentRecording: what is compared is silent.
        InvalidRequest: the stretch lies outside of the recording, or the space is unknown.
    """
    assert request.track_id is not None
    track = get_track(session, owner_id, request.track_id)
    space = space_of(session, state, owner_id, track.id, request.space, filters.stem)
    if request.unit is SearchUnit.MOMENT or request.start_s is not None or request.end_s is not None:
        named = named_spaces(session, state, owner_id, request.space)
        space = _with_windows(session, track.id, filters.stem, (space, *named))
    understood = UnderstoodQuery(by="track", way="sound", space=_ref(space))
    others = replace(filters, without=[track.id])
    if request.start_s is not None or request.end_s is not None:
        windows = _stretch(session, request, track, space, filters.stem)
        understood.stretches = [_stretch_of(windows)]
        query = Query(owner_id, request.unit, others, understood, space, (_mean(windows, request),))
        if request.unit is SearchUnit.TRACK:
            return query
        return replace(query, filters=filters, own=(track.id, frozenset(window.position for window in windows)))
    search = search_from(session, owner_id, track.id, space, filters.stem)
    whole = Whole(track.id, search) if request.unit is SearchUnit.TRACK else None
    return Query(owner_id, request.unit, others, understood, space, (search.vector,), whole=whole)


def by_clip(
    session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters, clip: Clip
) -> Query:
    """A search by the recording that was sent.

    Raises:
        NotFound: it is a track of the owner's that is not embedded in the space.
        SilentRecording: it is silent.
        InvalidRequest: the space is unknown.
    """
    space = space_of(session, state, owner_id, clip.track_id, request.space)
    try:
        search = search_from(session, clip.owner_id, clip.track_id, space)
    except SilentRecording as error:
        raise SilentRecording("file: it is silent: nothing sounds like it, and it cannot be searched by") from error
    except NotFound as error:
        raise NotFound(f"file: no worker embedded it under {space.model!r}; do they serve that model?") from error
    understood = UnderstoodQuery(by="file", way="sound", space=_ref(space))
    vectors: tuple[Vector, ...] = (search.vector,)
    unit = request.unit
    chosen = _strongest(session, clip, space)
    if len(chosen) > _FEW_WINDOWS and (unit is SearchUnit.MOMENT or clip.duration_s > _LONG_S):
        understood.stretches = [Stretch(start_s=window.start_s, end_s=window.end_s) for window in chosen]
        understood.notes = [
            f"the file lasts {clip.duration_s:,.0f} s: its {len(chosen)} strongest windows were compared"
        ]
        rows = [window.vector for window in chosen]
        vectors = tuple(rows) if unit is SearchUnit.MOMENT else (_unit(np.sum(rows, axis=0, dtype=np.float64)),)
    # The recording is compared with all tracks of the owner's, also with itself where it is one of them.
    whole = Whole(clip.track_id, search._replace(owner_id=owner_id, track_id=""))
    return Query(owner_id, unit, filters, understood, space, vectors, whole=whole if unit is SearchUnit.TRACK else None)


def unit_vector(numbers: list[float]) -> Vector:
    """A vector of length 1. Raises ``InvalidRequest`` for another size than that of embeddings, and for zeros."""
    if len(numbers) != EMBEDDING_DIM:
        raise InvalidRequest.field("vector", f"has {len(numbers)} numbers; vectors have {EMBEDDING_DIM}")
    vector = np.array(numbers, np.float64)
    largest = np.abs(vector).max()
    if largest == 0.0:
        raise InvalidRequest.field("vector", "has no direction: all its numbers are 0")
    return _unit(vector / largest)


def _with_windows(session: Session, track_id: str, stem: str, spaces: Sequence[Space]) -> Space:
    """The first space in which the track has windows; else the first: a space of an earlier release has none."""
    known = ((space, space_id_of(session, space)) for space in spaces)
    there = (space for space, id_ in known if id_ is not None and has_windows(session, track_id, id_, stem))
    return next(there, spaces[0])


def _stretch(session: Session, request: SearchRequest, track: TrackRow, space: Space, stem: str) -> list[KeptWindow]:
    """The windows of the stretch that was asked about, at least one."""
    start_s = request.start_s or 0.0
    end_s = track.duration_s if request.end_s is None else request.end_s
    if start_s >= track.duration_s:
        raise InvalidRequest.field("start_s", f"the recording ends at {track.duration_s:.3f} s")
    if end_s > track.duration_s + _SLACK_S:
        raise InvalidRequest.field("end_s", f"the recording ends at {track.duration_s:.3f} s")
    space_id = space_id_of(session, space)
    if space_id is None or not has_windows(session, track.id, space_id, stem):
        # It says what to run where there is no vector either, and that it is silent where that is why.
        search_from(session, track.owner_id, track.id, space, stem)
        raise NotFound(
            f"track {track.id!r} has no windows under {space.model!r}; run a job with the task 'embed' and its option "
            "embed.windows"
        )
    windows = windows_between(session, track.id, space_id, stem, start_s, end_s)
    if not windows:
        raise SilentRecording(
            f"start_s: from {start_s:g} s to {end_s:g} s the recording is silent: nothing sounds like it"
        )
    return windows


def _mean(windows: Sequence[KeptWindow], request: SearchRequest) -> Vector:
    """The mean of windows, weighted by how much of the stretch they overlap."""
    start_s, end_s = request.start_s or 0.0, request.end_s or np.inf
    # Windows' times are kept in single precision: one that only touches may overlap by less than nothing.
    overlaps = [max(min(window.end_s, end_s) - max(window.start_s, start_s), _LEAST_OVERLAP_S) for window in windows]
    return _unit(np.average([window.vector.astype(np.float64) for window in windows], axis=0, weights=overlaps))


def _stretch_of(windows: Sequence[KeptWindow]) -> Stretch:
    return Stretch(start_s=windows[0].start_s, end_s=windows[-1].end_s)


def _strongest(session: Session, clip: Clip, space: Space) -> list[KeptWindow]:
    """Windows of a clip in which labels are most probable, and which differ, in order of time."""
    space_id = space_id_of(session, space)
    if space_id is None:
        return []
    strongest = strongest_windows(session, clip.track_id, space_id, WHOLE_TRACK, _MOST_STRONGEST)
    chosen = strongest[:1]
    while len(chosen) < min(_MOST_CHOSEN, len(strongest)):
        taken = {window.position for window in chosen}
        left = [window for window in strongest if window.position not in taken]
        chosen.append(min(left, key=lambda window: max(float(window.vector @ other.vector) for other in chosen)))
    return sorted(chosen)


def _unit(vector: NDArray[np.float64]) -> Vector:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _ref(space: Space) -> ModelRef:
    return ModelRef(name=space.model, digest=space.digest)
