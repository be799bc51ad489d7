"""Browsers as far as signing in goes: they keep cookies, and say where a request comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from tests.provider import IdentityProvider
from tests.support import RunningStack, authorities


@dataclass
class Browser:
    """A browser at a gateway that signs in with a provider.

    Attributes:
        http: its requests as a page of the gateway's own sends them.
    """

    gateway: RunningStack
    provider: IdentityProvider
    http: httpx.Client

    opened: ClassVar[list[Browser]] = []

    @classmethod
    def at(cls, gateway: RunningStack, provider: IdentityProvider) -> Browser:
        http = httpx.Client(base_url=gateway.url, timeout=60, verify=authorities())
        http.headers["Sec-Fetch-Site"] = "same-origin"
        made = cls(gateway, provider, http)
        cls.opened.append(made)
        return made

    @classmethod
    def close_all(cls) -> None:
        while cls.opened:
            cls.opened.pop().http.close()

    def begin(self, return_to: str = "/") -> str:
        """Where the gateway sends it."""
        answer = self.http.get("/v1/session/login", params={"return_to": return_to})
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def agree(self, url: str) -> str:
        """Where the provider sends it, once its user agrees."""
        return httpx.get(url, verify=authorities(), timeout=60).headers["Location"]

    def sign_in(self, return_to: str = "/", **user: Any) -> httpx.Response:
        """The answer to the last step of a whole sign-in."""
        self.provider.user = {"sub": "ada", "name": "Ada"} | user
        return self.http.get(self.agree(self.begin(return_to)))

    @property
    def me(self) -> dict[str, Any]:
        answer = self.http.get("/v1/session")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    @property
    def csrf(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.me["user"]["csrf_token"]}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
