"""Programs that are alive, known by the connection on which each receives notifications for as long as it runs."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

_OPEN = text(
    "SELECT application_name FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = ANY(:names) ORDER BY application_name"
)


class Listener(StrEnum):
    """The ``application_name`` of such connections."""

    GATEWAY = "phonoscope-listener"
    COURIER = "phonoscope-events"


def open_listeners(session: Session) -> list[Listener]:
    """One for each gateway's process and each courier that is connected to this database now."""
    return [Listener(name) for name in session.scalars(_OPEN, {"names": [each.value for each in Listener]})]
