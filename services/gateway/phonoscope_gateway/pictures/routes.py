"""The calls for a track's pictures, under ``/v1/tracks/{id}``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from phonoscope.audio import spectrogram, waveform
from phonoscope.audio.spectrogram import MelSpectrogram
from phonoscope.audio.waveform import MOST_POINTS, Waveform
from phonoscope.contract import Peaks, SpectrogramAxes, SpectrogramLook
from phonoscope.errors import NotAcceptable
from phonoscope.requests import WholeText
from phonoscope_gateway.accept import negotiate
from phonoscope_gateway.audio_tracks import AudioTrackQuery
from phonoscope_gateway.pictures.drawing import draw
from phonoscope_gateway.pictures.service import axes, peaks
from phonoscope_gateway.pictures.view import UNTIL_MEASURED, PictureRequestDep
from phonoscope_gateway.problems import KEYED, problems

router = APIRouter(prefix="/v1/tracks", tags=["tracks"], responses=KEYED)

_JSON, _PNG = "application/json", "image/png"
_AS_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {_PNG: {"schema": {"type": "string", "format": "binary"}}}}
}


class SpectrogramQuery(SpectrogramLook):
    """A picture's look, and which audio track it is of, which ``PictureRequestDep`` reads too."""

    audio_track: AudioTrackQuery = None


@router.get("/{track_id}/waveform", response_model=Peaks, responses=UNTIL_MEASURED)
def read_track_waveform(
    track_id: str,
    view: PictureRequestDep,
    points: Annotated[WholeText, Query(ge=1, le=MOST_POINTS, description="how many points at most")] = 1_000,
) -> Response:
    """The recording's outline. A worker measures it once; before, the answer is the job that does.

    When that job failed, the answer is its problem; a `describe` job of yours tries again.
    """

    def outline(content: bytes) -> str:
        return peaks(track_id, Waveform.from_npz(content), points).model_dump_json()

    return view.respond(track_id, waveform.KIND, _JSON, outline)


@router.get(
    "/{track_id}/spectrogram",
    response_model=SpectrogramAxes,
    responses={**UNTIL_MEASURED, **_AS_PNG, **problems(NotAcceptable)},
)
def read_track_spectrogram(
    track_id: str, request: Request, view: PictureRequestDep, look: Annotated[SpectrogramQuery, Query()]
) -> Response:
    """The recording's mel spectrogram: a bare PNG, or with `Accept: application/json` the axes of that very picture.

    Low frequencies are at the bottom. A worker measures it once; before, the answer is the job that does. When that job
    failed, the answer is its problem; a `describe` job of yours tries again.
    """
    media_type = negotiate(",".join(request.headers.getlist("accept")), (_PNG, _JSON))

    def picture(content: bytes) -> bytes | str:
        found = MelSpectrogram.from_npz(content)
        return draw(found, look) if media_type == _PNG else axes(track_id, found, look).model_dump_json()

    response = view.respond(track_id, spectrogram.KIND, media_type, picture)
    response.headers["Vary"] = "Accept"
    return response
