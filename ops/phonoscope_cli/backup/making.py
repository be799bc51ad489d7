"""Makes a backup, or brings one in the same folder up to date."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

import psycopg2
from sqlalchemy import text

from phonoscope import __version__
from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import stay_open
from phonoscope.errors import (
    BackupBusy,
    BackupDamaged,
    BackupError,
    BackupIncomplete,
    BackupKept,
    BackupUnwritable,
    NotFound,
    StoreUnavailable,
)
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_cli.backup.manifest import (
    FORMAT,
    File,
    Manifest,
    Stored,
    fingerprint,
    object_file,
    read_objects,
    rows_folder,
)
from phonoscope_cli.backup.sealing import Sealer, checked
from phonoscope_cli.backup.tables import dump_tables

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from sqlalchemy.orm import Session

Say = Callable[[str], None]
_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
_REVISION = text("SELECT version_num FROM alembic_version")
_DIGEST = "encode(sha256(convert_to(id, 'UTF8')), 'hex')"
_FIRST_OWNER = text(f"SELECT {_DIGEST} FROM owners ORDER BY created_at, id LIMIT 1")  # noqa: S608 - of constants
_HAS_OWNER = text(f"SELECT EXISTS (SELECT FROM owners WHERE {_DIGEST} = :digest)")  # noqa: S608 - of constants
_OBJECTS = text(
    """
    SELECT object_key, media_type FROM tracks UNION ALL SELECT object_key, media_type FROM artifacts ORDER BY object_key
    """
)
_NAMED = text(
    """
    SELECT key FROM unnest(CAST(:keys AS text[])) AS asked (key)
    WHERE EXISTS (SELECT FROM tracks WHERE object_key = key) OR EXISTS (SELECT FROM artifacts WHERE object_key = key)
    """
)
_COPIES_AT_ONCE = 4
_NAMES = {"backup.json", "backup.partial", "copied.jsonl", "copied.partial", "lock", "objects", "rows"}
_PART = 500


def make_backup(
    settings: Settings,
    folder: Path,
    recipients: Sequence[str],
    say: Say,
    *,
    verify: bool = False,
    replace: bool = False,
) -> Manifest:
    """Backs up the database and the bucket that the settings name, beside running work.

    Args:
        recipients: age's public keys to encrypt all files to; with none they are plain.
        verify: reads the objects that are in the folder already, and copies those again that were changed there.
        replace: replaces whatever backup the folder has.

    Raises:
        BackupSealed: a recipient is no public key.
        BackupBusy: another process writes into the folder.
        BackupUnwritable: the folder cannot be written.
        BackupKept: the folder's backup is of another service, or has objects and this service has none.
        BackupTooNew: the folder's backup is of a newer release.
        BackupIncomplete: objects that rows name are not in the bucket. The rest is kept, and goes on next time.
        DatabaseUnavailable, StoreUnavailable: what was copied is kept, and goes on next time.
    """
    sealer = Sealer(recipients)
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    try:
        with _taken(folder):
            making = _Backup(database, ObjectStore(settings), folder, sealer, say, verify=verify)
            return making.make(fingerprint(settings.signing_secret.get_secret_value()), replace=replace)
    except psycopg2.Error as error:
        raise BackupError(f"the database's rows cannot be read: {str(error).strip()}") from error
    except OSError as error:
        raise BackupUnwritable(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        database.close()


class _Backup:
    def __init__(
        self, database: Database, store: ObjectStore, folder: Path, sealer: Sealer, say: Say, *, verify: bool
    ) -> None:
        self._database = database
        self._store = store
        self._folder = folder
        self._sealer = sealer
        self._say = say
        self._verify = verify
        self._suffix = ".age" if sealer.sealed_to else ""
        self._copied = _Copied(folder / "copied.jsonl")

    def make(self, signed_with: str, *, replace: bool) -> Manifest:
        made_at = datetime.now(UTC)
        snapshot = f"{made_at:%Y%m%dT%H%M%S%fZ}"
        rows = rows_folder(self._folder) / snapshot
        with self._database.transaction() as session:
            session.execute(_SNAPSHOT)
            stay_open(session)
            revision = session.scalar(_REVISION) or ""
            first_owner = session.scalar(_FIRST_OWNER) or ""
            wanted = {row.object_key: str(row.media_type) for row in session.execute(_OBJECTS)}
            if not replace:
                self._keep_anothers(session, wanted)
            tables = dump_tables(session, lambda name, file: self._write(rows / f"{name}.copy.gz", file))
        self._say(f"{sum(table.rows for table in tables):,} rows of {len(tables)} tables")
        erased = self._copy(wanted)
        kept = sorted((self._copied[key] for key in wanted if key not in erased), key=lambda stored: stored.key)
        lines = "".join(stored.model_dump_json() + "\n" for stored in kept)
        manifest = Manifest(
            format=FORMAT,
            release=__version__,
            revision=revision,
            made_at=made_at,
            signed_with=signed_with,
            first_owner=first_owner,
            sealed_to=self._sealer.sealed_to,
            snapshot=snapshot,
            tables=tables,
            objects=self._write(rows / "objects.jsonl", io.BytesIO(lines.encode())),
            objects_count=len(kept),
            objects_bytes=sum(stored.size_bytes for stored in kept),
            erased=sorted(erased),
        )
        manifest.write(self._folder)
        self._tidy(rows, kept, lines)
        return manifest

    def _keep_anothers(self, session: Session, wanted: Collection[str]) -> None:
        """Raises ``BackupKept`` when the folder's backup would be lost to this one."""
        advice = "name another folder, or replace it with --replace"
        if self._copied and not wanted:
            raise BackupKept(
                f"{self._folder} has {len(self._copied):,} objects of a backup, this service has none: {advice}"
            )
        # A damaged one is mended by the backup that follows.
        with suppress(BackupIncomplete, BackupDamaged):
            before = Manifest.read(self._folder)
            if before.first_owner and not session.scalar(_HAS_OWNER, {"digest": before.first_owner}):
                made = f"{before.made_at:%Y-%m-%d %H:%M:%S} UTC"
                raise BackupKept(f"{self._folder} has a backup of another service, made {made}: {advice}")

    def _write(self, path: Path, file: BinaryIO) -> File:
        return self._sealer.write(path.with_name(path.name + self._suffix), file)

    def _copy(self, wanted: dict[str, str]) -> set[str]:
        """Copies what is not in the folder yet; returns the keys that were erased meanwhile, with their rows."""
        keys = list(wanted)
        if self._verify:
            self._drop_changed(keys)
        to_do = [key for key in keys if not self._has(key)]
        self._say(f"{len(wanted):,} objects, {len(to_do):,} to copy")
        absent: list[str] = []
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            for start in range(0, len(to_do), _PART):
                part = to_do[start : start + _PART]
                there = pool.map(self._copy_one, part, [wanted[key] for key in part])
                absent += [key for key, found in zip(part, there, strict=True) if not found]
                self._say(f"{min(start + _PART, len(to_do)):,} of {len(to_do):,} copied")
        named = {key for start in range(0, len(wanted), _PART) for key in self._named(keys[start : start + _PART])}
        if lost := [key for key in absent if key in named]:
            raise BackupIncomplete(f"{len(lost):,} objects that rows name are not in the bucket, such as {lost[0]}")
        return wanted.keys() - named

    def _has(self, key: str) -> bool:
        return self._copied.has(key, self._sealer.sealed_to, self._path(key))

    def _drop_changed(self, keys: Sequence[str]) -> None:
        """Forgets the copies that are not as they were written."""
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            for start in range(0, len(keys), _PART):
                there = [key for key in keys[start : start + _PART] if self._has(key)]
                whole = pool.map(self._is_whole, there)
                self._copied.drop([key for key, kept in zip(there, whole, strict=True) if not kept])

    def _is_whole(self, key: str) -> bool:
        stored = self._copied[key]
        try:
            checked(self._path(key), stored.size_bytes, stored.sha256)
        except BackupDamaged as error:
            self._say(f"{error}: it is copied again")
            return False
        return True

    def _copy_one(self, key: str, media_type: str) -> bool:
        try:
            stored = self._store.read(key, 0, 0)
        except NotFound:
            return False
        chunks = _Chunks(stored.chunks)
        with closing(stored.chunks), BufferedReader(chunks) as source:
            try:
                written = self._sealer.write(self._path(key), source)
            except BackupUnwritable:
                # What encrypts gives the store's error another class.
                if chunks.failure:
                    raise chunks.failure from None
                raise
        self._copied.add(
            Stored(
                key=key,
                media_type=media_type,
                size_bytes=written.size_bytes,
                sha256=written.sha256,
                sealed_to=self._sealer.sealed_to,
            )
        )
        return True

    def _path(self, key: str) -> Path:
        path = object_file(self._folder, key)
        return path.with_name(path.name + self._suffix)

    def _named(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that the database still names, in a newer snapshot."""
        with self._database.transaction() as session:
            return list(session.scalars(_NAMED, {"keys": list(keys)}))

    def _tidy(self, rows: Path, kept: Iterable[Stored], lines: str) -> None:
        """Removes what only backups of before name."""
        self._copied.replace(lines)
        named = {self._path(stored.key) for stored in kept}
        for path in (self._folder / "objects").rglob("*"):
            if path.is_file() and path not in named:
                path.unlink()
        for old in rows.parent.iterdir():
            if old != rows:
                shutil.rmtree(old)
        for below, folders, files in os.walk(self._folder / "objects", topdown=False):
            if not folders and not files:
                Path(below).rmdir()


class _Chunks(io.RawIOBase):
    """Reads what an iterator gives."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""
        self.failure: StoreUnavailable | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        into = memoryview(buffer)
        try:
            self._left = self._left or next(self._chunks, b"")
        except StoreUnavailable as error:
            self.failure = error
            raise
        count = min(len(into), len(self._left))
        into[:count], self._left = self._left[:count], self._left[count:]
        return count


class _Copied:
    """The objects that are in the folder, whole: a line is added once a file is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._found = {stored.key: stored for stored in read_objects(path, whole=False)} if path.exists() else {}
        self._write()

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, key: str) -> Stored:
        return self._found[key]

    def has(self, key: str, sealed_to: str, path: Path) -> bool:
        stored = self._found.get(key)
        if stored is None or stored.sealed_to != sealed_to:
            return False
        return path.exists() and path.stat().st_size == stored.size_bytes

    def add(self, stored: Stored) -> None:
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(stored.model_dump_json() + "\n")
            self._found[stored.key] = stored

    def drop(self, keys: Sequence[str]) -> None:
        """Has these copied again, also by a later backup where this one is cut off."""
        if keys:
            for key in keys:
                del self._found[key]
            self._write()

    def replace(self, lines: str) -> None:
        draft = self._path.with_suffix(".partial")
        draft.write_text(lines, encoding="utf-8")
        draft.replace(self._path)

    def _write(self) -> None:
        self.replace("".join(stored.model_dump_json() + "\n" for stored in self._found.values()))


@contextmanager
def _taken(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if {entry.name for entry in folder.iterdir()} - _NAMES:
            raise BackupUnwritable(f"{folder} holds other files; name a new folder, or one with a backup")
        file = (folder / "lock").open("w")
    except OSError as error:
        raise BackupUnwritable(f"{folder} cannot be used: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupBusy(f"another process makes a backup in {folder}") from error
        yield
