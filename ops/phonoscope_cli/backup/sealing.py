"""Files of a backup: whole or absent, with a digest, and encrypted by age if asked for.

The format is https://age-encryption.org/v1.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

import pyrage

from phonoscope.errors import BackupDamaged, BackupSealed, BackupUnwritable
from phonoscope_cli.backup.manifest import File

_CHUNK_BYTES = 1 << 20
_PRIVATE = 0o600
_NONCE_BYTES = 16
_TAG_BYTES = 16
_SEALED_CHUNK_BYTES = (64 << 10) + _TAG_BYTES
_LONGEST_LINE = 1 << 10


class Sealer:
    """Writes files of a backup.

    Args:
        recipients: age's X25519 public keys, ``age1…``; with none files are written as they are.

    Raises ``BackupSealed`` for a recipient that is none.
    """

    def __init__(self, recipients: Sequence[str]) -> None:
        try:
            self._recipients = [pyrage.x25519.Recipient.from_str(text) for text in sorted(set(recipients))]
        except pyrage.RecipientError as error:
            raise BackupSealed("--to must be a public key of age: age1…") from error
        names = "\n".join(str(recipient) for recipient in self._recipients)
        self.sealed_to = hashlib.sha256(names.encode()).hexdigest()[:32] if names else ""

    def write(self, path: Path, source: BinaryIO) -> File:
        """Copies what is left to read of a source. Raises ``BackupUnwritable``."""
        draft = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
                counted = _Counted(file)
                if self._recipients:
                    pyrage.encrypt_io(source, cast("BinaryIO", counted), self._recipients)
                else:
                    shutil.copyfileobj(source, counted, _CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except (OSError, pyrage.EncryptError) as error:
            raise BackupUnwritable(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error
        finally:
            draft.unlink(missing_ok=True)
        return File(name=path.name, size_bytes=counted.size_bytes, sha256=counted.digest.hexdigest())


class _Counted:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size_bytes += len(data)
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


class Opener:
    """Reads files of a backup.

    Args:
        identity: a file of age's secret keys, ``AGE-SECRET-KEY-1…``, a line each; needed when files are encrypted.

    Raises ``BackupSealed`` when the file has no such key.
    """

    def __init__(self, identity: Path | None) -> None:
        self._identities = [] if identity is None else _identities(identity)

    @contextmanager
    def open(self, path: Path, *, sealed: bool) -> Iterator[BinaryIO]:
        """The plain bytes of a file, as a file with a name.

        Raises ``BackupSealed``, ``BackupDamaged``, or ``BackupUnwritable`` where there is no room for them.
        """
        with _existing(path) as file:
            if not sealed:
                yield file
                return
            with _temporary() as plain:
                self._decrypt(path, file, plain)
                yield plain

    def _decrypt(self, path: Path, file: BinaryIO, plain: BinaryIO) -> None:
        try:
            pyrage.decrypt_io(file, plain, self._identities)
        except (pyrage.DecryptError, OSError) as error:
            # What age itself refuses may be an OSError too, which has no number.
            if isinstance(error, OSError) and error.errno is not None:
                into = f"{path} cannot be decrypted into {tempfile.gettempdir()}"
                raise BackupUnwritable(f"{into}: {error.strerror}; TMPDIR names another folder") from error
            raise BackupSealed(f"{path} cannot be decrypted with this identity: {error}") from error
        plain.seek(0)


def checked(path: Path, size_bytes: int, sha256: str) -> None:
    """Compares a file with what was noted of it. Raises ``BackupDamaged``."""
    with _existing(path) as file:
        if os.fstat(file.fileno()).st_size != size_bytes:
            raise BackupDamaged(f"{path} has {os.fstat(file.fileno()).st_size:,} bytes; {size_bytes:,} were written")
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise BackupDamaged(f"{path} was changed after it was written")


def plain_size(path: Path) -> int:
    """The bytes that an encrypted file has when it is decrypted, from its header's length and its own.

    Raises ``BackupDamaged``.
    """
    with _existing(path) as file:
        while not (line := file.readline(_LONGEST_LINE)).startswith(b"--- "):
            if not line:
                raise BackupDamaged(f"{path} is no file of age's")
        body = os.fstat(file.fileno()).st_size - file.tell() - _NONCE_BYTES
    return body - _TAG_BYTES * -(-body // _SEALED_CHUNK_BYTES)


def new_identity(path: Path) -> str:
    """Writes a new secret key of age to a private file and returns its public key. Raises ``BackupUnwritable``."""
    identity = pyrage.x25519.Identity.generate()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="ascii") as file:
            file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    except OSError as error:
        raise BackupUnwritable(f"{path} cannot be written: {error.strerror or error}") from error
    return str(identity.to_public())


def _identities(path: Path) -> list[pyrage.x25519.Identity]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise BackupSealed(f"{path} cannot be read as a file of age's secret keys") from error
    if not found:
        raise BackupSealed(f"{path} has no secret key of age")
    return found


@contextmanager
def _temporary() -> Iterator[BinaryIO]:
    """A file in TMPDIR, without a buffer: of a full disk all is said where it is written."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(buffering=0))
        except OSError as error:
            raise BackupUnwritable(f"no temporary file can be made: {error}; TMPDIR names another folder") from error
        yield cast("BinaryIO", file)


@contextmanager
def _existing(path: Path) -> Iterator[BufferedReader]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror or error}") from error
    with file:
        yield file
