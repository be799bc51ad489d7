"""What the service needs and does not have."""

from __future__ import annotations

from phonoscope.errors.base import PhonoscopeError


class Unavailable(PhonoscopeError):
    """A service that this one needs is down."""

    status = 503
    retryable = True
    retry_after_s = 2


class DatabaseUnavailable(Unavailable):
    """The database is down."""


class TransactionConflict(DatabaseUnavailable):
    """Another transaction was in the way."""


class LockTimeout(DatabaseUnavailable):
    """Another transaction held a lock for too long."""


class TooManyConnections(DatabaseUnavailable):
    """The database has no free connection."""


class BrokerUnavailable(Unavailable):
    """The message broker is down."""


class StoreUnavailable(Unavailable):
    """The object store is down."""


class SpoolFull(Unavailable):
    """There is no disk space to receive the upload."""

    retry_after_s = 60


class Overloaded(Unavailable):
    """The service has no free connection."""


class SearchTimeout(PhonoscopeError):
    """The recording to search by was not analysed in time."""

    status = 504
    retryable = True
    retry_after_s = 10


class StackError(PhonoscopeError):
    """The local stack cannot run."""


class PackageAbsent(PhonoscopeError):
    """A package is not installed."""
