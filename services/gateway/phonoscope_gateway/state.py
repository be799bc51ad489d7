"""The application's resources while it runs, and their dependencies for routes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session
from starlette.types import Scope

from phonoscope.catalogue import Catalogue, HeadManifest, LiveCatalogue, OwnersCatalogue
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.heads import OwnHeads
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import Limits
from phonoscope.errors import Unauthorized
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.text import ServedMeaning
from phonoscope.text.clap import LiveTextTower
from phonoscope.waker import Waker
from phonoscope.work import Space
from phonoscope_gateway.coverage import Coverages
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.pings import Pings
from phonoscope_gateway.rates import RateLimiter
from phonoscope_gateway.sign_in.flow import SignIn
from phonoscope_gateway.signing import Signer
from phonoscope_gateway.streams import OpenStreams
from phonoscope_gateway.stretches import Stretches
from phonoscope_gateway.threads import SharedThreads, example_threads, search_threads, upload_threads
from phonoscope_gateway.uses import KeyUses

_bearer = HTTPBearer(auto_error=False, description="An API key, as `phonoscope keys create` prints it: `psk_…`")
_THREADS = 40
"""Threads for parallel work of requests: as many as there are requests in progress."""
_DOOR = 8
"""Threads that check keys."""
_CATALOGUES = "phonoscope_catalogues"
"""Where a session keeps the catalogues that were read in it."""
NO_KEY = "send an API key: Authorization: Bearer psk_…"


@dataclass(frozen=True)
class State:
    """The application's resources: made when it starts, closed when it stops."""

    settings: Settings
    database: Database
    store: ObjectStore
    waker: Waker
    models: LiveCatalogue
    listener: JobListener
    uploads: SharedThreads = field(default_factory=upload_threads)
    searches: SharedThreads = field(default_factory=search_threads)
    examples: SharedThreads = field(default_factory=example_threads)
    threads: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, _THREADS))
    door: CapacityLimiter = field(default_factory=partial(CapacityLimiter, _DOOR))
    coverages: Coverages = field(default_factory=Coverages)
    own_heads: OwnHeads = field(default_factory=OwnHeads)

    @cached_property
    def stretches(self) -> Stretches:
        """Parts of recordings that pictures are drawn from."""
        return Stretches()

    @cached_property
    def limits(self) -> Limits:
        return Limits.of(self.settings)

    @cached_property
    def limiter(self) -> RateLimiter:
        return RateLimiter(self.settings.broker_url.get_secret_value(), self.database)

    @cached_property
    def key_uses(self) -> KeyUses:
        return KeyUses(self.database, self.threads)

    @cached_property
    def streams(self) -> OpenStreams:
        return OpenStreams(self.database)

    def signer_for(self, caller: Caller) -> Signer:
        """The signer of links that this client asks for."""
        if caller.until is not None:
            return self.signer.ending_with(caller.key_id, int(caller.until.timestamp()))
        return self.signer.ending_with(caller.credential_id) if self.links_end(caller) else self.signer

    def links_end(self, caller: Caller) -> bool:
        """Whether links that this client asks for end with its key."""
        return caller.links_end or self.settings.links_end_with_key

    @cached_property
    def sign_in(self) -> SignIn | None:
        """How people sign in through an identity provider; ``None`` without one."""
        return SignIn(self.settings) if self.settings.oidc_issuer else None

    @cached_property
    def text_tower(self) -> LiveTextTower:
        """Puts sentences into the space of sounds, where a body does that."""
        return LiveTextTower(self.models)

    @property
    def catalogue(self) -> Catalogue:
        """The served models as their folders are now; ``catalogue_for`` has a caller's own beside them."""
        return self.models.current

    def catalogue_for(self, owner_id: str, session: Session | None = None) -> Catalogue:
        """The served models and the owner's own heads, which are read when something is asked for that is not served.

        Args:
            session: in which they are read, once; without one in a connection of their own, so that a caller that
                holds a session gives it.
        """
        if session is None:
            return OwnersCatalogue(self.catalogue, partial(self._read_heads, owner_id, None))
        known: dict[str, OwnersCatalogue] = session.info.setdefault(_CATALOGUES, {})
        if owner_id not in known:
            known[owner_id] = OwnersCatalogue(self.catalogue, partial(self._read_heads, owner_id, session))
        return known[owner_id]

    def _read_heads(self, owner_id: str, session: Session | None) -> Mapping[str, HeadManifest]:
        if session is not None:
            return self.own_heads.of(session, owner_id)
        with self.database.autocommit() as own:
            return self.own_heads.of(own, owner_id)

    @cached_property
    def signer(self) -> Signer:
        settings = self.settings
        secret = settings.signing_secret.get_secret_value().encode()
        return Signer(secret, settings.artifact_link_s, root_path=settings.root_path)

    @cached_property
    def words(self) -> ServedMeaning:
        """What words mean as labels."""
        return ServedMeaning(self.models)

    @cached_property
    def pings(self) -> Pings:
        """What the gateway's readiness depends on."""
        return Pings({"database": self.database.ping, "broker": self.waker.ping, "store": self.store.ping})

    def spaces(self, owner_id: str, model: str | None, session: Session | None = None) -> tuple[Space, ...]:
        """The spaces of a model or a body, or of the default models, as they are served now: the general one first.

        Args:
            session: as ``catalogue_for`` takes it.

        Raises ``UnknownModel``.
        """
        return self.catalogue_for(owner_id, session).spaces(model or self.settings.default_model)


async def get_state(request: Request) -> State:
    """Asynchronous, so that it costs no thread."""
    state: State = request.app.state.phonoscope
    return state


StateDep = Annotated[State, Depends(get_state)]


def keep_head(scope: Scope) -> None:
    """Notes in a request's scope that its client asked for the headers alone."""
    scope.setdefault("state", {})["head"] = True


def keep_answer_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """Keeps headers that every answer has in the request's scope, for the one that no middleware sees."""
    scope.setdefault("state", {})["answer_headers"] = headers


def keep_caller(scope: Scope, caller: Caller) -> None:
    """Keeps the client that was authenticated in its request's scope."""
    scope.setdefault("state", {})["caller"] = caller


async def kept_caller(request: Request) -> Caller | None:
    """The client of a request, where it brought a key or a session; the document asks for neither."""
    caller: Caller | None = getattr(request.state, "caller", None)
    return caller


async def find_caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller | None:
    """The client whose key was checked before the request reached its route; ``None`` where a link opens it."""
    return await kept_caller(request)


async def get_head(request: Request) -> bool:
    """Asynchronous, so that it costs no thread."""
    return bool(getattr(request.state, "head", False))


HeadDep = Annotated[bool, Depends(get_head)]
"""Whether the client asked for the headers alone, so that nothing is begun that only a body needs."""
KeptCallerDep = Annotated[Caller | None, Depends(kept_caller)]
AnyCallerDep = Annotated[Caller | None, Depends(find_caller)]


async def get_caller(caller: AnyCallerDep) -> Caller:
    """The client that the API key belongs to. Raises ``Unauthorized``."""
    return known(caller)


def known(caller: Caller | None) -> Caller:
    """Raises ``Unauthorized`` when there is none."""
    if caller is None:
        raise Unauthorized(NO_KEY)
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]
