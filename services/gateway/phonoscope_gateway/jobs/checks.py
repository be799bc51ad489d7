"""Checks a job's request against what the service has, and fills in what depends on it."""

from __future__ import annotations

import json
from typing import Any

from phonoscope.contract import MAX_METADATA_BYTES, JobRequest
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS, RequestContext, Subject, Writes
from phonoscope_gateway.state import State

_MAX_METADATA_DEPTH = 64


def context_of(state: State, request: JobRequest) -> RequestContext:
    """The context in which the request's tasks are checked."""
    default = state.settings.default_model
    return RequestContext(tuple(request.tasks), request.options.classify.names(default), default, state.catalogue)


def check_request(request: JobRequest, asked: RequestContext) -> None:
    """Refuses a valid request that cannot be carried out. Raises ``InvalidRequest`` or ``UnknownModel``."""
    if len(set(request.tasks)) != len(request.tasks):
        raise InvalidRequest.field("tasks", "each task at most once")
    _check_subject(request)
    for name, spec in TASKS.items():
        spec.check(getattr(request.options, name), asked)
    check_metadata(request.metadata)


def check_duration(request: JobRequest, duration_s: float) -> None:
    """Refuses options that do not fit a recording of this length. Raises ``InvalidRequest``."""
    for task in request.tasks:
        TASKS[task].check_duration(getattr(request.options, task), duration_s)


def completed(request: JobRequest, asked: RequestContext) -> JobRequest:
    """The request with the options that depend on its other tasks, or on the service."""
    filled = {
        str(task): TASKS[task].complete(getattr(request.options, task), asked) for task in dict.fromkeys(request.tasks)
    }
    return request.model_copy(update={"options": request.options.model_copy(update=filled)})


def reads_stems(request: JobRequest, task: TaskName) -> bool:
    """Whether a task, with its options, reads the track's stems."""
    return TASKS[task].reads_stems(getattr(request.options, task))


def order_of(request: JobRequest) -> dict[TaskName, TaskName]:
    """The tasks that wait for another task of the same job, by name: those that read the stems that it makes."""
    maker = next((task for task in request.tasks if Writes.STEMS in TASKS[task].writes), None)
    if maker is None:
        return {}
    return {task: maker for task in request.tasks if reads_stems(request, task)}


def check_metadata(metadata: dict[str, Any]) -> None:
    """Refuses metadata that ``jsonb`` cannot hold or that cannot be returned as it came. Raises ``InvalidRequest``."""
    if _depth(metadata) > _MAX_METADATA_DEPTH:
        raise InvalidRequest.field("metadata", f"is nested more than {_MAX_METADATA_DEPTH} levels deep")
    try:
        encoded = json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise InvalidRequest.field("metadata", "has a value that JSON cannot represent") from error
    if b"\\u0000" in encoded:
        raise InvalidRequest.field("metadata", "holds a NUL character")
    if len(encoded) > MAX_METADATA_BYTES:
        raise InvalidRequest.field("metadata", f"has {len(encoded):,} bytes; {MAX_METADATA_BYTES:,} are allowed")


def _check_subject(request: JobRequest) -> None:
    of_library = [task for task in request.tasks if TASKS[task].subject is Subject.LIBRARY]
    if of_library and (len(request.tasks) > 1 or request.track_id is not None):
        raise InvalidRequest.field(
            "tasks", f"`{of_library[0]}` is about the whole library: it goes alone and without a track"
        )
    if not of_library and request.track_id is None:
        raise InvalidRequest.field("track_id", "missing")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth
