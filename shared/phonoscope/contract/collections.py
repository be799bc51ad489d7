"""Collections: names under which you gather recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from phonoscope.requests import Id, RequestModel
from phonoscope.written import clean_line

LONGEST_COLLECTION_NAME = 100
MOST_COLLECTIONS = 200
MOST_TRACKS_AT_ONCE = 1_000


def clean_collection_name(text: str) -> str:
    """A collection's name in Unicode's form NFC, without spaces around it.

    Raises ``PydanticCustomError`` for what is longer than ``LONGEST_COLLECTION_NAME``, no line, or not visible.
    """
    return clean_line(text, LONGEST_COLLECTION_NAME, "name")


CollectionName: TypeAlias = Annotated[
    str,
    AfterValidator(clean_collection_name),
    Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_COLLECTION_NAME},
        description="one line, as no other collection of yours is called",
    ),
]


class CollectionRequest(RequestModel):
    """What a collection is called."""

    name: CollectionName


class CollectionTracks(RequestModel):
    """Recordings that are put in a collection, or taken out of it."""

    track_ids: list[Id] = Field(min_length=1, max_length=MOST_TRACKS_AT_ONCE)


class Collection(BaseModel):
    """A collection of yours."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    tracks: int = Field(description="how many recordings are in it")
    created_at: datetime


class Collections(BaseModel):
    """All your collections, by name."""

    items: list[Collection]
