"""What can be seen of a track, under ``/v1/tracks/{id}``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from phonoscope.audio.waveform import MOST_POINTS
from phonoscope.contract import Job, Peaks
from phonoscope.states import TaskName
from phonoscope_gateway.pictures.service import read_waveform
from phonoscope_gateway.problems import kept_problem
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/tracks", tags=["tracks"])

_RETRY_AFTER_S = "1"


@router.get(
    "/{track_id}/waveform",
    response_model=Peaks,
    responses={202: {"model": Job, "description": "The job that measures it; ask again when it has ended"}},
)
def read_track_waveform(
    track_id: str,
    request: Request,
    state: StateDep,
    caller: CallerDep,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS, description="how many points at most")] = 1_000,
) -> Peaks | Response:
    """The recording's outline. A worker measures it once; before, the answer is the job that does.

    When that job failed, the answer is its problem; a `describe` job of yours tries again.
    """
    found = read_waveform(state, caller.owner_id, track_id, points)
    if isinstance(found, Peaks):
        return found
    error = found.task(TaskName.DESCRIBE).error
    if error is not None:
        return kept_problem(error, request.url.path)
    headers = {"Location": f"/v1/jobs/{found.id}", "Retry-After": _RETRY_AFTER_S}
    return Response(found.model_dump_json(), status.HTTP_202_ACCEPTED, headers, "application/json")
