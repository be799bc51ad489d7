"""The answer to every request for a track's picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response, status

from phonoscope.contract import Job
from phonoscope.db.service.keys import Caller
from phonoscope.states import TaskName
from phonoscope_gateway.audio_tracks import AudioTrackQuery
from phonoscope_gateway.pictures.service import find_picture, peek_at_picture, read_picture
from phonoscope_gateway.problems import kept_problem
from phonoscope_gateway.state import CallerDep, HeadDep, State, StateDep

_RETRY_AFTER_S = "1"


@dataclass(frozen=True)
class PictureRequest:
    """A request for a picture of a track."""

    state: State
    caller: Caller
    path: str
    if_none_match: str | None
    audio_track: int | None
    head: bool

    def respond(self, track_id: str, kind: str, media_type: str, draw: Callable[[bytes], bytes | str]) -> Response:
        """The picture drawn from a track's artifact: 304 when the client has it, 202 with the job until it is made.

        When that job failed, the answer is its problem. A request for the headers alone makes no job.

        Args:
            draw: makes the representation with this media type from the artifact's content.

        Raises:
            NotFound: the track is not this owner's.
            InvalidRequest: it has no such audio track.
            Unavailable: the database or the store is down.
        """
        find = peek_at_picture if self.head else find_picture
        found = find(self.state, self.caller, track_id, kind, self.audio_track)
        if found is None:
            return Response(None, status.HTTP_202_ACCEPTED, {"Retry-After": _RETRY_AFTER_S})
        if isinstance(found, Job):
            return self._not_yet(found)
        etag = f'"{found.id}.{media_type.rpartition("/")[2]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if self.if_none_match is not None and etag in self.if_none_match:
            return Response(None, status.HTTP_304_NOT_MODIFIED, headers)
        return Response(draw(read_picture(self.state, found)), status.HTTP_200_OK, headers, media_type)

    def _not_yet(self, job: Job) -> Response:
        error = job.task(TaskName.DESCRIBE).error
        if error is not None:
            return kept_problem(error, self.path)
        headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": _RETRY_AFTER_S}
        return Response(job.model_dump_json(), status.HTTP_202_ACCEPTED, headers, "application/json")


def get_picture_request(
    request: Request,
    state: StateDep,
    caller: CallerDep,
    head: HeadDep,
    if_none_match: Annotated[str | None, Header()] = None,
    audio_track: AudioTrackQuery = None,
) -> PictureRequest:
    return PictureRequest(state, caller, request.url.path, if_none_match, audio_track, head)


PictureRequestDep = Annotated[PictureRequest, Depends(get_picture_request)]
