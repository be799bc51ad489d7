"""What a recording's file says of itself: its audio tracks and its tags."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

LONGEST_TAG = 300
LONGEST_COMMENT = 2_000
MOST_AUDIO_TRACKS = 64


class AudioTrack(BaseModel):
    """One of the audio tracks in a file."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=0, description="its place among the file's audio tracks, from 0: for `options.audio_track`")
    codec: str | None = Field(max_length=100, description="null where it cannot be decoded")
    sample_rate_hz: int = Field(ge=0)
    channels: int = Field(ge=0)
    default: bool = Field(description="whether the file marks it to be played when nobody chooses")
    language: str | None = Field(None, max_length=LONGEST_TAG, description="as the file has it, such as `deu`")
    title: str | None = Field(None, max_length=LONGEST_TAG)
    duration_s: float | None = Field(None, ge=0.0, allow_inf_nan=False, description="as the file states it; else null")


class Tags(BaseModel):
    """What the file's tags say of the recording, without control characters; null for what they leave out."""

    model_config = ConfigDict(frozen=True)

    title: str | None = Field(None, max_length=LONGEST_TAG)
    artist: str | None = Field(None, max_length=LONGEST_TAG)
    album: str | None = Field(None, max_length=LONGEST_TAG)
    album_artist: str | None = Field(None, max_length=LONGEST_TAG)
    date: str | None = Field(None, max_length=LONGEST_TAG, description="as it is written there, such as `1967`")
    genre: str | None = Field(None, max_length=LONGEST_TAG)
    track_number: int | None = Field(None, ge=0, le=99_999)
    comment: str | None = Field(None, max_length=LONGEST_COMMENT)
