"""Backups of the database and the bucket, and their way back."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from phonoscope.db.service.keys import create_key
from phonoscope.errors import (
    BackupBusy,
    BackupDamaged,
    BackupError,
    BackupIncomplete,
    BackupKept,
    BackupSealed,
    BackupTooNew,
    BackupUnwritable,
    StoreUnavailable,
)
from phonoscope.storage import ObjectStore
from phonoscope.storage.store import StoredRange
from phonoscope_cli.backup import making
from phonoscope_cli.backup.manifest import Manifest
from phonoscope_cli.backup.restoring import check_backup
from phonoscope_cli.backup.sealing import new_identity
from tests.integration.backed_up import Service, new_label, quiet
from tests.support import RunningStack


@pytest.fixture
def empty(new_service: Callable[..., Service]) -> Service:
    """A database without tables and a bucket without objects."""
    return new_service()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the backup lies; it does not exist yet."""
    return tmp_path / "backup"


def test_a_restored_service_has_every_row_and_every_object(service: Service, empty: Service, folder: Path) -> None:
    """Also counters, and what identity columns give next; the audit log too, though nothing may change it."""
    new_label(service, "dog")
    made = service.back_up(folder)
    assert (made.objects_count, made.erased, made.sealed_to) == (4, [], "")
    check_backup(folder, None, quiet)
    empty.restore(folder)
    assert empty.rows() == service.rows()
    assert empty.objects() == service.objects()
    assert new_label(empty, "cat") == new_label(service, "cat")
    for restored in (service, empty):
        restored.upload(3)
        restored.erase(1)
    audited = "SELECT owner_id, action, subject FROM audit_log ORDER BY owner_id, action"
    stored = "SELECT id, stored_bytes, stored_tracks FROM owners ORDER BY id"
    for statement in (audited, stored):
        found = []
        for restored in (service, empty):
            with restored.database.transaction() as session:
                found.append(session.execute(text(statement)).all())
        assert found[0] == found[1]
        assert len(found[0]) >= 3


@pytest.mark.long
def test_the_next_backup_copies_what_is_new(
    service: Service, empty: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects never change: those in the folder stay as they are, those that were erased go."""
    service.back_up(folder)
    service.upload(3)
    service.erase(1)
    fetched: list[str] = []
    read = ObjectStore.read

    def noted(store: ObjectStore, key: str, start: int, length: int) -> StoredRange:
        fetched.append(key)
        return read(store, key, start, length)

    monkeypatch.setattr(ObjectStore, "read", noted)
    made = service.back_up(folder)
    assert sorted(fetched) == ["tracks/trk_3/cover/cover.jpg", "tracks/trk_3/original.wav"]
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    objects = [f"objects/{key}" for key in service.keys]
    tables = [f"rows/{made.snapshot}/{table.file.name}" for table in made.tables]
    others = ["backup.json", "copied.jsonl", "lock", f"rows/{made.snapshot}/objects.jsonl"]
    assert files == sorted(objects + tables + others)
    empty.restore(folder)
    assert empty.rows() == service.rows()


@pytest.mark.long
def test_what_is_erased_while_it_runs_does_not_come_back(
    service: Service, empty: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot still has its rows; they are erased again, and counted so."""
    read = ObjectStore.read

    def late(store: ObjectStore, key: str, start: int, length: int) -> StoredRange:
        if any("trk_1" in kept for kept in service.keys):
            service.erase(1)
        return read(store, key, start, length)

    service.back_up(folder)
    service.upload(3)
    monkeypatch.setattr(ObjectStore, "read", late)
    monkeypatch.setattr(making, "_COPIES_AT_ONCE", 1)
    made = service.back_up(folder)
    assert made.erased == ["tracks/trk_1/cover/cover.jpg", "tracks/trk_1/original.wav"], "they are in the folder"
    empty.restore(folder)
    same = ("tracks", "artifacts", "owners")
    assert [empty.rows()[name] for name in same] == [service.rows()[name] for name in same]
    assert empty.objects() == service.objects()


def test_a_job_that_is_forgotten_while_it_runs_does_not_come_back(
    service: Service, empty: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that has a copy of its result: the artifacts of both are gone, so that they are made again."""
    read, key = ObjectStore.read, service.explain(1, "made", "copied")
    service.explain(2, "other")

    def late(store: ObjectStore, wanted: str, start: int, length: int) -> StoredRange:
        service.forget("made", key)
        return read(store, wanted, start, length)

    monkeypatch.setattr(ObjectStore, "read", late)
    monkeypatch.setattr(making, "_COPIES_AT_ONCE", 1)
    assert service.back_up(folder).erased == [key]
    empty.restore(folder)
    assert [len(empty.rows()[name]) for name in ("tracks", "jobs", "tasks", "results", "track_results")] == [
        2,
        1,
        1,
        1,
        1,
    ]
    assert "other" in empty.rows()["jobs"][0]
    assert sorted(empty.objects()) == sorted(service.objects())


def test_an_object_that_the_bucket_lost_is_named(service: Service, folder: Path) -> None:
    """A backup that lacks what rows name is none; the one of before stays, whole."""
    before = service.back_up(folder)
    service.upload(3)
    service.store.delete(["tracks/trk_3/original.wav"])
    with pytest.raises(BackupIncomplete, match=r"1 objects .* such as tracks/trk_3/original\.wav"):
        service.back_up(folder)
    assert check_backup(folder, None, quiet) == before


@pytest.mark.parametrize("encrypted", [False, True])
def test_one_that_was_cut_off_goes_on(
    service: Service, empty: Service, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    """What was copied is kept; until the end there is no backup, or the one of before."""
    read, fetched = ObjectStore.read, list[str]()

    def failing(store: ObjectStore, key: str, start: int, length: int) -> StoredRange:
        fetched.append(key)
        found = read(store, key, start, length)
        return replace(found, chunks=_broken(found.chunks)) if len(fetched) == 3 else found

    monkeypatch.setattr(ObjectStore, "read", failing)
    monkeypatch.setattr(making, "_COPIES_AT_ONCE", 1)
    recipients = [new_identity(tmp_path / "key")] if encrypted else []
    with pytest.raises(StoreUnavailable):
        service.back_up(folder, *recipients)
    assert not list(folder.rglob("*.partial"))
    with pytest.raises(BackupIncomplete, match="cut off: run `phonoscope backup` again"):
        empty.restore(folder)
    with (folder / "copied.jsonl").open("a") as file:
        file.write('{"key": "tracks/tr')
    service.back_up(folder, *recipients)
    assert len(fetched) <= 6, "the first two were kept"
    assert fetched.count(fetched[0]) == fetched.count(fetched[1]) == 1
    empty.restore(folder, tmp_path / "key" if encrypted else None)
    assert empty.objects() == service.objects()


def test_an_encrypted_backup_shows_nothing_and_needs_its_identity(
    service: Service, empty: Service, folder: Path, tmp_path: Path
) -> None:
    """A backup that was plain before is encrypted as a whole when a key is given."""
    service.back_up(folder)
    keys = [tmp_path / "first.key", tmp_path / "other.key"]
    public = [new_identity(key) for key in keys]
    assert keys[0].stat().st_mode & 0o777 == 0o600
    service.back_up(folder, public[0])
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"sound of" not in everything
    assert b"own_1" not in everything
    for identity, words in ((None, "cannot be decrypted"), (keys[1], "cannot be decrypted")):
        with pytest.raises(BackupSealed, match=words):
            empty.restore(folder, identity)
    assert not empty.has_tables()
    assert empty.objects() == {}
    empty.restore(folder, keys[0])
    assert empty.rows() == service.rows()
    assert empty.objects() == service.objects()


@pytest.mark.parametrize("content", ["", "# nothing\n", "AGE-SECRET-KEY-1\n", "\0"])
def test_a_file_without_a_key_is_said(service: Service, folder: Path, tmp_path: Path, content: str) -> None:
    """Before anything is read, and a recipient that is none before anything is written."""
    key = tmp_path / "key"
    key.write_text(content)
    with pytest.raises(BackupSealed, match="key"):
        check_backup(folder, key, quiet)
    with pytest.raises(BackupSealed, match="--to"):
        service.back_up(folder, content)
    assert not folder.exists()


def test_a_folder_that_cannot_be_used_is_named(service: Service, folder: Path) -> None:
    """Other files, another process, a file in its place."""
    folder.mkdir()
    (folder / "photo.jpg").touch()
    with pytest.raises(BackupUnwritable, match="holds other files"):
        service.back_up(folder)
    (folder / "photo.jpg").unlink()
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BackupBusy):
            service.back_up(folder)
    with pytest.raises(BackupUnwritable, match="cannot be used"):
        service.back_up(folder / "lock")
    with pytest.raises(BackupIncomplete, match="holds no backup"):
        check_backup(folder, None, quiet)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda folder, _made: _flip(folder / "objects/tracks/trk_1/original.wav"), BackupDamaged),
        (lambda folder, _made: (folder / "objects/tracks/trk_2/original.wav").unlink(), BackupDamaged),
        (lambda folder, made: _flip(made.rows(folder) / "tracks.copy.gz"), BackupDamaged),
        (lambda folder, made: (made.rows(folder) / "objects.jsonl").write_text(""), BackupDamaged),
        (lambda folder, _made: (folder / "backup.json").write_text("{"), BackupDamaged),
        (lambda folder, _made: _note(folder, format=2), BackupTooNew),
        (lambda folder, _made: _note(folder, revision="9999"), BackupTooNew),
        (lambda folder, _made: _note(folder, snapshot="../../etc"), BackupDamaged),
    ],
)
def test_a_damaged_or_newer_backup_changes_nothing(
    service: Service,
    empty: Service,
    folder: Path,
    change: Callable[[Path, Manifest], object],
    error: type[BackupError],
) -> None:
    """All of it is read before the first row or object is written."""
    change(folder, service.back_up(folder))
    with pytest.raises(error):
        empty.restore(folder)
    assert not empty.has_tables()
    assert empty.objects() == {}


def test_a_backup_of_an_older_release_is_brought_up_to_date(new_service: Callable[..., Service], folder: Path) -> None:
    """It is restored into its own schema; the migrations since follow."""
    old, new = new_service("0014"), new_service("head")
    with old.database.transaction() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_old', 'old')"))
    old.back_up(folder)
    new.restore(folder)
    with new.database.transaction() as session:
        assert session.scalars(text("SELECT name FROM owners")).all() == ["old"]
        assert session.scalar(text("SELECT to_regclass('classifiers') IS NOT NULL"))


@pytest.mark.long
def test_another_services_backup_stays(service: Service, new_service: Callable[..., Service], folder: Path) -> None:
    """Also that of a service without recordings; what is restored from a backup is the same service."""
    other, restored = new_service("head"), new_service()
    with other.database.transaction() as session:
        create_key(session, "ann")
    for mine, theirs in ((service, other), (other, service)):
        target = folder / mine.settings.s3_bucket
        before = mine.back_up(target)
        with pytest.raises(BackupKept, match=rf"{re.escape(str(target))} has .*--replace"):
            theirs.back_up(target)
        assert check_backup(target, None, quiet) == before
        assert theirs.back_up(target, replace=True).first_owner != before.first_owner
    restored.restore(folder / other.settings.s3_bucket)
    service.erase(1)
    assert restored.back_up(folder / other.settings.s3_bucket).objects_count == 4


def test_a_service_that_lost_its_recordings_leaves_the_backup(service: Service, folder: Path) -> None:
    """They may have been erased by mistake, also after a backup that was cut off; with ``replace`` they go."""
    before = service.back_up(folder)
    for number in (1, 2):
        service.erase(number)
    with pytest.raises(BackupKept, match=r"4 objects of a backup, this service has none: .*--replace"):
        service.back_up(folder)
    assert check_backup(folder, None, quiet) == before
    (folder / "backup.json").unlink()
    with pytest.raises(BackupKept):
        service.back_up(folder)
    assert service.back_up(folder, replace=True).objects_count == 0
    assert service.back_up(folder).objects_count == 0


def test_a_newer_backup_stays_and_a_damaged_one_is_made_anew(service: Service, folder: Path) -> None:
    """Of the one whose it is cannot be read; of the other nothing can be."""
    service.back_up(folder)
    _note(folder, format=2)
    with pytest.raises(BackupTooNew):
        service.back_up(folder)
    (folder / "backup.json").write_text("{")
    service.back_up(folder)
    check_backup(folder, None, quiet)


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_changed_copy_is_made_again_as_the_check_says(
    service: Service, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    """Its size is the same, so that it is read for it; also by the backup after one that was cut off."""
    recipients = [new_identity(tmp_path / "key")] if encrypted else []
    identity = tmp_path / "key" if encrypted else None
    service.back_up(folder, *recipients)
    copy = folder / f"objects/tracks/trk_1/original.wav{'.age' if encrypted else ''}"
    _flip(copy)
    with pytest.raises(BackupDamaged, match=rf"{re.escape(str(copy))} was changed .* `phonoscope backup --verify`"):
        check_backup(folder, identity, quiet)
    read, fetched, said = ObjectStore.read, list[str](), list[str]()

    def failing(store: ObjectStore, key: str, start: int, length: int) -> StoredRange:
        fetched.append(key)
        if len(fetched) == 1:
            raise StoreUnavailable("it went away")
        return read(store, key, start, length)

    monkeypatch.setattr(ObjectStore, "read", failing)
    with pytest.raises(StoreUnavailable):
        service.back_up(folder, *recipients, say=said.append, verify=True)
    assert f"{copy} was changed after it was written: it is copied again" in said
    service.back_up(folder, *recipients)
    check_backup(folder, identity, quiet)
    assert fetched == ["tracks/trk_1/original.wav"] * 2, "the others stay"


def test_the_commands(
    service: Service, empty: Service, new_service: Callable[..., Service], stack: RunningStack, folder: Path
) -> None:
    """With the servers that the environment names; a local stack that runs is not restored into."""

    def phonoscope(of: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
        values = of.settings.model_dump()
        plain = {name: getattr(value, "get_secret_value", lambda v=value: v)() for name, value in values.items()}
        named = {f"PHONOSCOPE_{name.upper()}": str(value) for name, value in plain.items() if value is not None}
        command = [sys.executable, "-c", "from phonoscope_cli import main; main()", *arguments]
        return subprocess.run(command, env=os.environ | named, capture_output=True, text=True, timeout=120, check=False)

    made = phonoscope(service, "backup", str(folder))
    assert (made.returncode, made.stderr) == (0, "")
    assert "4 objects of" in made.stdout
    refused = phonoscope(empty, "restore", str(folder), "--data-dir", str(stack.folder))
    assert refused.returncode == 1
    assert "`phonoscope down` first" in refused.stderr
    _flip(folder / "objects/tracks/trk_1/original.wav")
    assert "phonoscope backup --verify" in phonoscope(empty, "restore", str(folder), "--check").stderr
    assert phonoscope(service, "backup", "--verify", str(folder)).returncode == 0
    assert "is whole" in phonoscope(empty, "restore", str(folder), "--check").stdout
    assert "--replace" in phonoscope(new_service("head"), "backup", str(folder)).stderr
    restored = phonoscope(empty, "restore", str(folder))
    assert (restored.returncode, restored.stderr) == (0, "")
    assert empty.rows() == service.rows()


def _broken(chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield next(chunks)[:5]
    raise StoreUnavailable("it went away in the middle")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _note(folder: Path, **changes: object) -> None:
    path = folder / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
