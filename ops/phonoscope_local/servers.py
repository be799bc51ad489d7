"""Clients of a stack's servers: whether each answers, and what it must hold before the next layer starts.

Imported only once the servers are starting, so that these clients load meanwhile.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path

from alembic.util.exc import CommandError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.service import keys, workers
from phonoscope.errors import PhonoscopeError, StackError, Unauthorized
from phonoscope.states import TaskQueue
from phonoscope_local.ports import LOOPBACK
from phonoscope_local.state import DATABASE, Credentials, StackState

_TIMEOUT_S = 2.0


class Servers:
    """Clients of the three servers of a stack."""

    def __init__(self, state: StackState) -> None:
        self._state = state
        self._settings = state.settings()

    def postgres_answers(self) -> bool:
        try:
            with self._maintenance().connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def valkey_answers(self) -> bool:
        client = Redis.from_url(
            self._settings.broker_url.get_secret_value(), socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    def objects_answer(self) -> bool:
        # A refusal is an answer too; making the bucket shows whether the key is accepted.
        return http_status(self._state.ports.objects, "/") is not None

    def worker_lives(self, queue: TaskQueue, since: datetime) -> bool:
        """Whether a worker that serves the queue has sent a heartbeat and was started after ``since``."""
        try:
            with self._database.transaction() as session:
                return any(
                    row.pool == queue.pool and queue.lane in row.lanes and row.started_at >= since
                    for row in workers.live_workers(session)
                )
        except (PhonoscopeError, SQLAlchemyError):
            return False

    def prepare(self, folder: Path) -> None:
        """Makes the database, its tables, the bucket and a key for this machine, as far as they are missing.

        Raises ``StackError``, which names the step that failed.
        """
        steps: dict[str, Callable[[], None]] = {
            "the database cannot be made": self._make_database,
            "the migrations cannot be applied": lambda: migrate(self._state.database_url()),
            "the bucket cannot be made": lambda: self._make_bucket(folder / "objects"),
            "the key cannot be made": lambda: self._keep_credentials(folder),
        }
        for problem, step in steps.items():
            try:
                step()
            except (PhonoscopeError, SQLAlchemyError, CommandError) as error:
                raise StackError(f"{problem}: {error}") from error
        self.close()

    def close(self) -> None:
        """Closes the connections to the database; the next call opens new ones."""
        self._database.close()

    def _make_database(self) -> None:
        engine = self._maintenance()
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": DATABASE})
            if not found:
                connection.execute(text(f'CREATE DATABASE "{DATABASE}"'))

    def _make_bucket(self, objects: Path) -> None:
        # rclone keeps a bucket as a folder, and a client for S3 takes long to load.
        if not (objects / self._settings.s3_bucket).is_dir():
            from phonoscope.storage import ObjectStore

            ObjectStore(self._settings).ensure_bucket()

    def _keep_credentials(self, folder: Path) -> None:
        kept = Credentials.read(folder)
        with self._database.transaction() as session:
            key = kept.api_key if kept and _is_known(session, kept.api_key) else keys.create_key(session, "local")
        credentials = Credentials(url=self._state.url, api_key=key)
        if credentials != kept:
            credentials.write(folder)

    def _maintenance(self) -> Engine:
        return create_engine(
            self._state.database_url("postgres"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 2},
        )

    @cached_property
    def _database(self) -> Database:
        return Database(self._state.database_url(), pool_size=1)


def http_status(port: int, path: str) -> int | None:
    """The status code of a server on this machine; ``None`` when it does not answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _is_known(session: Session, key: str) -> bool:
    try:
        keys.authenticate(session, key)
    except Unauthorized:
        return False
    return True
