"""Backups that cannot be made or restored."""

from __future__ import annotations

from phonoscope.errors.base import PhonoscopeError


class BackupError(PhonoscopeError):
    """The backup cannot be made or restored."""


class BackupBusy(BackupError):
    """Another process uses the folder."""


class BackupUnwritable(BackupError):
    """A folder cannot be written."""


class BackupKept(BackupError):
    """The folder has a backup that another service, or one without recordings, would replace."""


class BackupIncomplete(BackupError):
    """The folder has no whole backup."""


class BackupDamaged(BackupError):
    """A file of the backup is missing or was changed."""


class BackupTooNew(BackupError):
    """A newer release made the backup."""


class BackupSealed(BackupError):
    """The backup is encrypted to another identity."""


class RestoreRefused(BackupError):
    """The service is in use, or its bucket has recordings that are not in the backup."""
