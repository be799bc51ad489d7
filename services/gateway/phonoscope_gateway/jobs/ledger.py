"""Computes the cache keys of a job's tasks, so that the same request is computed once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from phonoscope.catalogue import Classifier, StemManifest
from phonoscope.contract import JobRequest
from phonoscope.db.library.maps import library_stamp
from phonoscope.db.library.results import newest_result
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.spaces.reading import reading_space
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS, ModelKind, RequestContext
from phonoscope.tasks.separate import separator_of
from phonoscope.work import CacheKey, Library
from phonoscope_gateway.jobs.checks import reads_stems


def ledger_of(
    session: Session, subject: TrackRow | Library, request: JobRequest, asked: RequestContext
) -> dict[TaskName, CacheKey]:
    """The cache key of each of the request's tasks; tasks that must be computed in any case have none."""
    if request.options.no_cache:
        return {}
    found = {task: _key(session, subject, request, asked, task) for task in request.tasks}
    return {task: key for task, key in found.items() if key is not None}


def _key(
    session: Session, subject: TrackRow | Library, request: JobRequest, asked: RequestContext, task: TaskName
) -> CacheKey | None:
    spec, options = TASKS[task], getattr(request.options, task)
    if isinstance(subject, Library) and task is not TaskName.MAP:
        return None
    if isinstance(subject, Library):
        served = asked.catalogue.spaces(options.model or asked.default_model)[0]
        space = reading_space(session, subject.owner_id, served)
        stamp = library_stamp(session, subject.owner_id, space)
        return CacheKey(
            _fingerprint(spec.revision, [subject.owner_id, task, space.model, stamp]), frozenset({space.digest})
        )
    identity, digests, stems = None, frozenset[str | None]({None}), None
    if spec.model is not None:
        models = _models(request, asked, spec.model)
        # Only the workers have this model: whether an earlier result is of their version is unknown here.
        if not models:
            return None
        identity = [model.identity for model in models]
        if task is TaskName.EMBED:
            identity += [model.space.digest for model in models if not isinstance(model, StemManifest)]
        digests = frozenset(_digest(model, task) for model in models)
    if reads_stems(request, task):
        stems = None if TaskName.SEPARATE in request.tasks else _stems_of(session, subject, request)
        if stems is None:
            return None
    known_by: list[Any] = [subject.id, task, identity, spec.key_of(options), stems]
    known_by += spec.further(options, asked.catalogue)
    if request.options.audio_track is not None:
        known_by.append(request.options.audio_track)
    return CacheKey(_fingerprint(spec.revision, known_by), digests)


def _models(request: JobRequest, asked: RequestContext, kind: ModelKind) -> Sequence[Classifier | StemManifest]:
    if kind is ModelKind.CLASSIFIER:
        return asked.classifiers
    separator = separator_of(request.options.separate, asked.catalogue)
    return [separator] if separator else []


def _digest(model: Classifier | StemManifest, task: TaskName) -> str:
    """By which the task's result names the model."""
    if task is TaskName.EMBED and not isinstance(model, StemManifest):
        return model.space.digest
    return f"sha256:{model.digest}"


def _stems_of(session: Session, track: TrackRow, request: JobRequest) -> str | None:
    """The task that made the present stems of the audio track."""
    found = newest_result(session, track.id, TaskName.SEPARATE, request.options.audio_track)
    return None if found is None else found.produced_by


def _fingerprint(revision: int, known_by: list[Any]) -> str:
    text = json.dumps([revision, *known_by], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
