"""Searches: by words, by a sound, by a stretch of a track, or by a vector."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from phonoscope.catalogue import Kind
from phonoscope.contract.metadata import Metadata
from phonoscope.contract.tracks import Page, Track
from phonoscope.links import SignedLink
from phonoscope.requests import Id, Moment, Name, RequestModel, StemName, text
from phonoscope.tasks.spec import ModelRef

LONGEST_TEXT = 500
MOST_FILTERED_LABELS = 16
LONGEST_CURSOR = 400
MOST_SECONDS = 1e6

Seconds: TypeAlias = Annotated[float, Field(ge=0.0, le=MOST_SECONDS)]
Words: TypeAlias = Annotated[str, text(LONGEST_TEXT)]
Cursor: TypeAlias = Annotated[str, text(LONGEST_CURSOR)]
Way: TypeAlias = Literal["sound", "meaning", "spelling", "clap"]


class SearchUnit(StrEnum):
    """What a search finds."""

    TRACK = "track"
    """Whole recordings, each once."""
    MOMENT = "moment"
    """Stretches of recordings; windows of one recording that touch are one moment."""


class LabelFilter(RequestModel):
    """A label that what is found must have."""

    label: Name
    model: Name | None = Field(None, description="whose label; any model's when left out")
    least_probability: float = Field(
        0.5,
        ge=0.03,
        le=1.0,
        description="in the moment that is found; of a track, in one of its windows. A label that a classifier of your "
        "own gave a track when it was applied is one of the whole track, by the classifier's thresholds. What you "
        "confirmed or rejected counts before all of these",
    )


class SearchFilters(RequestModel):
    """What is searched at all. Everything that is named must hold."""

    labels: list[LabelFilter] = Field(default_factory=list, max_length=MOST_FILTERED_LABELS)
    kinds: list[Annotated[Kind, Field(strict=False)]] = Field(
        default_factory=list, max_length=len(Kind), description="only these kinds of sound, one of them"
    )
    uploaded_since: Moment | None = Field(None, description="only tracks of this time or later")
    uploaded_until: Moment | None = Field(None, description="only tracks before this time")
    least_duration_s: Seconds | None = Field(None, description="only tracks that last so long")
    most_duration_s: Seconds | None = Field(None, description="only tracks that last no longer")
    words: Annotated[str, text(255, 1)] | None = Field(
        None, description="text anywhere in the file name, or in a tag: title, artist, album or genre"
    )
    collection: Id | None = Field(None, description="only tracks in this collection of yours")
    metadata: Metadata = Field(
        default_factory=dict, description="only tracks with a job whose metadata has all of this in it"
    )


class SearchRequest(RequestModel):
    """A search by exactly one of `text`, `track_id`, `vector`, or a file, which is sent as a form."""

    text: Words | None = Field(None, description="words for what is to be heard, such as `dog barking in the rain`")
    track_id: Id | None = Field(None, description="what sounds like this track of yours, or like a stretch of it")
    start_s: Seconds | None = Field(None, description="where the stretch of `track_id` starts; its start when left out")
    end_s: Seconds | None = Field(None, description="where it ends; the track's end when left out")
    vector: list[float] | None = Field(None, description="512 numbers, of any length but 0; needs `space`")
    space: Name | None = Field(
        None,
        description="whose vectors are compared: the name of a model or body, or a space's digest; chosen by what is "
        "heard when left out",
    )
    stem: StemName | None = Field(
        None, description="search in this stem of all tracks, as `drums`; with `track_id` it is that stem's sound"
    )
    way: Literal["labels", "clap"] | None = Field(
        None, description="how words are searched; the best that is there when left out"
    )
    unit: Annotated[SearchUnit, Field(strict=False)] = Field(SearchUnit.TRACK, description="what is found")
    filters: SearchFilters = Field(default_factory=SearchFilters)
    diversify: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="how much what was found already counts against what sounds like it (maximal marginal relevance)",
    )
    limit: int = Field(10, ge=1, le=100, description="how many items a page may have")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the page before")


class Stretch(BaseModel):
    """A part of a recording, in seconds."""

    start_s: float
    end_s: float


class FoundMoment(Stretch):
    """Where in a recording it is heard."""

    best_start_s: float | None = Field(
        None, description="of its best window, whose `similarity` and `labels` the item has; null from 0.1.0"
    )
    best_end_s: float | None = None
    audio: SignedLink = Field(
        description="plays just this moment: the address ends with `#t=` and its seconds. It is the recording that is "
        "heard, also where a stem was searched: `GET /v1/tracks/{id}/stems` has that stem"
    )


class WeightedLabel(BaseModel):
    """A label that words were understood as."""

    model: str = Field(description="empty for a label of your own that no model has")
    label: str
    weight: float = Field(description="below 0 for what is not to be heard")


class NearLabel(BaseModel):
    """A label, and how near it is to the words by meaning."""

    label: str
    similarity: float


class MatchedLabel(BaseModel):
    """A label that an item has, of those that words were understood as."""

    model: str = Field(description="empty for a label of your own that no model has")
    label: str
    probability: float = Field(description="1 where you confirmed it")
    words: list[str] = Field(default_factory=list, description="the words of the query that mean it")


class UnderstoodQuery(BaseModel):
    """How a search was understood."""

    by: Literal["text", "track", "file", "vector"]
    way: Way = Field(
        description="`sound`: vectors of sounds are compared. Of words: `meaning` or `spelling`, by which labels were "
        "found for them, or `clap`: a vector of the words is compared with those of sounds"
    )
    space: ModelRef | None = Field(None, description="whose vectors were compared; null for words by labels")
    labels: list[WeightedLabel] = Field(default_factory=list, description="what the words were understood as")
    together: list[str] = Field(
        default_factory=list,
        description="the things in the words that should be heard together, by labels: what has all of them comes "
        "first, in one window or in those that touch it, or anywhere in a recording. Empty where it is one thing",
    )
    near: list[NearLabel] = Field(default_factory=list, description="the labels nearest to words that none is near")
    missing: list[str] = Field(default_factory=list, description="words that no label is near")
    stretches: list[Stretch] = Field(
        default_factory=list,
        description="the parts of the recording that were compared, where it was not all of it: the windows of "
        "`start_s` to `end_s`, or of a long file those in which most is heard",
    )
    notes: list[str] = Field(default_factory=list, description="what a reader should know of this answer")


class Coverage(BaseModel):
    """How much of the library a search can find."""

    tracks: int = Field(description="recordings that are searched")
    of: int = Field(description="embedded recordings; the others are found once they are embedded again")


class SearchCopy(BaseModel):
    """The same recording as an item's in another file, less similar."""

    track: Track
    similarity: float
    moment: FoundMoment | None = None


class SearchItem(BaseModel):
    """A recording, or a moment of one, and why it was found."""

    track: Track
    similarity: float = Field(
        description="cosine of the angle between the vectors; by labels the weighted sum of their probabilities, and "
        "of several things that should be heard together the geometric mean of their sums"
    )
    way: Way
    space: str | None = Field(None, description="the model whose vectors were compared")
    moment: FoundMoment | None = Field(
        None,
        description="what was found; of a track, its most similar window. Null where no windows are kept, and of a "
        "page's tracks for those that do not fit into ten hours with the ones before them",
    )
    labels: list[MatchedLabel] = Field(
        default_factory=list, description="the labels that count in it, the most probable first; by words alone"
    )
    is_copy: bool = Field(
        False,
        description="whether it is the same recording as the track or file that was asked about: these come first",
    )
    copies: list[SearchCopy] = Field(
        default_factory=list, description="the same recording in other files, which have no item of their own"
    )


class SearchAnswer(Page[SearchItem]):
    """What was found, the best first: copies of what was asked about, then the most similar."""

    unit: SearchUnit
    query: UnderstoodQuery
    coverage: Coverage
