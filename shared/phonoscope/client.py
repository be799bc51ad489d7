"""A small typed client of the HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from phonoscope.contract import (
    DEFAULT_TASKS,
    ArtifactLink,
    Job,
    JobOptions,
    ModelCard,
    Neighbour,
    Page,
    Peaks,
    Readiness,
    SpectrogramAxes,
    SpectrogramLook,
    Stems,
    Track,
)
from phonoscope.errors import PhonoscopeError

Answer = TypeVar("Answer", bound=BaseModel)

_TIMEOUT = httpx.Timeout(30.0, read=120.0, write=600.0)
_LONGEST_WAIT_S = 20.0


class ApiError(PhonoscopeError):
    """The service refused."""

    def __init__(self, response: httpx.Response) -> None:
        self.problem = _problem(response)
        super().__init__(str(self.problem.get("detail", response.reason_phrase)))
        self.status_code = response.status_code

    @property
    def code(self) -> str:
        return str(self.problem.get("code", "unknown"))

    @property
    def title(self) -> str:
        return str(self.problem.get("title", "The service refused"))


class Unreachable(PhonoscopeError):
    """The service cannot be reached."""


class Client:
    """A connection to a Phonoscope gateway, for one API key.

    Every call raises ``ApiError`` (with the service's ``status_code``, ``code`` and ``problem``) when the service
    refuses, and ``Unreachable`` when there is no answer.

    Args:
        url: the gateway, as ``http://127.0.0.1:8000``.
        api_key: as ``phonoscope keys create`` prints it.
    """

    def __init__(self, url: str, api_key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT,
            transport=transport,
            # A proxy named in the environment knows nothing of this machine's own addresses.
            trust_env=not _is_loopback(url),
        )

    def upload(self, path: Path) -> Track:
        """The track of a recording; the same bytes again give the same track."""
        with path.open("rb") as file:
            return self._ask(Track, "POST", "/v1/tracks", files={"file": (path.name, file)})

    def track(self, track_id: str) -> Track:
        return self._ask(Track, "GET", f"/v1/tracks/{track_id}")

    def tracks(self, **filters: str | int) -> Page[Track]:
        """A page of tracks; filters are ``limit``, ``cursor``, ``label`` and ``q``."""
        return self._ask(Page[Track], "GET", "/v1/tracks", params=filters)

    def delete_track(self, track_id: str) -> None:
        self._send("DELETE", f"/v1/tracks/{track_id}")

    def audio(self, track_id: str, byte_range: str | None = None) -> bytes:
        """The recording's bytes, or those of a range such as ``bytes=0-99``."""
        headers = {"Range": byte_range} if byte_range else {}
        return self._send("GET", f"/v1/tracks/{track_id}/audio", headers=headers).content

    def waveform(self, track_id: str, points: int = 1_000) -> Peaks:
        """The recording's outline; waits for the job that measures it where none has."""
        content = self._picture(track_id, "waveform", {"points": points})
        with _reaching(self._http.base_url):
            return Peaks.model_validate_json(content)

    def spectrogram(self, track_id: str, look: SpectrogramLook | None = None) -> bytes:
        """The recording's mel spectrogram as a PNG; waits for the job that measures it where none has."""
        return self._picture(track_id, "spectrogram", _params(look), "image/png")

    def spectrogram_axes(self, track_id: str, look: SpectrogramLook | None = None) -> SpectrogramAxes:
        """How to read that picture: its seconds, hertz and decibels."""
        content = self._picture(track_id, "spectrogram", _params(look), "application/json")
        with _reaching(self._http.base_url):
            return SpectrogramAxes.model_validate_json(content)

    def download(self, link: ArtifactLink | dict[str, Any]) -> bytes:
        """What a task made, by the link in its result."""
        return self._send("GET", ArtifactLink.model_validate(link).url).content

    def stems(self, track_id: str) -> Stems:
        """The stems of the newest separation."""
        return self._ask(Stems, "GET", f"/v1/tracks/{track_id}/stems")

    def stems_zip(self, track_id: str) -> bytes:
        """All of them in one ZIP file."""
        return self._send("GET", f"/v1/tracks/{track_id}/stems.zip").content

    def similar(self, track_id: str, limit: int = 10, model: str | None = None) -> list[Neighbour]:
        """The nearest other tracks, nearest first."""
        params = {"limit": limit} | ({"model": model} if model else {})
        return self._ask(Page[Neighbour], "GET", f"/v1/tracks/{track_id}/similar", params=params).items

    def create_job(
        self,
        track_id: str,
        tasks: Sequence[str] = DEFAULT_TASKS,
        options: JobOptions | dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Job:
        chosen = options.model_dump() if isinstance(options, JobOptions) else options or {}
        body = {"track_id": track_id, "tasks": list(tasks), "options": chosen, "metadata": metadata or {}}
        return self._ask(Job, "POST", "/v1/jobs", json=body)

    def analyze(self, path: Path, tasks: Sequence[str] = DEFAULT_TASKS) -> Job:
        """Uploads a recording and asks for tasks on it, in one call."""
        with path.open("rb") as file:
            form = {"tasks": ",".join(tasks)}
            return self._ask(Job, "POST", "/v1/jobs", files={"file": (path.name, file)}, data=form)

    def job(self, job_id: str, wait_s: float = 0.0) -> Job:
        """The job as it stands, or as it ends within ``wait_s`` (at most 60) seconds."""
        return self._ask(Job, "GET", f"/v1/jobs/{job_id}", params={"wait": wait_s})

    def jobs(self, **filters: str | int) -> Page[Job]:
        """A page of jobs; filters are ``limit``, ``cursor``, ``status`` and ``track_id``."""
        return self._ask(Page[Job], "GET", "/v1/jobs", params=filters)

    def wait(self, job: Job, on_poll: Callable[[Job], None] = lambda _: None, poll_s: float = _LONGEST_WAIT_S) -> Job:
        """The job once it has ended, however long that takes; ``on_poll`` is shown it after each ``poll_s``."""
        while not job.status.ended:
            job = self.job(job.id, wait_s=poll_s)
            on_poll(job)
        return job

    def models(self) -> list[ModelCard]:
        return self._ask(Page[ModelCard], "GET", "/v1/models").items

    def model(self, name: str) -> ModelCard:
        return self._ask(ModelCard, "GET", f"/v1/models/{name}")

    def ready(self) -> Readiness:
        """Whether the services behind the gateway answer; also when they do not."""
        with _reaching(self._http.base_url):
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
            with _reaching(self._http.base_url):
                job = Job.model_validate_json(response.content)
            self.wait(job)
            response = request()
        return response.content

    def _ask(self, answer: type[Answer], method: str, path: str, **request: Any) -> Answer:
        response = self._send(method, path, **request)
        with _reaching(self._http.base_url):
            return answer.model_validate_json(response.content)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        with _reaching(self._http.base_url):
            response = self._http.request(method, path, **request)
        if response.is_error:
            raise ApiError(response)
        return response


def _params(look: SpectrogramLook | None) -> dict[str, Any]:
    return {} if look is None else look.model_dump()


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def _reaching(url: httpx.URL) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise Unreachable(f"no answer from {url}: {error}") from error
    except ValidationError as error:
        raise Unreachable(f"what answers at {url} is no Phonoscope gateway of this version") from error


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem that a gateway sends, or one made of what something else on the way said."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {"detail": response.text[:200], "status": response.status_code, "code": "not_a_problem"}
