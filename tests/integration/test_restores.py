"""Restores: what they refuse, beside whom, and how one that was cut off goes on."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.db.access.locks import Lock, try_lock
from phonoscope.db.access.migrate import migrate
from phonoscope.db.schema.service import WorkerRow
from phonoscope.db.service.keys import create_key
from phonoscope.errors import (
    BackupDamaged,
    BackupError,
    BackupUnwritable,
    DatabaseUnavailable,
    RestoreRefused,
    StoreUnavailable,
)
from phonoscope.states import Pool
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_cli.backup import restoring
from phonoscope_cli.backup.restoring import check_backup
from phonoscope_cli.backup.sealing import new_identity
from phonoscope_cli.backup.tables import load_tables
from phonoscope_courier.listener import listen
from phonoscope_courier.sweeper import Sweeper
from phonoscope_gateway.listener import JobListener
from tests.integration.backed_up import Service, quiet
from tests.support import add_track, phonoscope

_OLD_JOB = text(
    "INSERT INTO jobs (id, owner_id, status, options, metadata) VALUES ('job_old', 'own_old', 'succeeded', '{}', '{}')"
)
_END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def started(new_service: Callable[..., Service]) -> Service:
    """A service that was started and that nobody has used yet."""
    return new_service("head")


@pytest.fixture
def folder(service: Service, tmp_path: Path) -> Path:
    """The backup of that service."""
    service.back_up(tmp_path / "backup")
    return tmp_path / "backup"


@pytest.mark.long
def test_a_service_in_use_is_left_alone(service: Service, started: Service, folder: Path) -> None:
    """Recordings, or workers without any; a service that was only started is replaced."""
    before = service.rows()
    with pytest.raises(RestoreRefused, match="has tracks"):
        service.restore(folder)
    assert service.rows() == before
    with started.database.transaction() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_new', 'local')"))
        session.add(WorkerRow(id="w", pool=Pool.CPU, host="h", device="cpu", lanes=["short"]))
    with pytest.raises(RestoreRefused, match="1 worker; stop the service"):
        started.restore(folder)
    with started.database.transaction() as session:
        session.execute(text("DELETE FROM workers"))
    started.restore(folder)
    assert started.rows() == before


@pytest.mark.long
def test_keys_alone_are_use(service: Service, started: Service, folder: Path) -> None:
    """Somebody has been given one; a local stack makes the first for itself, which does not count."""
    with started.database.transaction() as session:
        own_key = create_key(session, "local").split("_")[1]
        create_key(session, "ann")
    for known in ("", own_key):
        with pytest.raises(RestoreRefused, match="has api_keys"):
            started.restore(folder, own_key=known)
    with started.database.transaction() as session:
        session.execute(text("DELETE FROM api_keys WHERE id <> :own_key"), {"own_key": own_key})
    started.restore(folder, own_key=own_key)
    assert started.rows() == service.rows()


@pytest.mark.long
def test_a_new_local_stack_is_restored_into(folder: Path, tmp_path: Path) -> None:
    """Its servers are started for it, and the key that it makes for itself is no use; after it there are recordings."""
    new = tmp_path / "new"
    restored = phonoscope("restore", str(folder), "--data-dir", new)
    assert restored.returncode == 0, restored.stderr
    assert "4 objects" in restored.stdout
    again = phonoscope("restore", str(folder), "--data-dir", new)
    assert again.returncode == 1
    assert "the database has tracks" in again.stderr


@pytest.mark.parametrize("program", ["gateway", "courier"])
def test_gateways_and_couriers_are_noticed(started: Service, folder: Path, program: str) -> None:
    """By the connection on which each receives notifications."""
    beside = {"gateway": _beside_a_gateway, "courier": _beside_a_courier}[program]
    with pytest.raises(RestoreRefused, match=f"1 {program}; stop the service"):
        asyncio.run(beside(started, lambda: started.restore(folder)))
    assert started.objects() == {}


def test_what_is_added_while_objects_are_sent_is_kept(started: Service, folder: Path) -> None:
    """They take hours: the service may have been started meanwhile, by somebody or by the machine."""

    def said(line: str) -> None:
        if "objects stored" in line:
            with started.database.transaction() as session:
                add_track(session, "own_late", "trk_late", "tracks/trk_late/original.wav", size_bytes=5)

    with pytest.raises(RestoreRefused, match="has tracks"):
        started.restore(folder, say=said)
    assert [len(started.rows()[name]) for name in ("tracks", "owners")] == [1, 1]
    assert "trk_late" in started.rows()["tracks"][0]


@pytest.mark.long
def test_what_is_added_after_the_tables_were_made_anew_is_kept(
    started: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows come in the next transaction, which looks again."""

    def late(url: str, revision: str) -> None:
        migrate(url, revision)
        with started.database.transaction() as session:
            add_track(session, "own_late", "trk_late", "tracks/trk_late/original.wav", size_bytes=5)

    monkeypatch.setattr(restoring, "migrate", late)
    with pytest.raises(RestoreRefused, match="has tracks"):
        started.restore(folder)
    assert len(started.rows()["tracks"]) == 1


@pytest.mark.long
def test_a_second_restore_is_refused(service: Service, started: Service, folder: Path) -> None:
    """The first goes on."""
    refused = []

    def said(line: str) -> None:
        if "objects stored" in line:
            with pytest.raises(RestoreRefused, match="another restore") as caught:
                started.restore(folder)
            refused.append(caught.value)

    started.restore(folder, say=said)
    assert len(refused) == 1
    assert started.rows() == service.rows()


@pytest.mark.long
def test_a_courier_erases_no_object_whose_row_is_to_come(service: Service, started: Service, folder: Path) -> None:
    """It waits for the restore, and the restore for one that erases now."""
    settings = started.settings.model_copy(update={"orphan_grace_s": 1e-9})
    sweeper = Sweeper(started.database, Waker(settings.broker_url.get_secret_value()), ObjectStore(settings), settings)
    erased = []
    with started.database.transaction() as session:
        assert try_lock(session, Lock.TIDY)
        with pytest.raises(RestoreRefused, match="a courier is at work"):
            started.restore(folder)
    started.restore(folder, say=lambda line: erased.append(sweeper.tidy()) if "objects stored" in line else None)
    assert erased == [0]
    assert started.objects() == service.objects()
    assert sweeper.tidy() == 0, "their rows are there"


def test_recordings_that_the_backup_does_not_name_are_given_up_only_when_asked(
    service: Service, started: Service, folder: Path
) -> None:
    """As in the bucket of a service that runs: couriers of the restored one would erase its recordings."""
    theirs = service.objects()
    service.upload(3)
    started.settings = started.settings.model_copy(update={"s3_bucket": service.settings.s3_bucket})
    before, said = started.rows(), list[str]()
    with pytest.raises(RestoreRefused, match=r"2 objects of 1 recordings .* would erase them .*--replace"):
        started.restore(folder)
    assert started.rows() == before
    started.restore(folder, say=said.append, replace=True)
    assert any("2 objects of 1 recordings" in line and "couriers erase them" in line for line in said)
    settings = started.settings.model_copy(update={"orphan_grace_s": 1e-3})
    broker = Waker(settings.broker_url.get_secret_value())
    assert Sweeper(started.database, broker, ObjectStore(settings), settings).tidy() == 2
    assert service.objects() == theirs


def test_a_folder_that_fails_is_named(
    service: Service, started: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup's, on a disk with errors, and that of temporary files."""
    public, folder = new_identity(tmp_path / "key"), tmp_path / "backup"
    made = service.back_up(folder, public)
    attempts: list[Callable[..., object]] = [check_backup, started.restore]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    for attempt in attempts:
        with pytest.raises(BackupUnwritable, match=f"no temporary file .*{tmp_path / 'none'}.*TMPDIR"):
            attempt(folder, tmp_path / "key", quiet)
    monkeypatch.undo()
    file = made.rows(folder) / made.objects.name
    file.unlink()
    file.symlink_to("/proc/self/mem")
    unread = made.model_copy(update={"objects": made.objects.model_copy(update={"size_bytes": 0})})
    unread.write(folder)
    for attempt in attempts:
        with pytest.raises(BackupDamaged, match=f"{folder} cannot be read: Input/output error"):
            attempt(folder, tmp_path / "key", quiet)


def test_nothing_is_removed_when_the_lock_was_lost(
    started: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when PostgreSQL was restarted while the objects were sent."""
    before = started.rows()

    def said(line: str) -> None:
        if "objects stored" in line:
            with started.database.transaction() as session:
                session.execute(_END_OTHERS)

    with pytest.raises(DatabaseUnavailable):
        started.restore(folder, say=said)
    assert started.rows() == before


def test_one_that_was_cut_off_is_run_again(
    service: Service, started: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among the objects, then among the rows: nothing is half back, and no object is sent twice."""
    put, sent = ObjectStore.put, list[str]()

    def broken_put(store: ObjectStore, key: str, file: io.BytesIO, media_type: str) -> None:
        if len(sent) == 1:
            raise StoreUnavailable("it went away")
        noted_put(store, key, file, media_type)

    def noted_put(store: ObjectStore, key: str, file: io.BytesIO, media_type: str) -> None:
        put(store, key, file, media_type)
        sent.append(key)

    def broken_load(*arguments: Any) -> None:
        load_tables(*arguments)
        raise DatabaseUnavailable("it went away")

    monkeypatch.setattr(restoring, "_COPIES_AT_ONCE", 1)
    monkeypatch.setattr(restoring, "load_tables", broken_load)
    for broken, error in ((broken_put, StoreUnavailable), (noted_put, DatabaseUnavailable)):
        monkeypatch.setattr(ObjectStore, "put", broken)
        with pytest.raises(error):
            started.restore(folder)
        assert not any(started.rows().values())
    monkeypatch.setattr(restoring, "load_tables", load_tables)
    started.restore(folder)
    assert started.rows() == service.rows()
    assert started.objects() == service.objects()
    assert sorted(sent) == service.keys


@pytest.mark.long
@pytest.mark.parametrize("encrypted", [False, True])
def test_objects_that_differ_in_the_bucket_are_replaced(
    service: Service,
    started: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encrypted: bool,
) -> None:
    """As where the bucket outlived the database, with objects that were cut off or are others; whole ones stay."""
    recipients = [new_identity(tmp_path / "key")] if encrypted else []
    service.back_up(tmp_path / "backup", *recipients)
    whole = service.objects()
    cut, longer, same, _ = service.keys
    for key, content in ((cut, whole[cut][:-1]), (longer, whole[longer] + b"!"), (same, whole[same])):
        started.store.put(key, io.BytesIO(content), "audio/wav")
    put, sent, said = ObjectStore.put, list[str](), list[str]()

    def noted_put(store: ObjectStore, key: str, file: io.BytesIO, media_type: str) -> None:
        sent.append(key)
        put(store, key, file, media_type)

    monkeypatch.setattr(ObjectStore, "put", noted_put)
    started.restore(tmp_path / "backup", tmp_path / "key" if encrypted else None, said.append)
    assert started.objects() == whole
    assert sorted(sent) == sorted(whole.keys() - {same})
    assert "1 objects were in the bucket already, 2 of another size were replaced" in said


def test_newer_migrations_that_fail_are_said_and_run_later(new_service: Callable[..., Service], tmp_path: Path) -> None:
    """All rows are back by then: `phonoscope migrate` is enough, and a second restore is refused."""
    old, new = new_service("0014"), new_service()
    with old.database.transaction() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_old', 'old')"))
        session.execute(_OLD_JOB)
    old.back_up(tmp_path / "backup")
    with new.database.transaction() as session:
        session.execute(text("CREATE TYPE shares AS (in_the_way int)"))
    with pytest.raises(BackupError, match="all rows are back, without the newer migrations; run `phonoscope migrate`"):
        new.restore(tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="has jobs"):
        new.restore(tmp_path / "backup")
    with new.database.transaction() as session:
        session.execute(text("DROP TYPE shares"))
    migrate(new.url)
    assert "job_old" in new.rows()["jobs"][0]


async def _beside_a_gateway(service: Service, body: Callable[[], object]) -> None:
    listener = JobListener(service.url)
    with listener.waiting_for("job") as connected:
        async with listener.listening():
            await connected.wait()
            await asyncio.to_thread(body)


async def _beside_a_courier(service: Service, body: Callable[[], object]) -> None:
    connected = asyncio.Event()
    listening = asyncio.create_task(listen(service.url, connected.set))
    await connected.wait()
    try:
        await asyncio.to_thread(body)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
