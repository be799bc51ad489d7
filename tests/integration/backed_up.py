"""Services of their own to back up and to restore to."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.library.artifacts import COVER
from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.erasure import erase_track
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_cli.backup.making import make_backup
from phonoscope_cli.backup.manifest import Manifest
from phonoscope_cli.backup.restoring import restore_backup
from tests.support import add_track

_TABLES = text(
    """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public'
      AND tablename NOT IN ('alembic_version', 'workers', 'open_streams') ORDER BY tablename
    """
)


_EXPLAINED = (
    text(
        "INSERT INTO jobs (id, owner_id, track_id, status, options, metadata, finished_at) "
        "VALUES (:job, 'own_' || :number, :track, 'succeeded', '{}', '{}', now())"
    ),
    text(
        "INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, source_id, "
        "attempt, progress, stage, timings) VALUES ('tsk_' || :job, :job, 0, 'own_' || :number, 'explain', 'gpu', "
        "'short', 'succeeded', 1, 1, :source, 1, 1, 'done', '{}')"
    ),
    text("INSERT INTO results (task_id, body) VALUES ('tsk_' || :job, '{}')"),
)
_SHOWN = (
    text(
        "INSERT INTO artifacts (id, track_id, task_id, kind, object_key, media_type, size_bytes) "
        "VALUES ('art_' || :first, :track, :first, 'overlay', :key, 'image/png', 7)"
    ),
    text(
        "INSERT INTO track_results (track_id, task, model, variant, task_id, produced_by, finished_at) "
        "VALUES (:track, 'explain', 'm', '', :last, :first, now())"
    ),
)


def quiet(_: str) -> None:
    """Says nothing."""


class Service:
    """A database and a bucket of their own on the tests' servers."""

    def __init__(self, servers: Settings, revision: str | None = None) -> None:
        name = f"backups_{uuid4().hex}"
        url = servers.database_url.get_secret_value()
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        self.url = url.rpartition("/")[0] + f"/{name}"
        self.settings = servers.model_copy(
            update={"database_url": SecretStr(self.url), "s3_bucket": name.replace("_", "-")}
        )
        self.store = ObjectStore(self.settings)
        self.store.ensure_bucket()
        if revision is not None:
            migrate(self.url, revision)
        self.database = Database(self.url, pool_size=2)

    def upload(self, number: int) -> str:
        """A track of an owner of its own, with a cover, in the database and in the bucket."""
        owner_id, track_id = f"own_{number}", f"trk_{number}"
        key, cover = f"tracks/{track_id}/original.wav", f"tracks/{track_id}/cover/cover.jpg"
        self.store.put(key, io.BytesIO(b"sound of " + track_id.encode()), "audio/wav")
        self.store.put(cover, io.BytesIO(b"picture of " + track_id.encode()), "image/jpeg")
        with self.database.transaction() as session:
            add_track(session, owner_id, track_id, key, size_bytes=100)
            facts = {"kind": COVER, "object_key": cover, "media_type": "image/jpeg", "size_bytes": 3}
            session.add(ArtifactRow(id=f"art_{number}", track_id=track_id, **facts))
            record(session, Actor(owner_id), "track.uploaded", track_id)
        return track_id

    def erase(self, number: int) -> None:
        erase_track(self.database, self.store, Actor(f"own_{number}"), f"trk_{number}")

    def explain(self, number: int, *jobs: str) -> str:
        """Jobs about a track: the first one made a picture, the others have copies of its result, the last is shown."""
        track_id, key = f"trk_{number}", f"tracks/trk_{number}/explain/{jobs[0]}.png"
        self.store.put(key, io.BytesIO(b"picture"), "image/png")
        with self.database.transaction() as session:
            for job in jobs:
                source = None if job == jobs[0] else f"tsk_{jobs[0]}"
                for statement in _EXPLAINED:
                    session.execute(statement, {"job": job, "track": track_id, "number": number, "source": source})
            made = {"first": f"tsk_{jobs[0]}", "last": f"tsk_{jobs[-1]}", "track": track_id, "key": key}
            for statement in _SHOWN:
                session.execute(statement, made)
        return key

    def forget(self, job: str, key: str) -> None:
        """Erases a job and its picture."""
        with self.database.transaction() as session:
            session.execute(text("DELETE FROM jobs WHERE id = :job"), {"job": job})
        self.store.delete([key])

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, as PostgreSQL writes it."""
        with self.database.transaction() as session:
            names = session.scalars(_TABLES).all()
            return {name: sorted(session.scalars(text(f"SELECT {name}::text FROM {name}")).all()) for name in names}

    def objects(self) -> dict[str, bytes]:
        return {key: b"".join(self.store.read(key, 0, 0).chunks) for key in self.keys}

    @property
    def keys(self) -> list[str]:
        return self.store.keys()

    def has_tables(self) -> bool:
        with self.database.transaction() as session:
            return bool(session.scalars(_TABLES).all())

    def back_up(
        self,
        folder: Path,
        *recipients: str,
        say: Callable[[str], None] = quiet,
        verify: bool = False,
        replace: bool = False,
    ) -> Manifest:
        return make_backup(self.settings, folder, recipients, say, verify=verify, replace=replace)

    def restore(
        self,
        folder: Path,
        identity: Path | None = None,
        say: Callable[[str], None] = quiet,
        own_key: str = "",
        *,
        replace: bool = False,
    ) -> Manifest:
        return restore_backup(self.settings, folder, identity, say, own_key, replace=replace)


@contextmanager
def new_services(servers: Settings) -> Iterator[Callable[..., Service]]:
    """Makes services, of a revision or without tables; at the end their connections are closed."""
    made: list[Service] = []

    def make(revision: str | None = None) -> Service:
        made.append(Service(servers, revision))
        return made[-1]

    yield make
    for service in made:
        service.database.close()


def new_label(service: Service, name: str) -> int:
    """The number that the next label is given."""
    with service.database.transaction() as session:
        return int(
            session.scalar(
                text("INSERT INTO labels (model, digest, label) VALUES ('m', 'd', :name) RETURNING id"), {"name": name}
            )
            or 0
        )
