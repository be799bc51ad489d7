"""Repeats calls of the object store, so that a minute without the store does not lose an hour of computing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from phonoscope.errors import StoreUnavailable
from phonoscope.logs import get_logger
from phonoscope.retry import Backoff, retrying

STORE_BACKOFF = Backoff(first_s=0.5, factor=2.0, longest_s=5.0, until_s=60.0)
Result = TypeVar("Result")
_log = get_logger(__name__)


def retrying_store(call: Callable[[], Result]) -> Result:
    """Repeats a call while the store fails, for a minute. Raises ``StoreUnavailable`` after it."""
    return retrying(call, STORE_BACKOFF, StoreUnavailable, _log_pause)


def _log_pause(error: StoreUnavailable, pause_s: float) -> None:
    _log.warning("task.waits_for_the_store", detail=error.detail, pause_s=pause_s)
