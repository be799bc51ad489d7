"""The library as a whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phonoscope.contract import LibraryMap, MapPoint
from phonoscope.db.library.maps import count_missing, drawing_job, newest_map, placed_tracks
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/map", tags=["search"])


@router.get("")
def read_map(
    state: StateDep,
    caller: CallerDep,
    model: Annotated[str | None, Query(description="whose embeddings it is drawn from; the default model's")] = None,
) -> LibraryMap:
    """Your recordings on a plane, alike near alike, as they were drawn last by a job with the task `map`."""
    space, owner_id = state.space(model), caller.owner_id
    with state.database.transaction() as session:
        drawn = newest_map(session, owner_id, space.model)
        body = drawn.result.body if drawn is not None and drawn.result is not None else {}
        return LibraryMap(
            model=space.model,
            drawn_at=drawn.finished_at if drawn is not None else None,
            method=body.get("method"),
            trustworthiness=body.get("trustworthiness"),
            missing=count_missing(session, owner_id, space, drawn),
            job_id=drawing_job(session, owner_id, space.model),
            points=[
                MapPoint(track_id=track.id, filename=track.filename, label=label, duration_s=track.duration_s, x=x, y=y)
                for track, label, x, y in placed_tracks(session, owner_id, space.model)
            ],
        )
