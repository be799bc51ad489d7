"""``describe``: tempo, metre, beats, key, tuning, loudness and balance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phonoscope.audio.profiles import reference_profiles
from phonoscope.errors import InvalidRequest
from phonoscope.links import ArtifactLink
from phonoscope.requests import Name
from phonoscope.states import Pool, TaskName
from phonoscope.tasks.spec import Cost, Part, RequestContext, TaskOptions, TaskResult, TaskSpec

MOST_INLINE_BEATS = 2_000
"""Beats that a result lists; those of a longer recording are in its artifact only."""


class DescribeOptions(TaskOptions):
    genre: Name | None = Field(
        None, description="whose reference profile the balance is compared with; the recognised genre when left out"
    )


class EnergyBand(Part):
    """A band of frequencies and its share of the energy."""

    name: str
    low_hz: float
    high_hz: float | None = Field(description="null where the band has no upper edge")
    share: float = Field(description="from 0 to 1; all bands together have 1, or 0 in silence")


class BandLevel(Part):
    """A band's part of the energy, in decibels."""

    name: str
    level_db: float | None = Field(description="null where the recording's rate has no such band")


class BandDifference(Part):
    """How far a band is above a profile."""

    name: str
    difference_db: float | None
    spread_db: float | None = Field(
        None, description="the standard deviation of the genre's recordings: a band that is further away stands out"
    )


class TempoCandidate(Part):
    """A tempo that the recording may have."""

    bpm: float
    strength: float = Field(description="from 0 to 1: how likely it is among all tempos")


class KeyCandidate(Part):
    """A key that the recording may be in."""

    name: str
    strength: float = Field(description="from 0 to 1: how likely it is among all keys")


class Reference(Part):
    """The recording's balance against that of a genre."""

    genre: str
    named: bool = Field(description="whether the request named it; otherwise it was recognised")
    source: str
    bands: list[BandDifference]
    reading: str


class ChannelPeak(Part):
    """The true peak of one channel."""

    channel: str | None = Field(
        description="its speaker: `FL` is front left, `FC` the centre, `LFE` low-frequency effects, `SL` and `BL` are "
        "left beside and behind; null where it is not known"
    )
    peak_dbfs: float | None = Field(description="null in silence")


class SoundGap(Part):
    """A stretch in which the recording has no sound, by its file's time stamps; it is silence to every task."""

    start_s: float
    end_s: float


class DescribeResult(TaskResult):
    """The recording in figures."""

    task: Literal["describe"] = "describe"
    tempo_bpm: float | None = Field(description="null where no beat was found")
    tempo_confidence: float = Field(description="from 0 to 1: how strongly onsets repeat from beat to beat")
    tempo_candidates: list[TempoCandidate] = Field(
        default=[], description="`tempo_bpm` and up to three others, the likeliest first; none without a beat"
    )
    metre: str | None = Field(
        None, description="`4/4`, `3/4`, `6/8` or `5/4`; null where it is not clear", examples=["3/4"]
    )
    beat_count: int = 0
    beats_s: list[float] | None = Field(
        None, description=f"when the beats are; null when there are more than {MOST_INLINE_BEATS:,}: see `beats`"
    )
    downbeats_s: list[float] | None = Field(
        None, description="those of the beats that start a bar, none where the metre is not clear; null as `beats_s` is"
    )
    key: str | None = Field(description="null in less than 3 s of sound, and where nothing is tonal")
    key_confidence: float = Field(description="from 0 to 1: the lead of the key over the next one")
    key_runner_up: KeyCandidate | None = Field(None, description="the next likely key")
    tuning_cents: float | None = Field(
        None, description="how far the recording is above A4 = 440 Hz, from -50 to 50; null without a key"
    )
    loudness_lufs: float | None = Field(description="integrated (ITU-R BS.1770-4, EBU R 128); null in silence")
    momentary_max_lufs: float | None = Field(None, description="the loudest 400 ms; null where loudness_lufs is")
    short_term_max_lufs: float | None = Field(None, description="the loudest 3 s; null also when it is shorter")
    loudness_range_lu: float | None = Field(None, description="EBU Tech 3342; null where short_term_max_lufs is")
    true_peak_dbfs: float | None = Field(description="of the highest channel; null in silence")
    true_peaks_dbfs: list[ChannelPeak] = Field(default_factory=list, description="of each channel, in the file's order")
    onset_rate_hz: float
    centroid_hz: float | None
    bands: list[EnergyBand]
    levels: list[BandLevel] = Field(description="of the energy up to 11,025 Hz; none in silence")
    silence_share: float
    clipping_share: float
    duration_s: float
    gaps: list[SoundGap] = Field(
        default_factory=list, description="the first 1,000 of those that last 0.1 s and more", max_length=1_000
    )
    warnings: list[str]
    reference: Reference | None = Field(
        None, description="against the genre named, else the recognised one; null where there is no profile for it"
    )
    waveform: ArtifactLink | None = Field(None, description="the outline as arrays (npz)")
    spectrogram: ArtifactLink | None = Field(None, description="the mel spectrogram as arrays (npz)")
    waveform_pyramid: ArtifactLink | None = Field(
        None, description="the outline at several resolutions; read it by `/waveform/tiles`"
    )
    spectrogram_pyramid: ArtifactLink | None = Field(
        None, description="the mel spectrogram at several resolutions; read it by `/spectrogram/tiles`"
    )
    seek_points: ArtifactLink | None = Field(
        None,
        description="where parts of the recording can be decoded from; null where its format needs none, or has none",
    )
    playback: ArtifactLink | None = Field(
        None,
        description=(
            "a copy for browsers, Opus in Ogg with the gaps as silence, which players pass over; "
            "null where there are no gaps and browsers play the recording itself"
        ),
    )
    beats: ArtifactLink | None = Field(
        None, description="all beats as arrays (npz), `beats_s` and `downbeats_s`; null where there are none"
    )


def _check(options: DescribeOptions, _asked: RequestContext) -> None:
    known = reference_profiles().genres
    if options.genre is not None and options.genre not in known:
        raise InvalidRequest.choice("options.describe.genre", options.genre, known)


Describe = TaskSpec(
    TaskName.DESCRIBE,
    pool=Pool.CPU,
    cost=Cost(0.2, 0.03),
    options=DescribeOptions,
    result=DescribeResult,
    revision=8,
    # A genre's profile is compared whenever the result is read, since the genre may be recognised later.
    unkeyed=frozenset({"genre"}),
    check=_check,
)
