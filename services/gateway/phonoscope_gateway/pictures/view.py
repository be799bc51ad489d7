"""The answer to every request for a track's picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, status

from phonoscope.contract import Job
from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidRequest, NotARecording, NotFound, OutdatedResult, UndecodableRecording
from phonoscope.states import TaskName
from phonoscope_gateway.audio_tracks import AudioTrackQuery
from phonoscope_gateway.pictures.service import find_picture, peek_at_picture
from phonoscope_gateway.problems import FAILED, kept_problem, problems
from phonoscope_gateway.state import CallerDep, HeadDep, State, StateDep

UNTIL_MEASURED: dict[int | str, dict[str, Any]] = {
    202: {"model": Job, "description": "The job that measures it; ask again when it has ended"},
    304: {"description": "It is what you have"},
    **problems(NotFound, NotARecording, InvalidRequest, UndecodableRecording, OutdatedResult),
    **FAILED,
}
"""The documented responses of a call for a picture."""
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
        """The picture drawn from a track's artifact: 304 when the client has it, else as ``find`` where there is none.

        Args:
            draw: makes the representation with this media type from the artifact's content.

        Raises as ``find`` does, and ``StoreUnavailable``.
        """
        found = self.find(track_id, kind)
        if isinstance(found, Response):
            return found
        tag = f'"{found.id}.{media_type.rpartition("/")[2]}"'
        if self.has(tag):
            return self.unchanged(tag)
        content = self.state.store.read_bytes(found.object_key, 0, found.size_bytes)
        return Response(draw(content), headers=self.headers(tag), media_type=media_type)

    def find(self, track_id: str, kind: str) -> ArtifactRow | Response:
        """A track's artifact; until it is made, the answer: 202 with the job, or the problem when that job failed.

        A request for the headers alone makes no job, and neither does one by a shared link, which finds nothing then.

        Raises:
            NotFound: the track is not this owner's.
            InvalidRequest: it has no such audio track.
            Unavailable: the database is down.
        """
        shared = self.caller.track_id is not None
        find = peek_at_picture if self.head or shared else find_picture
        found = find(self.state, self.caller, track_id, kind, self.audio_track)
        if shared and not isinstance(found, ArtifactRow):
            raise NotFound("it is not measured yet")
        if found is None:
            return Response(None, status.HTTP_202_ACCEPTED, {"Retry-After": _RETRY_AFTER_S})
        return self._not_yet(found) if isinstance(found, Job) else found

    def has(self, tag: str) -> bool:
        """Whether the client says that it has the representation with this entity tag."""
        return self.if_none_match is not None and tag in self.if_none_match

    def unchanged(self, tag: str) -> Response:
        return Response(None, status.HTTP_304_NOT_MODIFIED, self.headers(tag))

    def headers(self, tag: str) -> dict[str, str]:
        return {"ETag": tag, "Cache-Control": "private, no-cache"}

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
