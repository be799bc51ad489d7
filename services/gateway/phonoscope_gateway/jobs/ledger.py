"""What a task's result is known by, and which of a job's tasks wait for its separation."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy.orm import Session

from phonoscope.catalogue import Manifest
from phonoscope.contract import JobRequest
from phonoscope.db.library.maps import library_stamp
from phonoscope.db.library.results import newest_result
from phonoscope.db.schema.tables import TrackRow
from phonoscope.states import Pool, TaskName
from phonoscope.work import CacheKey, Library
from phonoscope_gateway.state import State

_REVISION = 1
"""Raised whenever a task's algorithm changes so that earlier results no longer stand."""


def filled_in(request: JobRequest, default_model: str) -> JobRequest:
    """With the options that depend on what else is asked, or on the service."""
    if TaskName.MAP in request.tasks:
        drawn = request.options.map.model_copy(update={"model": request.options.map.model or default_model})
        return request.model_copy(update={"options": request.options.model_copy(update={"map": drawn})})
    if request.options.explain.stems is not None:
        return request
    explain = request.options.explain.model_copy(update={"stems": TaskName.SEPARATE in request.tasks})
    return request.model_copy(update={"options": request.options.model_copy(update={"explain": explain})})


def order_of(request: JobRequest) -> dict[TaskName, TaskName]:
    """Which tasks start only once the job's own separation has given its stems."""
    if TaskName.SEPARATE not in request.tasks:
        return {}
    return {task: TaskName.SEPARATE for task in request.tasks if _hears_stems(task, request)}


def ledger_of(
    session: Session, state: State, subject: TrackRow | Library, request: JobRequest
) -> dict[TaskName, CacheKey]:
    """By what each of the request's tasks is known; nothing for those that must be computed whatever was before."""
    if request.options.no_cache:
        return {}
    if isinstance(subject, Library):
        return {TaskName.MAP: _map_entry(session, state, subject, request)}
    stems = _stems_of(session, subject, request)
    found = {task: _entry(state, subject, request, task, stems) for task in request.tasks}
    return {task: entry for task, entry in found.items() if entry is not None}


def _entry(state: State, track: TrackRow, request: JobRequest, task: TaskName, stems: str | None) -> CacheKey | None:
    identity = digest = None
    if task.pool is Pool.GPU:
        classifier = _classifier(state, request)
        identity, digest = classifier.identity, f"sha256:{classifier.digest}"
    elif task is TaskName.SEPARATE:
        known = state.catalogue.anew()
        manifest = known.separators.get(request.options.separate.model or known.best_separator)
        # A model that only the workers have: whether theirs is the one of an earlier result cannot be said.
        if manifest is None:
            return None
        identity, digest = manifest.identity, f"sha256:{manifest.digest}"
    heard = None
    if _hears_stems(task, request):
        if TaskName.SEPARATE in request.tasks or stems is None:
            return None
        heard = stems
    return CacheKey(_fingerprint([track.id, task, identity, _options(request, task), heard]), digest)


def _map_entry(session: Session, state: State, library: Library, request: JobRequest) -> CacheKey:
    space = state.space(request.options.map.model)
    stamp = library_stamp(session, library.owner_id, space)
    return CacheKey(_fingerprint([library.owner_id, TaskName.MAP, space.model, stamp]), space.digest)


def _fingerprint(known_by: list[Any]) -> str:
    text = json.dumps([_REVISION, *known_by], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _options(request: JobRequest, task: TaskName) -> dict[str, Any]:
    """Those that change the result. The model's identity stands for its name, and a genre is compared when read."""
    options: dict[str, Any] = getattr(request.options, task).model_dump(mode="json")
    return {name: value for name, value in options.items() if name not in ("model", "genre")}


def _hears_stems(task: TaskName, request: JobRequest) -> bool:
    options = request.options
    return {
        TaskName.MIXDOWN: True,
        TaskName.EXPLAIN: bool(options.explain.stems),
        TaskName.EMBED: options.embed.stems,
    }.get(task, False)


def _stems_of(session: Session, track: TrackRow, request: JobRequest) -> str | None:
    """The task that made the stems the track has."""
    if not any(_hears_stems(task, request) for task in request.tasks):
        return None
    found = newest_result(session, track.id, TaskName.SEPARATE)
    return None if found is None else found.produced_by


def _classifier(state: State, request: JobRequest) -> Manifest:
    return state.catalogue.get(request.options.classify.model or state.settings.default_model)
