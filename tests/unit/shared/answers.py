"""A service that answers what a test wants."""

from __future__ import annotations

from typing import Any

import httpx

from phonoscope.client import Client, Retry

URL = "http://phonoscope.test"


class Service:
    """Answers requests in order, the last answer again and again, and keeps what it was asked.

    It knows of no event streams.
    """

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/events"):
            return httpx.Response(404)
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> Client:
        return Client(URL, "psk_secret", transport=httpx.MockTransport(self), retry=Retry(attempts=3, first_s=0.0))


def ok(body: Any = None, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=body if isinstance(body, str) else body.model_dump_json())
