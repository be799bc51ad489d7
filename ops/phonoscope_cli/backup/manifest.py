"""What a backup's folder holds, and the files that say so."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phonoscope.errors import BackupDamaged, BackupIncomplete, BackupTooNew

FORMAT = 1
_NAME = r"^[a-z_][a-z0-9_]*$"
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_File = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class File(_Kept):
    """A file as it lies in the folder, encrypted where the backup is: its name, bytes and SHA-256."""

    name: _File
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: _Digest


class Table(_Kept):
    """The rows of one table, as ``COPY … (FORMAT binary)`` under gzip writes them."""

    name: Annotated[str, Field(pattern=_NAME)]
    columns: list[Annotated[str, Field(pattern=_NAME)]]
    rows: Annotated[int, Field(ge=0)]
    file: File


class Stored(_Kept):
    """An object of the bucket: ``size_bytes`` and ``sha256`` are of its file in the folder."""

    key: str
    media_type: str
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: _Digest
    sealed_to: str = ""


class Manifest(_Kept):
    """A whole backup."""

    format: Literal[1]
    release: str
    revision: str
    made_at: datetime
    signed_with: str
    """A digest by which the signing secret is known again."""
    first_owner: str = ""
    """A digest of the id of the service's first owner, by which it is known again; empty when it has none."""
    sealed_to: str = ""
    """A digest of the recipients; empty when nothing is encrypted."""
    snapshot: Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{12}Z$")]
    """The folder below ``rows`` that has the files of the tables and the list of objects."""
    tables: list[Table]
    objects: File
    objects_count: int
    objects_bytes: int
    erased: list[str]
    """Keys that the snapshot has and whose objects were erased while the backup was made, with recordings or jobs."""

    @classmethod
    def path(cls, folder: Path) -> Path:
        return folder / "backup.json"

    def rows(self, folder: Path) -> Path:
        return rows_folder(folder) / self.snapshot

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest in a folder.

        Raises:
            BackupIncomplete: there is none: no backup, or one that was cut off.
            BackupTooNew: its format is unknown.
            BackupDamaged: it cannot be read.
        """
        path = cls.path(folder)
        try:
            found = json.loads(path.read_bytes())
            if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > FORMAT:
                raise BackupTooNew(f"{path} has format {found['format']}; this release reads format {FORMAT}")
            return cls.model_validate(found)
        except FileNotFoundError as error:
            cut = (folder / "copied.jsonl").exists()
            what = "a backup that was cut off: run `phonoscope backup` again" if cut else "no backup"
            raise BackupIncomplete(f"{folder} holds {what}") from error
        except (OSError, ValueError, ValidationError) as error:
            raise BackupDamaged(f"{path} cannot be read: {type(error).__name__}") from error

    def write(self, folder: Path) -> None:
        """Replaces the manifest once everything that it names is on the disk."""
        os.sync()
        draft = self.path(folder).with_suffix(".partial")
        with draft.open("w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path(folder))


def rows_folder(folder: Path) -> Path:
    """Where snapshots of the database lie, each in a folder."""
    return folder / "rows"


def object_file(folder: Path, key: str) -> Path:
    """Where an object's file lies. Raises ``BackupDamaged`` for a key that leads out of the folder."""
    if not _KEY.fullmatch(key):
        raise BackupDamaged(f"{key[:200]!r} is no key of an object")
    return folder / "objects" / key


def read_objects(path: Path, *, whole: bool = True) -> Iterator[Stored]:
    """The objects that a list names, a line each. One that is not ``whole`` may have lines that were cut off.

    Raises ``BackupDamaged``.
    """
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Stored.model_validate_json(line)
            except ValidationError as error:
                if whole:
                    raise BackupDamaged(f"line {number} of {path} cannot be read") from error


def fingerprint(secret: str) -> str:
    """A digest by which a secret is known again, and from which it cannot be found."""
    return hmac.new(secret.encode(), b"phonoscope backup", hashlib.sha256).hexdigest()[:32]
