"""The application's resources while it runs, and their dependencies for routes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.db.access.engine import Database
from phonoscope.db.service.keys import Caller, authenticate
from phonoscope.errors import Unauthorized
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Space
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.signing import Signer
from phonoscope_gateway.uploads import UploadThreads

_bearer = HTTPBearer(auto_error=False, description="An API key, as `phonoscope keys create` prints it: `psk_…`")
_THREADS = 40
"""Threads for parallel work of requests: as many as there are requests in progress."""


@dataclass(frozen=True)
class State:
    """The application's resources: made when it starts, closed when it stops."""

    settings: Settings
    database: Database
    store: ObjectStore
    waker: Waker
    models: LiveCatalogue
    listener: JobListener
    uploads: UploadThreads = field(default_factory=UploadThreads)
    threads: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, _THREADS))

    @property
    def catalogue(self) -> Catalogue:
        """The models as their folders are now."""
        return self.models.current

    @cached_property
    def signer(self) -> Signer:
        return Signer(self.settings.signing_secret.get_secret_value().encode(), self.settings.artifact_link_s)

    def spaces(self, model: str | None) -> tuple[Space, ...]:
        """The spaces of a model or a body, or of the default models, as they are served now: the general one first.

        Raises ``UnknownModel``.
        """
        return self.catalogue.spaces(model or self.settings.default_model)


async def get_state(request: Request) -> State:
    """Asynchronous, so that it costs no thread."""
    state: State = request.app.state.phonoscope
    return state


StateDep = Annotated[State, Depends(get_state)]


KeyDep = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""The API key as it was sent, unchecked."""


def get_caller(state: StateDep, key: KeyDep) -> Caller:
    """The client that the API key belongs to. Raises ``Unauthorized``."""
    if key is None:
        raise Unauthorized("send an API key: Authorization: Bearer psk_…")
    with state.database.autocommit() as session:
        return authenticate(session, key.credentials)


CallerDep = Annotated[Caller, Depends(get_caller)]
