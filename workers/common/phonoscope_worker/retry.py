"""Waiting for the object store: what was computed for an hour is not thrown away because it is gone for a minute."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from phonoscope.errors import StoreUnavailable
from phonoscope.logs import get_logger

PATIENCE_S = 60.0
_SHORTEST_S = 0.5
_LONGEST_S = 5.0
Result = TypeVar("Result")
_log = get_logger(__name__)


def patiently(call: Callable[[], Result]) -> Result:
    """Calls again and again, with longer and longer pauses, while the store fails. Raises ``StoreUnavailable``."""
    until, pause_s = monotonic() + PATIENCE_S, _SHORTEST_S
    while True:
        try:
            return call()
        except StoreUnavailable as error:
            if monotonic() + pause_s > until:
                raise
            _log.warning("task.waits_for_the_store", detail=error.detail, pause_s=pause_s)
        sleep(pause_s)
        pause_s = min(2.0 * pause_s, _LONGEST_S)
