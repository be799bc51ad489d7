"""Tracks, tasks and jobs as the service answers them, and logging that a test may change."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.unit.fixtures import make_job, make_task, make_track

__all__ = ["make_job", "make_task", "make_track"]


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Logging as it was, for whoever comes next."""
    root, library = logging.getLogger(), logging.getLogger("opentelemetry")
    before = root.handlers[:], root.level, library.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    library.setLevel(before[2])
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
