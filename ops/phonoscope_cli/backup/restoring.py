"""Brings a backup back into an empty database and a bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import psycopg2
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.access.listeners import open_listeners
from phonoscope.db.access.locks import Lock, stay_open, try_lock
from phonoscope.db.access.migrate import knows_revision, migrate
from phonoscope.db.schema.metadata import METADATA
from phonoscope.db.service.workers import live_workers
from phonoscope.errors import BackupDamaged, BackupError, BackupTooNew, NotFound, RestoreRefused
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_cli.backup.manifest import File, Manifest, Stored, Table, fingerprint, object_file, read_objects
from phonoscope_cli.backup.sealing import Opener, checked, plain_size
from phonoscope_cli.backup.tables import load_tables

Say = Callable[[str], None]
_PRESENT = text(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY(:names) ORDER BY tablename"
)
_FUNCTIONS = text(
    "SELECT oid::regprocedure::text FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'phonoscope_')"
)
_USED = ("tracks", "jobs", "uploads", "webhooks", "classifiers", "collections", "users", "api_keys")
_USED_IF = {"api_keys": "id <> :own_key"}
_ALIVE = text("SELECT 1")
_FORGET = text(
    "DELETE FROM idempotency_keys WHERE owner_id IN (SELECT owner_id FROM tracks WHERE object_key = ANY(:keys))"
)
_ERASE = text("DELETE FROM tracks WHERE object_key = ANY(:keys)")
_JOBS_OF_GONE = """
    SELECT job_id FROM tasks, (SELECT task_id FROM artifacts WHERE object_key = ANY(:keys)) AS made
    WHERE made.task_id IN (tasks.id, tasks.source_id)
"""
"""Those that were forgotten while their artifacts were copied, and those that have copies of their results."""
_HIDE = text(
    f"""
    DELETE FROM track_results USING tasks
    WHERE tasks.id IN (track_results.task_id, track_results.produced_by) AND tasks.job_id IN ({_JOBS_OF_GONE})
    """  # noqa: S608 - of constants
)
_UNMAKE = text(f"DELETE FROM jobs WHERE id IN ({_JOBS_OF_GONE})")  # noqa: S608 - of constants
_GONE = text("DELETE FROM artifacts WHERE object_key = ANY(:keys)")
_COPIES_AT_ONCE = 4
_PART = 500


def check_backup(folder: Path, identity: Path | None, say: Say) -> Manifest:
    """Reads every file of a backup against what was noted of it.

    Raises:
        BackupIncomplete: there is no whole backup.
        BackupTooNew: its format, or its schema, is of a newer release.
        BackupDamaged: a file is missing or was changed; it says how that is mended.
        BackupSealed: it is encrypted, and not to this identity.
        BackupUnwritable: it is encrypted, and there is no room in TMPDIR.
    """
    try:
        with _reading(folder):
            backup = _Backup(folder, identity)
            backup.check(say)
    except BackupDamaged as error:
        advice = "`phonoscope backup --verify` into this folder mends it, where the service still is that it is of"
        raise BackupDamaged(f"{error}. {advice}") from error
    return backup.manifest


def restore_backup(
    settings: Settings, folder: Path, identity: Path | None, say: Say, own_key: str = "", *, replace: bool = False
) -> Manifest:
    """Brings a backup back, after all of it was checked: the objects, then the rows in one transaction.

    One that was cut off is simply run again: objects that are in the bucket with their size are left, those of another
    size are replaced, and there are no rows yet.

    Args:
        own_key: the id of a key that a local stack made for itself, which may be replaced.
        replace: restores also where the bucket has recordings that the backup does not name; couriers erase them.

    Raises:
        RestoreRefused: the service is in use: it has what owners made, or runs, or is being restored. It is looked at
            again, with its tables locked, before anything is removed. Or its bucket has other recordings.
        DatabaseUnavailable, StoreUnavailable: there are no rows yet; run it again.
        BackupError: as ``check_backup``; nothing was changed.
    """
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    try:
        with _reading(folder), database.transaction() as locked:
            _lock_service(locked)
            with database.transaction() as session:
                _refuse_if_used(session, own_key)
            backup = _Backup(folder, identity)
            _keep_others(backup.not_named(ObjectStore(settings)), settings.s3_bucket, say, replace=replace)
            backup.check(say)
            _restore(settings, backup, database, locked, own_key, say)
    except (psycopg2.Error, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", error)).strip()
        raise BackupError(f"the database does not take the rows: {reason}") from error
    finally:
        database.close()
    if backup.manifest.signed_with != fingerprint(settings.signing_secret.get_secret_value()):
        say("PHONOSCOPE_SIGNING_SECRET is another one: links are void, and each webhook needs a new secret")
    return backup.manifest


def _restore(settings: Settings, backup: _Backup, database: Database, locked: Session, own_key: str, say: Say) -> None:
    url = settings.database_url.get_secret_value()
    store = ObjectStore(settings)
    store.ensure_bucket()
    backup.send_objects(store, say)
    with database.transaction() as session:
        _hold_unused(session, locked, own_key)
        _clear(session)
    migrate(url, backup.manifest.revision)
    with database.transaction() as session:
        _hold_unused(session, locked, own_key)
        backup.load(session)
    _finish(url)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Within it a folder that fails raises ``BackupDamaged``."""
    try:
        yield
    except OSError as error:
        raise BackupDamaged(f"{folder} cannot be read: {error.strerror or error}") from error


def _keep_others(keys: Collection[str], bucket: str, say: Say, *, replace: bool) -> None:
    """Raises ``RestoreRefused`` for objects that the restored service would erase, unless that is wanted."""
    if not keys:
        return
    recordings = len({key.split("/")[1] for key in keys})
    there = f"the bucket {bucket!r} has {len(keys):,} objects of {recordings:,} recordings"
    what = f"{there} that are not in the backup"
    when = "once they are older than PHONOSCOPE_ORPHAN_GRACE_S"
    if not replace:
        advice = "restore into an empty bucket, or give them up with --replace"
        raise RestoreRefused(f"{what}: couriers of the restored service would erase them {when}; {advice}")
    say(f"{what}: couriers erase them {when}")


def _lock_service(session: Session) -> None:
    """Keeps other restores away, and couriers from erasing objects, until the transaction ends."""
    if not try_lock(session, Lock.RESTORE):
        raise RestoreRefused("another restore is at work on this database")
    if not try_lock(session, Lock.TIDY):
        raise RestoreRefused("a courier is at work on this database: stop the service first")
    stay_open(session)


def _hold_unused(session: Session, locked: Session, own_key: str) -> None:
    """Locks all tables, so that nothing is added to them, and looks once more that there is nothing in them.

    A connection that was lost has given its locks back: nothing goes on without them.
    """
    locked.execute(_ALIVE)
    _refuse_if_used(session, own_key)
    if tables := _tables(session):
        session.execute(text(f"LOCK TABLE {', '.join(tables)}"))
    _refuse_if_used(session, own_key)


def _refuse_if_used(session: Session, own_key: str) -> None:
    """Raises ``RestoreRefused`` when the database has what owners made, or programs are at work on it."""
    present = _tables(session)
    for table in (name for name in _USED if name in present):
        found = f"SELECT EXISTS (SELECT FROM {table} WHERE {_USED_IF.get(table, 'true')})"  # noqa: S608 - of constants
        if session.scalar(text(found), {"own_key": own_key}):
            raise RestoreRefused(f"the database has {table}: restore into an empty one")
    programs = Counter(each.name.lower() for each in open_listeners(session))
    if "workers" in present:
        programs["worker"] = len(live_workers(session))
    at_work = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in programs.items() if count]
    if at_work:
        raise RestoreRefused(f"at work on this database: {', '.join(at_work)}; stop the service first")


class _Backup:
    def __init__(self, folder: Path, identity: Path | None) -> None:
        self._folder = folder
        self._opener = Opener(identity)
        self.manifest = Manifest.read(folder)
        self._rows = self.manifest.rows(folder)
        self._sealed = bool(self.manifest.sealed_to)
        if not knows_revision(self.manifest.revision):
            raise BackupTooNew(
                f"the schema {self.manifest.revision!r} of release {self.manifest.release} is unknown to this one"
            )

    def not_named(self, store: ObjectStore) -> set[str]:
        """The keys of recordings in the bucket that the backup does not name. Raises as ``check`` does."""
        found = set[str]()
        with suppress(NotFound):
            found.update(store.keys("tracks/"))
        if found:
            self._check(self.manifest.objects)
            with self._objects() as objects:
                for stored in objects:
                    found.discard(stored.key)
        return found

    def check(self, say: Say) -> None:
        """Raises ``BackupDamaged``, ``BackupSealed`` and ``BackupUnwritable``."""
        for file in (self.manifest.objects, *(table.file for table in self.manifest.tables)):
            self._check(file)
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool, self._objects() as objects:
            for part in _parts(objects):
                list(pool.map(lambda stored: checked(self._path(stored), stored.size_bytes, stored.sha256), part))
        say(f"{self.manifest.objects_count:,} objects and {len(self.manifest.tables)} tables are as they were written")

    def send_objects(self, store: ObjectStore, say: Say) -> None:
        """Stores the objects that the bucket does not have, or has with another size."""
        there = store.sizes("tracks/")
        sent = replaced = 0
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool, self._objects() as objects:
            for part in _parts(objects):
                to_send = [stored for stored in part if there.get(stored.key) != self._size(stored)]
                list(pool.map(lambda stored: self._send(store, stored), to_send))
                sent += len(to_send)
                replaced += sum(stored.key in there for stored in to_send)
                say(f"{sent:,} objects stored")
        kept = self.manifest.objects_count - sent
        say(f"{kept:,} objects were in the bucket already, {replaced:,} of another size were replaced")

    def load(self, session: Session) -> None:
        """Fills the tables, and leaves out what was erased while the backup was made."""
        stay_open(session)
        load_tables(session, self.manifest.tables, self._table)
        for statement in (_FORGET, _ERASE, _HIDE, _UNMAKE, _GONE):
            session.execute(statement, {"keys": self.manifest.erased})

    def _check(self, file: File) -> None:
        checked(self._rows / file.name, file.size_bytes, file.sha256)

    def _table(self, table: Table) -> AbstractContextManager[BinaryIO]:
        return self._opener.open(self._rows / table.file.name, sealed=self._sealed)

    def _send(self, store: ObjectStore, stored: Stored) -> None:
        with self._opener.open(self._path(stored), sealed=self._sealed) as file:
            store.put(stored.key, file, stored.media_type)

    def _size(self, stored: Stored) -> int:
        """The bytes of the object."""
        return plain_size(self._path(stored)) if self._sealed else stored.size_bytes

    def _path(self, stored: Stored) -> Path:
        path = object_file(self._folder, stored.key)
        return path.with_name(path.name + ".age") if self._sealed else path

    @contextmanager
    def _objects(self) -> Iterator[Iterator[Stored]]:
        with self._opener.open(self._rows / self.manifest.objects.name, sealed=self._sealed) as file:
            yield read_objects(Path(file.name))


def _tables(session: Session) -> list[str]:
    return list(session.scalars(_PRESENT, {"names": [*METADATA.tables, "alembic_version"]}))


def _clear(session: Session) -> None:
    """Removes the tables of a service that nobody has used yet."""
    for table in _tables(session):
        session.execute(text(f"DROP TABLE {table} CASCADE"))
    for function in session.scalars(_FUNCTIONS).all():
        session.execute(text(f"DROP FUNCTION {function} CASCADE"))


def _finish(url: str) -> None:
    try:
        migrate(url)
    except (SQLAlchemyError, CommandError) as error:
        raise BackupError(
            f"all rows are back, without the newer migrations; run `phonoscope migrate`: {error}"
        ) from error


def _parts(objects: Iterator[Stored]) -> Iterator[list[Stored]]:
    while part := list(islice(objects, _PART)):
        yield part
