"""Clients of two owners, and a database of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from tests.support import RunningStack


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
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def database_url(stack: RunningStack) -> Iterator[str]:
    """A migrated database beside the stack's, which no worker looks at."""
    url = make_url(stack.settings.database_url.get_secret_value())
    name = f"test_{uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    own = url.set(database=name).render_as_string(hide_password=False)
    migrate(own)
    yield own
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database."""
    database = Database(database_url, pool_size=2)
    yield database
    database.close()
