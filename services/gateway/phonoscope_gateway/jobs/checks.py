"""Checks a job's request against what the service has, and fills in what depends on it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from phonoscope.contract import JobRequest
from phonoscope.db.schema.tables import TrackRow
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS, RequestContext, Subject, Writes
from phonoscope_gateway.state import State

_AUDIO_TRACK = "options.audio_track"


def context_of(state: State, owner_id: str, request: JobRequest) -> RequestContext:
    """The context in which the request's tasks are checked."""
    default = state.settings.default_model
    named, catalogue = request.options.classify.names(default), state.catalogue_for(owner_id)
    return RequestContext(tuple(request.tasks), named, default, catalogue)


def check_asked(request: JobRequest) -> None:
    """Refuses tasks that calls of their own ask for. Raises ``InvalidRequest``."""
    for task in request.tasks:
        if asked_by := TASKS[task].asked_by:
            raise InvalidRequest.field("tasks", f"`{task}` is asked for by `{asked_by}`")


def check_request(request: JobRequest, asked: RequestContext) -> None:
    """Refuses a valid request that cannot be carried out. Raises ``InvalidRequest`` or ``UnknownModel``."""
    if len(set(request.tasks)) != len(request.tasks):
        raise InvalidRequest.field("tasks", "each task at most once")
    _check_subject(request)
    for name, spec in TASKS.items():
        spec.check(getattr(request.options, name), asked)


def check_duration(request: JobRequest, duration_s: float) -> None:
    """Refuses options that do not fit a recording of this length. Raises ``InvalidRequest``."""
    for task in request.tasks:
        TASKS[task].check_duration(getattr(request.options, task), duration_s)


def check_audio_track(request: JobRequest, track: TrackRow) -> JobRequest:
    """The request, which names no audio track when it is the track's own. Raises ``InvalidRequest``."""
    index = other_audio_track(track, request.options.audio_track, _AUDIO_TRACK)
    own = request.options.model_copy(update={"audio_track": index})
    return request.model_copy(update={"options": own})


def other_audio_track(track: TrackRow, index: int | None, field: str) -> int | None:
    """The index of the audio track that a client named in a field; ``None`` for the track's own.

    Raises ``InvalidRequest`` where the file has no such audio track, or it cannot be decoded.
    """
    if index is None:
        return None
    known = {each["index"]: each["codec"] for each in track.audio_tracks}
    if not known:
        raise InvalidRequest.field(field, "an earlier release stored the track; delete it and upload it again")
    if index not in known:
        raise InvalidRequest.choice(field, f"audio track {index}", map(str, known))
    if known[index] is None:
        raise InvalidRequest.field(field, f"audio track {index} has a codec that cannot be decoded")
    return None if index == track.audio_track else index


def audio_duration_s(request: JobRequest, track: TrackRow) -> float:
    """The length of the audio track that the request is about, in seconds, as far as the file states it."""
    index = request.options.audio_track
    stated = next((each["duration_s"] for each in track.audio_tracks if each["index"] == index), None)
    return stated or track.duration_s


def check_stems(request: JobRequest, find: Callable[[], Collection[str] | None]) -> None:
    """Refuses options that name a stem that is not there. Raises ``InvalidRequest``.

    Args:
        find: the names of the stems that tasks will read, ``None`` when they are not known yet; called only when some
            task reads them.
    """
    reading = [task for task in request.tasks if reads_stems(request, task)]
    stems = find() if reading else None
    if stems is not None:
        for task in reading:
            TASKS[task].check_stems(getattr(request.options, task), stems)


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


def _check_subject(request: JobRequest) -> None:
    of_library = [task for task in request.tasks if TASKS[task].subject is Subject.LIBRARY]
    if of_library and (len(request.tasks) > 1 or request.track_id is not None):
        raise InvalidRequest.field(
            "tasks", f"`{of_library[0]}` is about the whole library: it goes alone and without a track"
        )
    if of_library and request.options.audio_track is not None:
        raise InvalidRequest.field(_AUDIO_TRACK, f"`{of_library[0]}` is about the whole library")
    if not of_library and request.track_id is None:
        raise InvalidRequest.field("track_id", "missing")
