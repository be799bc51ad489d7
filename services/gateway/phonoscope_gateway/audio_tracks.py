"""The parameter that names another audio track of a file than the track's own."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Query

from phonoscope.audio.facts import MOST_AUDIO_TRACKS
from phonoscope.requests import WholeText

AudioTrackQuery: TypeAlias = Annotated[
    WholeText | None,
    Query(
        ge=0, le=MOST_AUDIO_TRACKS - 1, description="the index of another audio track of the file than the track's own"
    ),
]
