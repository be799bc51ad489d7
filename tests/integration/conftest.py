"""Clients of two owners, and servers with a database of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import stack_settings
from tests.integration.backed_up import Service, new_services
from tests.integration.ended import do
from tests.integration.life import empty
from tests.provider import IdentityProvider, identity_provider
from tests.support import RunningStack, authorities


@pytest.fixture
def client(stack: RunningStack) -> Iterator[Client]:
    """The client of an owner who has nothing yet."""
    with stack.client(f"owner-{uuid4()}") as client:
        yield client


@pytest.fixture
def stranger(stack: RunningStack) -> Iterator[Client]:
    """Another owner's client."""
    with stack.client(f"stranger-{uuid4()}") as client:
        yield client


@pytest.fixture
def http(stack: RunningStack) -> Iterator[httpx.Client]:
    """A bare HTTP client with a key."""
    with stack.http(f"owner-{uuid4()}") as client:
        yield client


@pytest.fixture
def anybody(stack: RunningStack) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with httpx.Client(base_url=stack.url, timeout=30, verify=authorities()) as client:
        yield client


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that reach PostgreSQL, Valkey and an object store; no gateway and no worker uses these servers."""
    folder = tmp_path_factory.mktemp("servers")
    start_detached(folder, servers_only=True)
    settings = stack_settings(folder)
    ObjectStore(settings).ensure_bucket()
    yield settings
    stop(folder, lambda _: None)


@pytest.fixture(scope="session")
def database_url(server_settings: Settings) -> str:
    """The migrated database of these servers."""
    url = server_settings.database_url.get_secret_value()
    migrate(url)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, in whatever state the test before left it."""
    database = Database(database_url, pool_size=2)
    yield database
    database.close()


@pytest.fixture(scope="module")
def served() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(served: IdentityProvider) -> IdentityProvider:
    """The provider, honest again."""
    vars(served).update(vars(IdentityProvider(url=served.url, key=served.key)))
    return served


@pytest.fixture
def new_service(server_settings: Settings) -> Iterator[Callable[..., Service]]:
    """Makes services that can be backed up and restored; at the end their connections are closed."""
    with new_services(server_settings) as make:
        yield make


@pytest.fixture
def service(new_service: Callable[..., Service]) -> Service:
    """A service with two recordings."""
    service = new_service("head")
    service.upload(1)
    service.upload(2)
    return service


@pytest.fixture
def kept(database: Database) -> Iterator[Database]:
    """A database without jobs, of which no walk has begun."""
    empty(database)
    do(database, "DELETE FROM walks; DELETE FROM spaces WHERE model LIKE 'job_%'")
    yield database
    empty(database)
    do(database, "DELETE FROM walks; DELETE FROM spaces WHERE model LIKE 'job_%'")
