"""The served models as they are in their folders at this moment."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from phonoscope.catalogue.catalogue import Catalogue
from phonoscope.catalogue.manifests import MANIFEST
from phonoscope.logs import get_logger

_Signature: TypeAlias = tuple[tuple[str, int, int, int], ...]
_MISSING = 0, 0, 0
_log = get_logger(__name__)


class LiveCatalogue:
    """A catalogue that follows its folders: an added, replaced or removed model counts from the next request.

    The manifests are read again only when one of them has changed. While one cannot be read, its model stays as it was
    before. Threads may share it.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._lock = Lock()
        self._signature: _Signature | None = None
        self._read: Catalogue | None = None

    @property
    def current(self) -> Catalogue:
        """The present catalogue."""
        with self._lock:
            signature = self._signed()
            if self._read is None or signature != self._signature:
                self._read = self._read_again()
                self._signature = signature
            return self._read

    def _read_again(self) -> Catalogue:
        found = Catalogue(*self._folders, before=self._read.models if self._read else None)
        for error in found.unreadable.values():
            _log.warning("catalogue.unreadable", reason=str(error))
        return found

    def _signed(self) -> _Signature:
        """Of each manifest's file its path, time, size and inode."""
        paths = (folder / name / MANIFEST for folder in self._folders for name in _names_in(folder))
        return tuple(facts for path in paths if (facts := facts_of(path))[1:] != _MISSING)


def _names_in(folder: Path) -> list[str]:
    """What is in a folder. Each request asks for it: a glob takes four times as long."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []


def facts_of(path: Path) -> tuple[str, int, int, int]:
    """A file's path, time, size and inode; zeros where it is missing."""
    try:
        found = path.stat()
    except OSError:
        return str(path), *_MISSING
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
