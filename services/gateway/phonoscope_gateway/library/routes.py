"""The library as a whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phonoscope.contract import FoundOnMap, LabelledTracks, Library, LibraryMap, MapPoint
from phonoscope.db.library.collections import check_collection
from phonoscope.db.library.counts import commonest_labels, count_tracks
from phonoscope.db.library.labels import Heard, heard_of
from phonoscope.db.library.maps import (
    Placed,
    count_missing,
    count_silent,
    drawing_job,
    named_on_map,
    newest_map,
    placed_tracks,
)
from phonoscope.db.library.shown import failed_of
from phonoscope.db.schema.tables import TaskRow
from phonoscope.db.service.keys import Caller
from phonoscope.db.spaces.reading import reading_space
from phonoscope.errors import NotFound, OutdatedResult
from phonoscope.requests import Name
from phonoscope.states import TaskName
from phonoscope.tasks import Map
from phonoscope.tasks.map import MapResult
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.paging import CollectionQuery, RequiredNameQuery
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, State, StateDep

router = APIRouter(prefix="/v1", tags=["search"], responses=KEYED)
_MOST_LABELS = 100

MapModelQuery = Annotated[
    Name | None, Query(description="whose embeddings to draw from; the general ones when left out")
]


@router.get("/library")
def read_library(
    state: StateDep,
    caller: CallerDep,
    model: Annotated[
        Name | None, Query(description="whose labels to count; yours and all models' when left out")
    ] = None,
) -> Library:
    """How many recordings you have, and the labels that most of them have, as `GET /v1/tracks` finds them by each."""
    with state.database.autocommit() as session:
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        labels = commonest_labels(session, caller.owner_id, model, known, _MOST_LABELS)
        return Library(
            tracks=count_tracks(session, caller.owner_id),
            labels=[LabelledTracks(label=each.label, tracks=each.tracks) for each in labels],
        )


@router.get("/map", responses=problems(NotFound))
def read_map(
    state: StateDep,
    caller: CallerDep,
    model: MapModelQuery = None,
    collection: CollectionQuery = None,
) -> LibraryMap:
    """Your recordings on a plane, alike near alike, as they were drawn last by a job with the task `map`.

    With `collection` the points are those of its recordings; all else is of the whole map.
    """
    owner_id = caller.owner_id
    catalogue = state.catalogue_for(owner_id)
    served = catalogue.spaces(model or state.settings.default_model)[0]
    labelling = model if model is not None and model in catalogue.vocabularies else None
    with state.database.transaction() as session:
        check_collection(session, owner_id, collection)
        space = reading_space(session, owner_id, served)
        drawn = newest_map(session, owner_id, space.model)
        result = _result_of(state, caller, drawn)
        placed = placed_tracks(session, owner_id, space, collection)
        known = state.catalogue_for(owner_id, session).vocabularies
        heard = heard_of(session, {track.id for track, *_ in placed}, known)
        unheard = {track.id for track, *_ in placed if not heard.get(track.id, Heard()).models}
        failed = failed_of(session, unheard, TaskName.CLASSIFY)
        return LibraryMap(
            model=space.model,
            drawn_at=drawn.finished_at if drawn is not None else None,
            method=result.method if result is not None else None,
            trustworthiness=result.trustworthiness if result is not None else None,
            missing=count_missing(session, owner_id, space, drawn),
            silent=count_silent(session, owner_id, space),
            job_id=drawing_job(session, owner_id, space.model),
            points=[
                _point(each, heard.get(each.track.id, Heard()), labelling, failed=each.track.id in failed)
                for each in placed
            ],
        )


@router.get("/map/found", responses=problems(NotFound))
def find_on_map(state: StateDep, caller: CallerDep, q: RequiredNameQuery, model: MapModelQuery = None) -> FoundOnMap:
    """Which recordings on your map `GET /v1/tracks` finds by `q`."""
    served = state.catalogue_for(caller.owner_id).spaces(model or state.settings.default_model)[0]
    with state.database.transaction() as session:
        space = reading_space(session, caller.owner_id, served)
        return FoundOnMap(track_ids=named_on_map(session, caller.owner_id, space, q))


def _point(placed: Placed, heard: Heard, labelling: str | None, *, failed: bool) -> MapPoint:
    (track, x, y), (labels, models) = placed, heard
    label = labels.of(labelling)
    return MapPoint(
        track_id=track.id,
        filename=track.shown_filename,
        name=track.name,
        title=track.tags.get("title"),
        label=label,
        label_confirmed=labels.is_confirmed(label),
        labels=labels.all_of(labelling),
        classified_by=list(models),
        classification_failed=failed,
        duration_s=track.duration_s,
        x=x,
        y=y,
    )


def _result_of(state: State, caller: Caller, drawn: TaskRow | None) -> MapResult | None:
    """How the map was drawn; ``None`` when that cannot be read, although the points can."""
    if drawn is None or drawn.result is None:
        return None
    try:
        return read_result(state.signer_for(caller), Map, drawn.result.body)
    except OutdatedResult:
        return None
