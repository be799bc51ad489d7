"""Recordings that are sent to be searched by: analysed as tracks of another owner, and erased with the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from anyio import CancelScope, to_thread

from phonoscope.contract import ClassifyOptions, Job, JobOptions, JobRequest
from phonoscope.db.library.clips import clips_owner
from phonoscope.db.library.embeddings import search_from
from phonoscope.db.library.tracks import find_track, get_track
from phonoscope.db.search.stored import has_windows
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import spend_upload
from phonoscope.erasure import erase_track
from phonoscope.errors import InvalidRequest, NotFound, SearchTimeout, SilentRecording, Unavailable
from phonoscope.ids import new_id
from phonoscope.logs import get_logger
from phonoscope.states import Status, TaskName
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.jobs.service import submit_job, submit_recording
from phonoscope_gateway.jobs.waiting import wait_for_job
from phonoscope_gateway.search.spaces import space_id_of, space_of
from phonoscope_gateway.state import State

_NEVER_A_TRACK = "trk_of_the_clip"
_log = get_logger(__name__)


class Clip(NamedTuple):
    """A recording to search by.

    Args:
        owner_id: who holds it: the owner whose track it is, or the one that holds that owner's clips.
        is_track: whether it is one of the owner's tracks, which stays.
    """

    owner_id: str
    track_id: str
    duration_s: float
    is_track: bool


class AnalysisFailed(Exception):
    """The recording could not be analysed; ``problem`` is what its task ended with."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["code"])
        self.problem = problem


@asynccontextmanager
async def analysed_clip(
    state: State, caller: Caller, upload: Upload, space: str | None, *, windows: bool
) -> AsyncIterator[Clip]:
    """The recording of an upload, embedded. It is erased in the end unless it is one of the owner's tracks.

    The upload's file is closed as soon as it is in the store.

    Args:
        space: the name or digest of the one in which it is needed; chosen by what is heard when ``None``.
        windows: whether its windows are needed.

    Raises:
        RecordingError: it cannot be read; nothing is stored.
        AnalysisFailed: it cannot be analysed.
        SearchTimeout: it was not analysed in time.
        InvalidRequest: no served model embeds in that space.
        LimitReached: a quota of the owner is used up.
        Unavailable: the database or the store is down.
    """
    model = await to_thread.run_sync(embedding_model, state, caller.owner_id, space)
    options = JobOptions(classify=ClassifyOptions(model=model))
    track = await state.uploads.run(caller.owner_id, partial(_own_track, state, caller, upload))
    if track is not None:
        upload.file.close()
        await _embed_track(state, caller, track, options, partial(_is_embedded, state, track, space, windows=windows))
        yield track
        return
    holder, job = await state.uploads.run(caller.owner_id, partial(_submit, state, caller, upload, options))
    # It is in the store, and would else be spooled here for as long as the search waits.
    upload.file.close()
    clip = Clip(holder.owner_id, job.recording, 0.0, is_track=False)
    try:
        await _end_of(state, holder, job, "it")
        yield await to_thread.run_sync(_with_duration, state, clip)
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(_erase, state, clip)


def embedding_model(state: State, owner_id: str, space: str | None) -> str | None:
    """The name of a served model that embeds in a space, or in that of one of the owner's heads; ``None`` for the
    default ones.

    Raises ``InvalidRequest``.
    """
    catalogue = state.catalogue_for(owner_id)
    served = state.catalogue.manifests
    if space is None or space in served:
        return space
    wanted = catalogue.get(space).space.digest if space in catalogue.own else space
    found = next((name for name, model in served.items() if wanted in (model.space.model, model.space.digest)), None)
    if found is None:
        raise InvalidRequest.choice("space", f"served model that embeds in {space!r}", sorted(served))
    return found


def _own_track(state: State, caller: Caller, upload: Upload) -> Clip | None:
    """The owner's track with these bytes. The upload counts for its day."""
    with state.database.autocommit() as session:
        spend_upload(session, caller.owner_id, state.limits, upload.size_bytes)
        row = find_track(session, caller.owner_id, upload.sha256)
        return None if row is None else Clip(row.owner_id, row.id, row.duration_s, is_track=True)


def _is_embedded(state: State, clip: Clip, space: str | None, *, windows: bool) -> bool:
    with state.database.autocommit() as session:
        wanted = space_of(session, state, clip.owner_id, clip.track_id, space)
        try:
            search_from(session, clip.owner_id, clip.track_id, wanted)
        except SilentRecording:
            return True
        except NotFound:
            return False
        known = space_id_of(session, wanted)
        return not windows or (known is not None and has_windows(session, clip.track_id, known, WHOLE_TRACK))


async def _embed_track(
    state: State, caller: Caller, clip: Clip, options: JobOptions, is_embedded: Callable[[], bool]
) -> None:
    """Has one of the owner's tracks embedded where it is not."""
    if await to_thread.run_sync(is_embedded):
        return
    request = JobRequest(track_id=clip.track_id, tasks=[TaskName.EMBED], options=options)
    job = await to_thread.run_sync(submit_job, state, caller, request)
    await _end_of(state, caller, job, f"your track {clip.track_id!r} with these bytes")


def _submit(state: State, caller: Caller, upload: Upload, options: JobOptions) -> tuple[Caller, Job]:
    """Stores the recording among the owner's clips; returns who holds them, and the job that embeds it."""
    with state.database.autocommit() as session:
        holder = replace(caller, owner_id=clips_owner(session, caller.owner_id))
    request = JobRequest(track_id=_NEVER_A_TRACK, tasks=[TaskName.EMBED], options=options)
    # Each search has a clip of its own, also of the same bytes at the same time, so that it can erase it.
    own = replace(upload, sha256=f"{upload.sha256}:{new_id('clp')}")
    return holder, submit_recording(state, holder, request, own)


async def _end_of(state: State, caller: Caller, job: Job, what: str) -> None:
    """Waits for the end of a recording's job. Raises ``AnalysisFailed``, ``SearchTimeout`` or ``NotFound``."""
    wait_s = state.settings.search_wait_s
    job = await wait_for_job(state, caller, job.id, wait_s)
    task = job.task(TaskName.EMBED)
    if task.error is not None:
        raise AnalysisFailed(task.error)
    if job.status is Status.CANCELLED:
        raise NotFound(f"the analysis of {what} was cancelled")
    if not job.status.ended:
        raise SearchTimeout(
            f"file: {what} was not analysed within {wait_s:g} s (the task `embed` is {task.status}: {task.stage}); "
            "upload it as a track, embed it, and search by `track_id`"
        )


def _with_duration(state: State, clip: Clip) -> Clip:
    with state.database.autocommit() as session:
        return clip._replace(duration_s=get_track(session, clip.owner_id, clip.track_id).duration_s)


def _erase(state: State, clip: Clip) -> None:
    try:
        erase_track(state.database, state.store, Actor(clip.owner_id), clip.track_id, audited=False)
    except NotFound:
        pass
    except Unavailable as error:
        # The sweeper erases it.
        _log.warning("clip.left_behind", track_id=clip.track_id, code=error.code)
