"""A track's window vectors, as JSON and as NumPy's arrays."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from numpy.typing import NDArray

from phonoscope.contract import SpaceRef
from phonoscope.db.library.embeddings import own_space
from phonoscope.db.library.tracks import get_track
from phonoscope.db.service.keys import Caller
from phonoscope.db.spaces.listing import get_space
from phonoscope.db.spaces.vectors import WindowVectors, no_windows, row_of, window_vectors
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.state import State

_AT_ONCE = 64


def find_vectors(
    state: State, caller: Caller, track_id: str, space_id: int | None, model: str | None, stem: str | None
) -> WindowVectors:
    """The window vectors of a track in a space, else in the one in which the track is compared.

    Raises:
        NotFound: the track is not this owner's, there is no such space, or the track has no windows there.
        SilentRecording: the track, or its stem, is silent.
        UnknownModel: no such model is served.
    """
    which = stem or WHOLE_TRACK
    with state.database.transaction() as session:
        get_track(session, caller.owner_id, track_id)
        if space_id is not None:
            return window_vectors(session, caller.owner_id, track_id, get_space(session, space_id), which)
        served = state.spaces(caller.owner_id, model, session)
        space = own_space(session, caller.owner_id, track_id, served, which)
        row = row_of(session, space)
        if row is None:
            raise no_windows(track_id, space.model, which)
        return window_vectors(session, caller.owner_id, track_id, row, which)


def as_json(track_id: str, stem: str | None, found: WindowVectors) -> Iterator[str]:
    """The parts of a ``TrackVectors``: numbers have the five digits that half precision is told apart by."""
    space = SpaceRef(id=found.space.id, model=found.space.model, digest=found.space.digest)
    head = {"track_id": track_id, "stem": stem, "space": space.model_dump()}
    yield json.dumps(head)[:-1] + ', "windows": ['
    for start in range(0, len(found.positions), _AT_ONCE):
        end = min(start + _AT_ONCE, len(found.positions))
        yield (", " if start else "") + ", ".join(_window(found, index) for index in range(start, end))
    yield "]}"


def as_npy(values: NDArray[Any]) -> Iterator[bytes]:
    """The parts of a file in NumPy's format, which ``numpy.load`` reads without pickle."""
    head = io.BytesIO()
    write_array_header_1_0(head, header_data_from_array_1_0(values))
    yield head.getvalue()
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE].tobytes()


def _window(found: WindowVectors, index: int) -> str:
    start_s, end_s = (f"{value:.3f}" for value in found.spans_s[index].tolist())
    numbers = ", ".join(map("{:.5g}".format, found.vectors[index].tolist()))
    position = int(found.positions[index])
    return f'{{"position": {position}, "start_s": {start_s}, "end_s": {end_s}, "vector": [{numbers}]}}'
