"""The client's calls about tracks, jobs and models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from pydantic import RootModel

from phonoscope.client.classifiers import ClassifierCalls
from phonoscope.client.collections import CollectionCalls
from phonoscope.client.connection import ApiError, Retry, Unreachable, matching, reaching
from phonoscope.client.following import Following
from phonoscope.client.keys import KeyCalls
from phonoscope.client.labels import LabelCalls
from phonoscope.client.recordings import open_recording
from phonoscope.client.search import SearchCalls
from phonoscope.client.sessions import SessionCalls
from phonoscope.client.shares import ShareCalls
from phonoscope.client.spaces import SpaceCalls
from phonoscope.client.uploads import JOB, TRACK, Progress, UploadCalls, goes_in_pieces
from phonoscope.client.webhooks import WebhookCalls
from phonoscope.contract import (
    DEFAULT_TASKS,
    AnyModelCard,
    ArtifactLink,
    FoundOnMap,
    Job,
    JobEvent,
    JobOptions,
    LibraryMap,
    Neighbour,
    Neighbours,
    Page,
    Peaks,
    ProgressEvent,
    Queues,
    Readiness,
    SpectrogramAxes,
    SpectrogramLook,
    Stems,
    Track,
    TrackChange,
    TrackResults,
)
from phonoscope.filenames import filename_of

__all__ = ["ApiError", "Client", "Retry", "Unreachable"]

_POLL_S = 20.0


class Client(
    SearchCalls,
    WebhookCalls,
    KeyCalls,
    LabelCalls,
    SessionCalls,
    ShareCalls,
    SpaceCalls,
    ClassifierCalls,
    CollectionCalls,
    UploadCalls,
):
    """A connection to a Phonoscope gateway, for one API key.

    Every call raises ``ApiError`` when the service answers with a problem, and ``Unreachable`` when there is no answer.
    Calls that take an ``idempotency_key`` (1 to 255 visible ASCII characters; a random one by default) are sent again
    after an outage, and done once. Those that take a ``path`` raise ``OSError`` where no recording can be read there.
    """

    def upload(
        self,
        path: str | Path,
        idempotency_key: str | None = None,
        *,
        resumable: bool | None = None,
        on_progress: Progress = lambda *_: None,
    ) -> Track:
        """Uploads a recording; the same bytes again give the same track.

        Args:
            resumable: whether it is sent in pieces, so that it goes on after a cut, also in another process; without it
                recordings above 64 MiB are, unless there is an ``idempotency_key``.
            on_progress: called with the bytes sent so far, and all, of one that is sent in pieces.
        """
        path = Path(path)
        if goes_in_pieces(path, {}, resumable=resumable, has_key=idempotency_key is not None):
            return self.track(self._in_pieces(path, {}, on_progress)[TRACK])
        with open_recording(path) as file:
            return self._ask_once(Track, "/v1/tracks", idempotency_key, files={"file": (filename_of(path), file)})

    def track(self, track_id: str) -> Track:
        return self._ask(Track, "GET", f"/v1/tracks/{track_id}")

    def tracks(self, **filters: str | int) -> Page[Track]:
        """A page of tracks; filters are ``limit``, ``cursor``, ``label``, ``model``, ``collection``, ``q`` and
        ``sort``.
        """
        return self._ask(Page[Track], "GET", "/v1/tracks", params=filters)

    def change_track(self, track_id: str, change: TrackChange, revision: int | None = None) -> Track:
        """Changes the fields that are set in ``change``.

        Args:
            revision: the one that the caller knows; when another change came first, ``ApiError`` with the code
                ``precondition_failed`` is raised. Without it the last change counts.
        """
        body = change.model_dump(mode="json", exclude_unset=True)
        return self._ask(Track, "PATCH", f"/v1/tracks/{track_id}", json=body, headers=matching(revision))

    def delete_track(self, track_id: str) -> None:
        self._send("DELETE", f"/v1/tracks/{track_id}")

    def audio(self, track_id: str, byte_range: str | None = None) -> bytes:
        """The recording's bytes, or those of a range such as ``bytes=0-99``."""
        headers = {"Range": byte_range} if byte_range else {}
        return self._send("GET", f"/v1/tracks/{track_id}/audio", headers=headers, follow_redirects=True).content

    def waveform(self, track_id: str, points: int = 1_000, *, audio_track: int | None = None) -> Peaks:
        """The recording's peaks; waits for the job that measures them where that has not run.

        Args:
            audio_track: another audio track of the file than the track's own; so for stems and spectrograms.
        """
        content = self._picture(track_id, "waveform", {"points": points} | _named(audio_track))
        with reaching(self._http.base_url):
            return Peaks.model_validate_json(content)

    def spectrogram(
        self, track_id: str, look: SpectrogramLook | None = None, *, audio_track: int | None = None
    ) -> bytes:
        """The recording's mel spectrogram as a PNG; waits for the job that measures it where that has not run."""
        return self._picture(track_id, "spectrogram", _params(look) | _named(audio_track), "image/png")

    def spectrogram_axes(
        self, track_id: str, look: SpectrogramLook | None = None, *, audio_track: int | None = None
    ) -> SpectrogramAxes:
        """The spectrogram's axes: seconds, hertz and decibels."""
        params = _params(look) | _named(audio_track)
        content = self._picture(track_id, "spectrogram", params, "application/json")
        with reaching(self._http.base_url):
            return SpectrogramAxes.model_validate_json(content)

    def download(self, link: ArtifactLink) -> bytes:
        """What a task made, by the link in its result; or a track's cover, by its own."""
        return self._send("GET", self._address(link.url), follow_redirects=True).content

    def results(self, track_id: str) -> TrackResults:
        """All that is known of a track: the newest result of each task, model and variant, whichever job asked."""
        return self._ask(TrackResults, "GET", f"/v1/tracks/{track_id}/results")

    def stems(self, track_id: str, *, audio_track: int | None = None) -> Stems:
        """The stems of the newest separation."""
        return self._ask(Stems, "GET", f"/v1/tracks/{track_id}/stems", params=_named(audio_track))

    def stems_zip(self, track_id: str, *, audio_track: int | None = None) -> bytes:
        """The stems of the newest separation in one ZIP file."""
        return self._send("GET", f"/v1/tracks/{track_id}/stems.zip", params=_named(audio_track)).content

    def similar(
        self, track_id: str, limit: int = 10, model: str | None = None, stem: str | None = None
    ) -> list[Neighbour]:
        """The track's copies (``is_copy``), then the nearest other tracks; by a ``stem`` where one is named.

        Raises ``ApiError`` with the code ``silent_recording`` for silence.
        """
        return self.neighbours(track_id, limit, model, stem).items

    def neighbours(
        self, track_id: str, limit: int = 10, model: str | None = None, stem: str | None = None
    ) -> Neighbours:
        """The same, with how many tracks were left out: another space has them, or they are silent."""
        params = {"limit": limit} | ({"model": model} if model else {}) | ({"stem": stem} if stem else {})
        return self._ask(Neighbours, "GET", f"/v1/tracks/{track_id}/similar", params=params)

    def library_map(self, model: str | None = None, collection: str | None = None) -> LibraryMap:
        """The newest map of the library, or its points in a collection. ``create_job(None, ["map"])`` draws one."""
        asked = {"model": model, "collection": collection}
        params = {name: value for name, value in asked.items() if value is not None}
        return self._ask(LibraryMap, "GET", "/v1/map", params=params)

    def found_on_map(self, q: str, model: str | None = None) -> FoundOnMap:
        """The recordings on the newest map that ``tracks`` finds by ``q``."""
        return self._ask(FoundOnMap, "GET", "/v1/map/found", params={"q": q} | ({"model": model} if model else {}))

    def create_job(
        self,
        track_id: str | None,
        tasks: Sequence[str] = DEFAULT_TASKS,
        options: JobOptions | dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
    ) -> Job:
        body = {"track_id": track_id} | _job_fields(tasks, options, metadata, webhook_url)
        return self._ask_once(Job, "/v1/jobs", idempotency_key, json=body)

    def analyze(
        self,
        path: str | Path,
        tasks: Sequence[str] = DEFAULT_TASKS,
        options: JobOptions | dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        *,
        resumable: bool | None = None,
        on_progress: Progress = lambda *_: None,
    ) -> Job:
        """Uploads a recording and asks for tasks on it, in one call; ``upload`` says what its last two are."""
        path, fields = Path(path), _job_fields(tasks, options, metadata, webhook_url)
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        if goes_in_pieces(path, form, resumable=resumable, has_key=idempotency_key is not None):
            return self.job(self._in_pieces(path, form, on_progress)[JOB])
        with open_recording(path) as file:
            files = {"file": (filename_of(path), file)}
            return self._ask_once(Job, "/v1/jobs", idempotency_key, files=files, data=form)

    def job(self, job_id: str, wait_s: float = 0.0) -> Job:
        """The job now, or once it has ended if that takes no more than ``wait_s`` (at most 60) seconds."""
        return self._ask(Job, "GET", f"/v1/jobs/{job_id}", params={"wait": wait_s})

    def jobs(self, **filters: str | int) -> Page[Job]:
        """A page of jobs; filters are ``limit``, ``cursor``, ``status`` and ``track_id``."""
        return self._ask(Page[Job], "GET", "/v1/jobs", params=filters)

    def cancel(self, job_id: str) -> Job:
        """Cancels a job; raises ``ApiError`` with status 409 when it has ended."""
        return self._ask(Job, "POST", f"/v1/jobs/{job_id}/cancel")

    def queues(self) -> Queues:
        """The length of each queue, and the live workers."""
        return self._ask(Queues, "GET", "/v1/queues")

    def events(self, job_id: str, last_event_id: str | None = None) -> Iterator[JobEvent]:
        """The job's events until its end, as they happen; with ``last_event_id``, those after that event.

        A stream that breaks off is resumed.
        """
        yield from Following(self._http, job_id, self._retry, last_event_id)

    def wait(self, job: Job, on_change: Callable[[Job], None] = lambda _: None, poll_s: float = _POLL_S) -> Job:
        """The job once it has ended, however long that takes; ``on_change`` is called with each change of it.

        Where its events fail, the job is polled every ``poll_s`` (at most 60) seconds.
        """
        if not job.status.ended:
            job = self._followed(job, on_change)
        while not job.status.ended:
            job = self.job(job.id, wait_s=poll_s)
            on_change(job)
        return job

    def models(self) -> list[AnyModelCard]:
        """The served models: those that classify and embed, then those that separate."""
        return self._ask(Page[AnyModelCard], "GET", "/v1/models").items

    def model(self, name: str) -> AnyModelCard:
        return self._ask(RootModel[AnyModelCard], "GET", f"/v1/models/{name}").root

    def ready(self) -> Readiness:
        """Whether the database, the broker and the object store answer; one that does not is no error."""
        with reaching(self._http.base_url):
            return Readiness.model_validate_json(self._http.get("/health/ready").content)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _picture(self, track_id: str, name: str, params: dict[str, Any], accept: str = "*/*") -> bytes:
        path, headers = f"/v1/tracks/{track_id}/{name}", {"Accept": accept}
        request = partial(self._send, "GET", path, params=params, headers=headers)
        response = request()
        if response.status_code == HTTPStatus.ACCEPTED:
            with reaching(self._http.base_url):
                job = Job.model_validate_json(response.content)
            self.wait(job)
            response = request()
        return response.content

    def _followed(self, job: Job, on_change: Callable[[Job], None]) -> Job:
        """The job as of its last event."""
        try:
            for event in self.events(job.id):
                job = event.progress.applied_to(job) if isinstance(event, ProgressEvent) else event.job
                on_change(job)
        except (ApiError, Unreachable):
            return job
        return job


def _named(audio_track: int | None) -> dict[str, Any]:
    return {} if audio_track is None else {"audio_track": audio_track}


def _params(look: SpectrogramLook | None) -> dict[str, Any]:
    return {} if look is None else look.model_dump()


def _job_fields(
    tasks: Sequence[str],
    options: JobOptions | dict[str, Any] | None,
    metadata: dict[str, Any] | None,
    webhook_url: str | None,
) -> dict[str, Any]:
    chosen = options.model_dump() if isinstance(options, JobOptions) else options or {}
    fields = {"tasks": list(tasks), "options": chosen, "metadata": metadata or {}}
    return fields if webhook_url is None else fields | {"webhook_url": webhook_url}
