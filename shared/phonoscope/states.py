"""The states of jobs and tasks, and the names of tasks, pools and lanes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """The state of a job or a task."""

    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker holds its lease. A job is running once a task of it has started."""
    SUCCEEDED = "succeeded"
    """It has its result."""
    FAILED = "failed"
    """It ended with a problem."""
    CANCELLED = "cancelled"
    """Its client cancelled it."""

    @property
    def ended(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Pool(StrEnum):
    """A kind of worker."""

    GPU = "gpu"
    """Runs networks, on the best device of its machine."""
    CPU = "cpu"
    """Runs what needs cores and memory."""


class Lane(StrEnum):
    """A pool's queue for short or for long tasks, so that short ones never wait for long ones."""

    SHORT = "short"
    """Seconds."""
    LONG = "long"
    """Minutes or hours."""


class TaskName(StrEnum):
    """A unit of work that a job can ask for."""

    CLASSIFY = "classify"
    """Labels, for the whole recording and window by window."""
    EMBED = "embed"
    """A unit vector, by which similar recordings are found."""
    EXPLAIN = "explain"
    """The evidence for a label: a heatmap, a sentence, a sound."""
    FEATURES = "features"
    """Feature maps of each layer of the network."""
    DESCRIBE = "describe"
    """Tempo, metre, beats, key, tuning, loudness and balance."""

    SEPARATE = "separate"
    """The recording separated into stems."""
    MIXDOWN = "mixdown"
    """The stems mixed again, louder or softer."""
    MAP = "map"
    """The owner's library on a plane, where similar tracks are near each other; it has no track of its own."""
    TEACH = "teach"
    """A classifier of the owner's own, taught from stored vectors; it has no track of its own."""
    APPLY = "apply"
    """The owner's library labelled by a classifier of the owner's own, from stored vectors; it has no track."""


class TaskQueue(NamedTuple):
    """Where tasks of a pool and lane wait; a message wakes one worker of it."""

    pool: Pool
    lane: Lane

    @property
    def name(self) -> str:
        """Its name in the broker, such as ``gpu.short``."""
        return f"{self.pool}.{self.lane}"


class UploadStatus(StrEnum):
    """The state of an upload that comes in pieces."""

    OPEN = "open"
    """Bytes are missing, or the whole was not read yet."""
    FINISHED = "finished"
    """It has become a track."""
    REFUSED = "refused"
    """It was whole and could not become a track; its bytes are erased."""


class TrackSort(StrEnum):
    """The order of a list of tracks."""

    NEWEST = "newest"
    """Uploaded last comes first."""
    OLDEST = "oldest"
    """Uploaded first comes first."""
    NAME = "name"
    """By file name, in which capital letters are small ones."""
    LONGEST = "longest"
    """The longest first."""
    SHORTEST = "shortest"
    """The shortest first."""


class LabelState(StrEnum):
    """What an owner says of a label."""

    CONFIRMED = "confirmed"
    """It is right."""
    REJECTED = "rejected"
    """It is wrong, whatever a model says."""
