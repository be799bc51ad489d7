"""The states of jobs and tasks, and which pool does what."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Where a job or a task stands."""

    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker holds its lease; of a job: at least one task has started."""
    SUCCEEDED = "succeeded"
    """Its result is there."""
    FAILED = "failed"
    """It ended with a problem."""
    CANCELLED = "cancelled"
    """Its client called it off."""

    @property
    def ended(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Pool(StrEnum):
    """A kind of worker."""

    GPU = "gpu"
    """Runs networks on the best device there is."""
    CPU = "cpu"
    """Runs what needs cores and memory instead."""


class Lane(StrEnum):
    """Where tasks of a pool queue, so that short ones never wait behind long ones."""

    SHORT = "short"
    """Seconds."""
    LONG = "long"
    """Minutes or hours."""


class TaskName(StrEnum):
    """A unit of work that a job can ask for."""

    CLASSIFY = "classify"
    """What is heard, over the whole recording and window by window."""
    EMBED = "embed"
    """The recording's place among all others, as a unit vector."""
    EXPLAIN = "explain"
    """Where the evidence for a label lies, to be seen, heard and read."""
    FEATURES = "features"
    """What each depth of the network sees."""
    DESCRIBE = "describe"
    """Tempo, key, loudness and balance."""

    SEPARATE = "separate"
    """The recording taken apart into stems."""
    MIXDOWN = "mixdown"
    """A track's stems put together again, louder and softer."""
    MAP = "map"
    """The owner's whole library on a plane, alike near alike; of no single track."""


class Place(NamedTuple):
    """Where tasks queue, and where a message wakes one worker."""

    pool: Pool
    lane: Lane

    @property
    def queue(self) -> str:
        """The name of its queue in the broker."""
        return f"{self.pool}.{self.lane}"
