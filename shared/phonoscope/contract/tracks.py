"""Tracks, their pictures, their stems and their neighbours."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from phonoscope.audio.facts import AudioTrack, Tags
from phonoscope.filenames import LONGEST as LONGEST_FILENAME
from phonoscope.links import ArtifactLink, SignedLink
from phonoscope.requests import DecimalText, QueryModel, RequestModel, WholeText
from phonoscope.tasks.separate import Stem
from phonoscope.written import clean_line, clean_text

LONGEST_NOTES = 4_000
Item = TypeVar("Item")
TrackName: TypeAlias = Annotated[
    str,
    AfterValidator(partial(clean_line, longest=LONGEST_FILENAME, what="name")),
    Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_FILENAME}, description="one line"),
]
Notes: TypeAlias = Annotated[
    str,
    AfterValidator(partial(clean_text, longest=LONGEST_NOTES, what="note")),
    Field(json_schema_extra={"maxLength": LONGEST_NOTES}),
]
ColourMap: TypeAlias = Literal["magma", "viridis", "inferno", "plasma", "cividis", "gray"]


class Page(BaseModel, Generic[Item]):
    """Part of a list, newest first; ``next_cursor`` asks for the next part."""

    items: list[Item]
    next_cursor: str | None = None


class TrackFacts(BaseModel):
    """What the newest classification and description of a recording say of it, in a few words."""

    kind: str | None = Field(None, description="what it mostly is, where `auto` chose the model; else null")
    tempo_bpm: float | None = Field(None, description="null where no beat was found")
    key: str | None = Field(None, description="null where nothing is tonal")


class Track(BaseModel):
    """An uploaded recording."""

    id: str
    sha256: str
    filename: str
    name: str | None = Field(None, description="that you gave it, to be shown in place of title and file name")
    notes: str = Field("", description="yours; nobody sees them by a shared link")
    revision: int = Field(0, description="how often `name` and `notes` were changed; what `If-Match` names")
    size_bytes: int
    media_type: str
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    label: str | None = Field(
        description="the first label that you confirmed of the whole recording; else what the newest classification "
        "recognised, unless you rejected it; null before, or when unknown"
    )
    label_confirmed: bool = Field(False, description="whether you confirmed `label`")
    labels: dict[str, list[str]] = Field(
        description="the newest labels by each model, the most probable first: the label that it recognised, or, where "
        "several can hold, all that are above their thresholds; without models to which the track is unknown. Those "
        "that you rejected are left out; those that you confirmed come first, or alone where only one can hold"
    )
    probabilities: dict[str, float] = Field(
        default_factory=dict,
        description="by model, how probable the first of its `labels` is; none where you confirmed another one, of "
        "answers of earlier releases, and of labels that a classifier of your own gave when it was applied",
    )
    classified_by: list[str] = Field(
        default_factory=list,
        description="the models that have classified it, the newest first, also those that recognised nothing; none "
        "before the first classification",
    )
    classification_failed: bool = Field(
        False, description="whether the newest classification that was tried failed; false once its job is erased"
    )
    confirmed: list[str] = Field(default_factory=list, description="what you confirmed of the whole recording")
    rejected: list[str] = Field(default_factory=list, description="what you rejected of the whole recording")
    confirmed_in_parts: list[str] = Field(default_factory=list, description="what you confirmed of parts of it alone")
    warnings: list[str] = Field(description="what is wrong with the recording though it can be analysed")
    audio_track: int = Field(
        0, description="the index of the audio track that is read, of which all above is, when a job names no other"
    )
    audio_tracks: list[AudioTrack] = Field(
        default_factory=list, description="all audio tracks of the file; empty for tracks of earlier releases"
    )
    facts: TrackFacts | None = Field(None, description="in lists that were asked for with `facts`; else null")
    tags: Tags = Field(default_factory=Tags, description="what the file says of itself")
    cover: ArtifactLink | None = Field(None, description="the file's cover, as a JPEG of at most 512 by 512 pixels")
    created_at: datetime
    audio: SignedLink = Field(description="the recording's bytes, with ranges: what a player needs")

    @property
    def shown_name(self) -> str:
        """The name that its owner gave it, else the file's."""
        return self.name or self.filename


class TrackChange(RequestModel):
    """What to change of a recording; what is left out stays. A name of ``null`` is the file's own again."""

    name: TrackName | None = None
    notes: Notes | None = Field(None, description="`null` removes them")


class Peaks(BaseModel):
    """A recording's outline, to be drawn: of each of many points its start, lowest and highest value, and RMS."""

    track_id: str
    duration_s: float
    sample_rate_hz: int
    start_s: list[float]
    min: list[float] = Field(description="of the mean of the channels; full scale is 1")
    max: list[float]
    rms: list[float]


class SpectrogramLook(QueryModel):
    """The look of a mel spectrogram's picture."""

    width: WholeText = Field(1_000, ge=16, le=4_000, description="pixels")
    height: WholeText = Field(256, ge=16, le=2_048, description="pixels")
    colour_map: ColourMap = Field("magma", description="from dark to bright, as matplotlib names them")
    range_db: DecimalText = Field(
        80.0, ge=1.0, le=127.5, description="levels further below the loudest one are as dark as silence"
    )


class SpectrogramAxes(BaseModel):
    """How to read a mel spectrogram's picture."""

    track_id: str
    duration_s: float = Field(description="from the picture's left edge to its right")
    sample_rate_hz: int
    start_s: list[float] = Field(description="when each of the picture's columns starts")
    centre_hz: list[float] = Field(description="where each band is most sensitive, from low to high")
    edge_hz: list[float] = Field(
        description="one more than there are bands: the first is the picture's lower edge, the last its upper, "
        "and those between bands are at equal distances"
    )
    floor_dbfs: float = Field(description="the level of the darkest colour; what is quieter looks the same")
    ceiling_dbfs: float = Field(
        description="the level of the brightest colour, the loudest one; 0 is the power of a full-scale sine"
    )
    colour_map: ColourMap


class TileLevel(BaseModel):
    """One resolution of a picture, cut into tiles."""

    level: int = Field(description="in the tiles' path; an item of level n is for 4 ** n samples")
    items: int = Field(description="of the whole recording")
    tiles: int


class PictureLevels(BaseModel):
    """The resolutions at which parts of a track's picture can be read."""

    track_id: str
    version: str = Field(description="what a tile's `version` has to be for its answer to be kept for good")
    samples: int = Field(description="of the recording at its first sampling rate")
    sample_rate_hz: int
    duration_s: float
    tile_items: int = Field(description="items in a tile; the last one of a level may have fewer")
    levels: list[TileLevel] = Field(description="the finest first; the last one has a single tile")
    kept_level: int = Field(description="the finest level that can be read of all of the recording")
    detail_end_s: float = Field(description="until where finer levels can be read, in seconds; 0 where they cannot")


class WaveformLevels(PictureLevels):
    """The resolutions of an outline. A tile is a NumPy array (`.npy`), `(items, 2)`, float16: lowest and highest."""

    peak: float = Field(description="the largest distance from zero of any sample; full scale is 1")


class SpectrogramLevels(PictureLevels):
    """The resolutions of a mel spectrogram. A tile is a grey PNG, a column for each item, low bands at the bottom.

    A pixel of value v is a level of `lowest_dbfs + v * step_db`.
    """

    centre_hz: list[float] = Field(description="where each band is most sensitive, from low to high")
    edge_hz: list[float] = Field(description="one more than there are bands")
    loudest_dbfs: float
    lowest_dbfs: float
    step_db: float
    windows: list[int] = Field(description="what a tile's `window` can be, in samples; none if parts are not decoded")
    windowed_level: int = Field(description="the coarsest level whose tiles can have a `window`")


class Stems(BaseModel):
    """The stems of a recording's newest separation."""

    model_config = ConfigDict(extra="allow")

    track_id: str
    job_id: str
    model: dict[str, str]
    sample_rate_hz: int
    stems: list[Stem]


class Copy(BaseModel):
    """A track that is the same recording as another one, in whatever format."""

    track: Track
    similarity: float = Field(ge=-1.0, le=1.0, description="to the track that was asked about, as of a neighbour")


class Neighbour(BaseModel):
    """A track that sounds alike."""

    track: Track
    similarity: float = Field(ge=-1.0, le=1.0, description="cosine of the angle between the embeddings")
    is_copy: bool = Field(
        False, description="whether it is the same recording as the track that was asked about: these come first"
    )
    copies: list[Copy] = Field(
        default_factory=list,
        description="tracks that are the same recording as this one, less similar, which have no item of their own; "
        "empty where `is_copy`, since each copy of the track that was asked about is an item",
    )


class Neighbours(Page[Neighbour]):
    """The track's copies, and after them the tracks that sound most alike, both the most similar first."""

    outdated: int = Field(
        0,
        description="other tracks that were left out, since only another space of the model has them",
    )
    silent: int = Field(0, description="other tracks that were left out, since they are silent")
