"""The calls under ``/v1/collections``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response, status

from phonoscope.contract import Collection, CollectionRequest, Collections, CollectionTracks
from phonoscope.db.library.collections import (
    add_tracks,
    create_collection,
    delete_collection,
    get_collection,
    list_collections,
    remove_tracks,
    rename_collection,
)
from phonoscope.errors import NameTaken, NotFound
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/collections", tags=["collections"], responses=KEYED)

NameBody = Annotated[CollectionRequest, Depends(json_body(CollectionRequest))]
TracksBody = Annotated[CollectionTracks, Depends(json_body(CollectionTracks))]

_OF_ONE = links(
    "id",
    collection_id=(
        "read_one_collection",
        "rename_one_collection",
        "delete_one_collection",
        "add_tracks_to_collection",
        "remove_tracks_from_collection",
    ),
)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(CollectionRequest),
    responses=problems(NameTaken) | {201: {"links": _OF_ONE}},
)
def add_collection(request: NameBody, response: Response, state: StateDep, caller: CallerDep) -> Collection:
    """Makes a collection; an owner can have 200."""
    with state.database.transaction() as session:
        made = create_collection(session, caller.actor, request.name)
    response.headers["Location"] = f"/v1/collections/{made.id}"
    return Collection.model_validate(made)


@router.get("")
def read_collections(state: StateDep, caller: CallerDep) -> Collections:
    """Your collections, by name. `collection` in `GET /v1/tracks`, in a search or in `GET /v1/map` filters by one."""
    with state.database.autocommit() as session:
        found = list_collections(session, caller.owner_id)
    return Collections(items=[Collection.model_validate(each) for each in found])


@router.get("/{collection_id}", responses=problems(NotFound))
def read_one_collection(collection_id: str, state: StateDep, caller: CallerDep) -> Collection:
    with state.database.autocommit() as session:
        return Collection.model_validate(get_collection(session, caller.owner_id, collection_id))


@router.patch("/{collection_id}", responses=problems(NotFound, NameTaken), openapi_extra=takes(CollectionRequest))
def rename_one_collection(collection_id: str, request: NameBody, state: StateDep, caller: CallerDep) -> Collection:
    with state.database.transaction() as session:
        return Collection.model_validate(rename_collection(session, caller.actor, collection_id, request.name))


@router.delete("/{collection_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def delete_one_collection(collection_id: str, state: StateDep, caller: CallerDep) -> None:
    """Deletes a collection; its recordings stay."""
    with state.database.transaction() as session:
        delete_collection(session, caller.actor, collection_id)


@router.put("/{collection_id}/tracks", responses=problems(NotFound), openapi_extra=takes(CollectionTracks))
def add_tracks_to_collection(collection_id: str, request: TracksBody, state: StateDep, caller: CallerDep) -> Collection:
    """Puts recordings in a collection, all of them or, where one is not yours, none; those that are in it stay."""
    with state.database.transaction() as session:
        return Collection.model_validate(add_tracks(session, caller.actor, collection_id, request.track_ids))


@router.delete("/{collection_id}/tracks", responses=problems(NotFound), openapi_extra=takes(CollectionTracks))
def remove_tracks_from_collection(
    collection_id: str, request: TracksBody, state: StateDep, caller: CallerDep
) -> Collection:
    """Takes recordings out of a collection; those that are not in it change nothing."""
    with state.database.transaction() as session:
        return Collection.model_validate(remove_tracks(session, caller.actor, collection_id, request.track_ids))
