"""The calls for parts of a track's pictures and of its sound, under ``/v1/tracks/{id}``."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Response

from phonoscope.audio.encode import FLAC
from phonoscope.audio.mel_power import WINDOWS
from phonoscope.audio.pyramid import OUTLINE, SPECTROGRAM
from phonoscope.contract import SpectrogramLevels, WaveformLevels
from phonoscope.errors import TooManyTiles
from phonoscope.requests import WholeText
from phonoscope_gateway.pictures.levels import DRAWING, Source, levels, source_of, version_of
from phonoscope_gateway.pictures.view import UNTIL_MEASURED, PictureRequestDep
from phonoscope_gateway.problems import KEYED, problems

router = APIRouter(prefix="/v1/tracks", tags=["tracks"], responses=KEYED)

_NPY, _PNG, _JSON = "application/x-npy", "image/png", "application/json"
_DEEPEST, _MOST_TILES = 40, 1 << 40
_FACTS = 2
"""Raised when `levels` says more of a picture than before."""
_FOR_GOOD = "private, max-age=31536000, immutable"

LevelPath = Annotated[WholeText, Path(ge=0, le=_DEEPEST, description="one of those that `levels` lists")]
NumberPath = Annotated[WholeText, Path(ge=0, le=_MOST_TILES, description="the tile's, from 0 at the start")]
VersionQuery = Annotated[
    str | None, Query(max_length=64, description="the `version` of `levels`: then the answer may be kept for good")
]
WindowQuery = Annotated[
    WholeText | None,
    Query(
        description="samples in the window of each frame, one of the `windows` of `levels`, up to `windowed_level`: "
        "longer ones tell pitches apart, shorter ones moments",
        json_schema_extra={"enum": list(WINDOWS)},
    ),
]


def _tile(media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {**UNTIL_MEASURED, 200: {"content": content}, **problems(TooManyTiles)}


@router.get("/{track_id}/waveform/levels", response_model=WaveformLevels, responses=UNTIL_MEASURED)
def read_waveform_levels(track_id: str, view: PictureRequestDep) -> Response:
    """At which resolutions parts of the outline can be read.

    A worker measures it once; before, the answer is the job.
    """
    return _levels(view, track_id, OUTLINE)


@router.get("/{track_id}/spectrogram/levels", response_model=SpectrogramLevels, responses=UNTIL_MEASURED)
def read_spectrogram_levels(track_id: str, view: PictureRequestDep) -> Response:
    """At which resolutions parts of the spectrogram can be read.

    A worker measures it once; before, the answer is the job.
    """
    return _levels(view, track_id, SPECTROGRAM)


@router.get("/{track_id}/waveform/tiles/{level}/{number}", response_class=Response, responses=_tile(_NPY))
async def read_waveform_tile(
    track_id: str, level: LevelPath, number: NumberPath, view: PictureRequestDep, version: VersionQuery = None
) -> Response:
    """A part of the outline: the lowest and the highest of each `4 ** level` samples, at level 0 the samples.

    The answer is a NumPy array (`.npy`), `(items, 2)`, float16, full scale at 1.
    """
    return await _part(view, track_id, OUTLINE, level, number, version)


@router.get("/{track_id}/spectrogram/tiles/{level}/{number}", response_class=Response, responses=_tile(_PNG))
async def read_spectrogram_tile(
    track_id: str,
    level: LevelPath,
    number: NumberPath,
    view: PictureRequestDep,
    version: VersionQuery = None,
    window: WindowQuery = None,
) -> Response:
    """A part of the spectrogram as a grey PNG, a column for each `4 ** level` samples, the lowest band at the bottom.

    Below what is kept, frames have shorter windows the finer the level: time is sharper then, and pitch less so. With
    `window` all of them have the same; the recording is decoded for it, to some minutes in one tile.
    """
    return await _part(view, track_id, SPECTROGRAM, level, number, version, window)


@router.get("/{track_id}/audio/parts/{number}", response_class=Response, responses=_tile(FLAC.media_type))
async def read_audio_part(track_id: str, number: NumberPath, view: PictureRequestDep) -> Response:
    """The recording's sound from `number` times 30 s on, for 30.25 s: each sample is where all tasks have it.

    FLAC of 16 bits, left and right, at the recording's rate, which is 384 kHz at most. The recording is decoded for it,
    up to `detail_end_s` of the waveform's `levels`.
    """
    source = await _source(view, track_id, OUTLINE)
    if isinstance(source, Response):
        return source
    tag = f'"{version_of(source.row)}.sound.{number}"'
    if view.has(tag):
        return view.unchanged(tag)
    source.check_sound(number)
    content = None if view.head else await source.sound(number, view.caller.counts_as)
    return Response(content, headers=view.headers(tag), media_type=FLAC.media_type)


async def _source(view: PictureRequestDep, track_id: str, kind: str) -> Source | Response:
    """A track's picture; until it is measured, the answer."""
    found = await to_thread.run_sync(view.find, track_id, kind)
    if isinstance(found, Response):
        return found
    return await to_thread.run_sync(source_of, view.state, view.caller.owner_id, found, view.audio_track)


def _levels(view: PictureRequestDep, track_id: str, kind: str) -> Response:
    found = view.find(track_id, kind)
    if isinstance(found, Response):
        return found
    tag = f'"{found.id}.{DRAWING}.levels.{_FACTS}"'
    if view.has(tag):
        return view.unchanged(tag)
    source = source_of(view.state, view.caller.owner_id, found, view.audio_track)
    return Response(levels(source).model_dump_json(), headers=view.headers(tag), media_type=_JSON)


async def _part(
    view: PictureRequestDep,
    track_id: str,
    kind: str,
    level: int,
    number: int,
    version: str | None,
    window: int | None = None,
) -> Response:
    found = await to_thread.run_sync(view.find, track_id, kind)
    if isinstance(found, Response):
        return found
    tag = f'"{version_of(found)}.{level}.{number}{f".{window}" if window else ""}"'
    headers = view.headers(tag) | {"Vary": "Authorization, Cookie"}
    if version == version_of(found):
        headers["Cache-Control"] = _FOR_GOOD
    if view.has(tag):
        return view.unchanged(tag)
    source = await to_thread.run_sync(source_of, view.state, view.caller.owner_id, found, view.audio_track)
    source.span(level, number, window)
    media_type = _NPY if kind == OUTLINE else _PNG
    if view.head:
        return Response(None, headers=headers, media_type=media_type)
    content = await source.tile(level, number, view.caller.counts_as, window)
    return Response(content, headers=headers, media_type=media_type)
