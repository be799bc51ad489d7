"""Locks on work that one process at a time does; those on rows are in ``tasks/LOCKS.md``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

_TRY = text("SELECT pg_try_advisory_xact_lock(:lock)")
_TRY_CONNECTION = text("SELECT pg_try_advisory_lock(:lock)")
_UNLOCK = text("SELECT pg_advisory_unlock(:lock)")
_STAY_OPEN = text("SET LOCAL idle_in_transaction_session_timeout = 0")


class Lock(IntEnum):
    """Work of which one process at a time does each kind.

    A restore holds ``TIDY`` too: no courier erases objects whose rows are not back yet.
    """

    INDEX = 0x50484F49
    SWEEP = 0x50484F4E
    FAN_OUT = 0x50484F45
    TIDY = 0x50484F54
    REEMBED = 0x50484F52
    TEACH = 0x50484F4C
    RESTORE = 0x50484F42
    FORGET = 0x50484F46


def try_lock(session: Session, lock: Lock) -> bool:
    """Takes the lock until the transaction ends; false when another transaction has it."""
    return bool(session.connection().scalar(_TRY, {"lock": lock.value}))


@contextmanager
def lock_of_connection(session: Session, lock: Lock) -> Iterator[bool]:
    """Takes the lock for this connection, for statements that run in no transaction; false when another one has it.

    A statement that goes on in the server after its process has died keeps the lock until it ends.
    """
    taken = bool(session.scalar(_TRY_CONNECTION, {"lock": lock.value}))
    try:
        yield taken
    finally:
        if taken:
            session.execute(_UNLOCK, {"lock": lock.value})


def stay_open(session: Session) -> None:
    """Lets a transaction that only holds such a lock stay open for as long as the work beside it takes."""
    session.execute(_STAY_OPEN)
