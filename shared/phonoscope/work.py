"""Values of work: what a worker claims, what it makes, and the keys of results. No SQL."""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from phonoscope.ids import new_id
from phonoscope.states import Status, TaskName

if TYPE_CHECKING:
    # It brings numpy, which neither the client nor the command line needs.
    from phonoscope.windows import Windows

WHOLE_TRACK = ""
"""The stem name under which a whole track's embedding is kept."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Space:
    """The vectors of one model, identified by its digest: another model of the same name has another space.

    Args:
        digest: as results and embeddings have it, ``sha256:…``.
    """

    model: str
    digest: str


@dataclass(frozen=True)
class Library:
    """All tracks of an owner, for a job that is about no single track."""

    owner_id: str
    id: None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class ClaimedTrack:
    """What a worker needs to know about a recording.

    Args:
        is_clip: whether it is there to be searched by alone.
    """

    id: str
    owner_id: str
    object_key: str
    duration_s: float
    is_clip: bool = False


@dataclass(frozen=True)
class AcousticFingerprint:
    """Bits by which copies of a recording are recognised, as ``phonoscope.audio.acoustic`` takes them.

    Args:
        words: 16 words a second, of 16 bits each, the low byte first; 0 where the recording is too quiet to compare.
        duration_s: of the recording, as it was decoded.
    """

    words: bytes
    duration_s: float

    def as_record(self) -> dict[str, Any]:
        """Its record in JSON's types."""
        return {"duration_s": self.duration_s, "words": b64encode(self.words).decode()}


@dataclass(frozen=True)
class Artifact:
    """An object that a task made, before it is stored.

    Args:
        name: unique within its task and the last part of its key, such as ``layer4.png``.
        kind: its kind for the service, such as ``waveform``.
        content: its bytes, or a file that can be rewound; the worker closes it once it is stored.

    Raises ``ValueError`` for a name with anything but small letters, digits, dots, dashes and underscores, and for
    content without a byte.
    """

    name: str
    kind: str
    media_type: str
    content: bytes | IO[bytes] = field(repr=False)
    id: str = field(default_factory=partial(new_id, "art"))
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for an artifact")
        size = len(self.content) if isinstance(self.content, bytes) else self.content.seek(0, os.SEEK_END)
        if not size:
            raise ValueError(f"the artifact {self.name!r} is empty")
        object.__setattr__(self, "size_bytes", size)

    @property
    def reference(self) -> dict[str, Any]:
        """A reference to it in a result's body; the gateway replaces it by a link each time the job is read."""
        return {
            "artifact": self.id,
            "name": self.name,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
        }

    def open(self) -> IO[bytes]:
        """Its content as a file, once; the caller closes it."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content

    def as_record(self, task_id: str, object_key: str) -> dict[str, Any]:
        """Its row, without the track."""
        return {
            "id": self.id,
            "task_id": task_id,
            "kind": self.kind,
            "object_key": object_key,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True)
class Claim:
    """The tasks of one job and queue that one worker may run, while its lease lasts.

    Args:
        traceparent: the trace of the request that made the job.
    """

    token: str
    job_id: str
    subject: ClaimedTrack | Library
    tasks: dict[TaskName, str]
    options: dict[str, Any]
    attempt: int
    traceparent: str | None = None

    @property
    def track(self) -> ClaimedTrack:
        """Raises ``TypeError`` where the tasks are about no single track."""
        if not isinstance(self.subject, ClaimedTrack):
            raise TypeError(f"job {self.job_id!r} has no track")
        return self.subject

    def object_key(self, name: TaskName, artifact: Artifact) -> str:
        """The key of an artifact's object; no two attempts share a key."""
        return f"tracks/{self.track.id}/{name}/{self.token}/{artifact.name}"


@dataclass(frozen=True)
class NotedWindow:
    """A window that a teaching notes, with the label that it may have and how probable that is.

    Args:
        note: of an example in doubt the label that it was given, of a window to ask about the reason to ask.
    """

    track_id: str
    start_s: float
    end_s: float
    label: str
    probability: float
    note: str


class NowIn(NamedTuple):
    """A space, the name of a served model that embeds in it, empty where there is none, and the space of before."""

    space: Space
    embedder: str
    before: Space


@dataclass(frozen=True)
class Teaching:
    """A new version of a classifier.

    Args:
        version: one more than its newest had when the examples were read, at ``read_at``.
        manifest: of the head, in JSON's types; it names no track.
        weights: in safetensors.
        figures: what held-out recordings say of it, as the contract has it.
        tracks: those whose windows it was taught from; when one of them is gone, the version is not kept.
        doubts: examples that contradict their neighbours, the surest first.
        queue: windows to ask about, the best first.
        now_in: the space that it was taught in, where that was chosen and is another than before.
    """

    classifier_id: str
    version: int
    read_at: datetime
    manifest: Mapping[str, Any] = field(repr=False)
    weights: bytes = field(repr=False)
    figures: Mapping[str, Any] = field(repr=False)
    tracks: frozenset[str] = field(repr=False)
    doubts: tuple[NotedWindow, ...] = field(default=(), repr=False)
    queue: tuple[NotedWindow, ...] = field(default=(), repr=False)
    now_in: NowIn | None = None


@dataclass(frozen=True)
class Outcome:
    """How one task ended: with a body, or with a problem.

    Args:
        vectors: for each space, unit vectors by stem; the empty name is the whole track's. ``None`` for silence, which
            has no direction.
        windows: likewise, what was heard in each window.
        acoustic: the track's acoustic fingerprint.
        points: the points of a map, by track id.
        teaching: a new version of a classifier.

    Raises ``ValueError`` for two artifacts of one name, and for artifacts together with a problem.
    """

    body: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    model_name: str | None = None
    model_digest: str | None = None
    vectors: Mapping[Space, Mapping[str, list[float] | None]] = field(default_factory=dict, repr=False)
    windows: Mapping[Space, Mapping[str, Windows]] = field(default_factory=dict, repr=False)
    acoustic: AcousticFingerprint | None = field(default=None, repr=False)
    artifacts: tuple[Artifact, ...] = ()
    points: Mapping[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    teaching: Teaching | None = None

    def __post_init__(self) -> None:
        if len({artifact.name for artifact in self.artifacts}) < len(self.artifacts):
            raise ValueError("two artifacts of one task have the same name")
        if self.problem is not None and self.artifacts:
            raise ValueError("a task that failed makes no artifacts")

    @property
    def status(self) -> Status:
        return Status.FAILED if self.problem else Status.SUCCEEDED

    def as_record(self, task_id: str) -> dict[str, Any]:
        """Its record in JSON's types."""
        return {
            "task_id": task_id,
            "status": self.status.value,
            "problem": self.problem,
            "body": self.body,
            "model_name": self.model_name,
            "model_digest": self.model_digest,
            "spaces": [
                {
                    "model": space.model,
                    "digest": space.digest,
                    "vectors": {stem: None if vector is None else str(vector) for stem, vector in by_stem.items()},
                }
                for space, by_stem in self.vectors.items()
            ],
            "acoustic": None if self.acoustic is None else self.acoustic.as_record(),
        }


@dataclass(frozen=True)
class CacheKey:
    """The key by which a task's result is found again.

    Args:
        fingerprint: a digest of the recording, the task, its options and the model to use.
        model_digests: the digests of the models that may answer, whose results alone count. ``None`` stands for a task
            without a model.
    """

    fingerprint: str
    model_digests: frozenset[str | None] = frozenset({None})
