"""Published files whose digest is known before they are fetched: from the mirror folder or from their source."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from phonoscope.errors import DownloadFailed, WeightsMismatch


@dataclass(frozen=True)
class PinnedFile:
    """A published file, known by its digest.

    Args:
        name: under which it is kept and looked for in a mirror folder.
        size_bytes: its exact length.
    """

    name: str
    sha256: str
    size_bytes: int

    def check(self, path: Path) -> Path:
        """The path, after checking the file's digest. Raises ``WeightsMismatch``."""
        digest = digest_of(path)
        if digest != self.sha256:
            size = f"{path.stat().st_size:,} bytes" if path.stat().st_size != self.size_bytes else "the right length"
            raise WeightsMismatch(
                f"{path} ({size}) has the SHA-256 {digest}; the published file of {self.size_bytes:,} bytes has "
                f"{self.sha256}"
            )
        return path

    def take(self, mirror: Path | None, place: Path) -> bool:
        """Copies the file from a mirror folder, where that has it; returns whether it did.

        Raises:
            WeightsMismatch: the file in the mirror has another digest.
            DownloadFailed: the file in the mirror cannot be read, or there is no room for a copy.
        """
        found = mirror / self.name if mirror is not None else None
        if found is None or not found.is_file():
            return False
        try:
            self.check(found)
            with room_for(place):
                shutil.copyfile(found, place)
        except OSError as error:
            raise DownloadFailed(f"{found} cannot be read: {error}") from error
        # The mirror may have changed since it was checked.
        self.check(place)
        return True


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Erases an unfinished file when the disk is full, and raises ``DownloadFailed``."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        path.unlink(missing_ok=True)
        raise DownloadFailed(f"there is no room for {path.name} in {path.parent}: {error.strerror}") from error


def digest_of(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
