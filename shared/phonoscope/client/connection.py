"""Requests to a gateway: repeated where that is safe, with problems and outages as errors."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from phonoscope.addresses import is_loopback
from phonoscope.errors import PhonoscopeError
from phonoscope.retry import Backoff

Answer = TypeVar("Answer", bound=BaseModel)

_NOT_YET = frozenset({"request_in_flight", "request_quota_exceeded", "upload_busy"})
_TIMEOUT = httpx.Timeout(30.0, read=120.0, write=600.0)
_IDLE_S = 3.0
"""A connection that was idle for longer is not used again: a gateway closes it after 5 s, maybe as one is sent."""


class ApiError(PhonoscopeError):
    """The service answered with a problem."""

    def __init__(self, response: httpx.Response) -> None:
        self.problem = _problem(response)
        super().__init__(str(self.problem.get("detail", response.reason_phrase)))
        self.status_code = response.status_code
        self.retry_in_s = _seconds(response.headers.get("Retry-After"))

    @property
    def code(self) -> str:
        return str(self.problem.get("code", "unknown"))

    @property
    def title(self) -> str:
        return str(self.problem.get("title", "The service answered with a problem"))


class Unreachable(PhonoscopeError):
    """The service cannot be reached."""


@dataclass(frozen=True)
class Retry:
    """How often and when a repeatable request is sent again. Times in seconds.

    After an outage there are ``attempts`` in all; the pauses grow from ``first_s`` by ``factor`` up to ``longest_s``.
    While the service is still working on the same request, or the owner makes too many a second, it is repeated until
    ``in_flight_s`` have passed.
    """

    attempts: int = 5
    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 8.0
    in_flight_s: float = 90.0

    def pause_s(self, failures: int, asked_s: float = 0.0) -> float:
        """The pause after so many failures, at least as long as the service asked for.

        >>> [Retry().pause_s(failures) for failures in (1, 2, 3, 20)]
        [0.5, 1.0, 2.0, 8.0]
        """
        return min(self.longest_s, max(asked_s, self._backoff.pause_s(failures)))

    def allows(self, failures: int) -> bool:
        """Whether a request is sent again after so many failures."""
        return self._backoff.allows(failures)

    @cached_property
    def _backoff(self) -> Backoff:
        return Backoff(self.first_s, self.factor, self.longest_s, self.attempts)


@cache
def _authorities(*, trust_env: bool) -> ssl.SSLContext:
    """Those that HTTPS trusts; to read them takes longer than many a request, so all connections share them."""
    return httpx.create_ssl_context(trust_env=trust_env)


class Connection:
    """A connection to a gateway, for one API key.

    Args:
        url: of the gateway, such as ``http://127.0.0.1:8000``, with its path prefix where it has one.
        api_key: as ``phonoscope keys create`` prints it.
        retry: when requests with an idempotency key are sent again.
    """

    def __init__(
        self, url: str, api_key: str, *, transport: httpx.BaseTransport | None = None, retry: Retry | None = None
    ) -> None:
        self._retry = retry or Retry()
        # A proxy named in the environment cannot reach this machine's loopback addresses.
        trust_env = not is_loopback(httpx.URL(url).host)
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=_IDLE_S),
            transport=transport,
            verify=_authorities(trust_env=trust_env),
            trust_env=trust_env,
        )

    def _ask(self, answer: type[Answer], method: str, path: str, **request: Any) -> Answer:
        response = self._send(method, path, **request)
        with reaching(self._http.base_url):
            return answer.model_validate_json(response.content)

    def _ask_once(self, answer: type[Answer], path: str, key: str | None, **request: Any) -> Answer:
        """Posts a request under an idempotency key, so that it is done once, however often it is sent."""
        quoted = (key or uuid4().hex).replace("\\", r"\\").replace('"', r"\"")
        headers = {"Idempotency-Key": f'"{quoted}"'}
        started, failures = time.monotonic(), 0
        while True:
            try:
                return self._ask(answer, "POST", path, headers=headers, **request)
            except (ApiError, Unreachable) as error:
                failures += 1
                if not self._is_repeatable(error, failures, time.monotonic() - started):
                    raise
                time.sleep(self._retry.pause_s(failures, getattr(error, "retry_in_s", 0.0)))

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        with reaching(self._http.base_url):
            response = self._http.request(method, path, **request)
        if response.is_error:
            raise ApiError(response)
        return response

    def address(self, link: str) -> str:
        """The whole address of a link that an answer has."""
        whole = self._address(link)
        return whole if "://" in whole else str(self._http.base_url).rstrip("/") + whole

    def _address(self, link: str) -> str:
        """The whole address of a link, whose path has the gateway's prefix already, if the gateway knows it."""
        prefix = self._http.base_url.path
        return str(self._http.base_url.join(link)) if prefix != "/" and link.startswith(prefix) else link

    def _is_repeatable(self, error: ApiError | Unreachable, failures: int, spent_s: float) -> bool:
        if isinstance(error, ApiError) and error.code in _NOT_YET:
            return spent_s < self._retry.in_flight_s
        return is_outage(error) and self._retry.allows(failures)


def is_outage(error: ApiError | Unreachable) -> bool:
    """Whether the same request may succeed later."""
    return isinstance(error, Unreachable) or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR


def matching(revision: int | None) -> dict[str, str]:
    """The header by which a change is made of this revision alone; none without one."""
    return {} if revision is None else {"If-Match": f'"{revision}"'}


@contextmanager
def reaching(url: httpx.URL) -> Iterator[None]:
    """Raises ``Unreachable`` where there is no answer, or one that no gateway gives."""
    try:
        yield
    except httpx.TransportError as error:
        raise Unreachable(f"no answer from {url}: {error}") from error
    except ValidationError as error:
        raise Unreachable(f"what answers at {url} is no Phonoscope gateway of this version") from error


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The gateway's problem, or one made of the answer of something else, such as a proxy."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {"detail": response.text[:200], "status": response.status_code, "code": "not_a_problem"}


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
