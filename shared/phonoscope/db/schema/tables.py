"""The tables. Postgres is the truth: a job exists when its row is committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    BigInteger,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    inspect,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from phonoscope.filenames import named_file
from phonoscope.states import LabelState, Lane, Pool, Status, TaskName, UploadStatus

EMBEDDING_DIM = 512
WORDS = (
    "lower(normalize(filename || chr(10) || coalesce(tags ->> 'title', '')"
    " || chr(10) || coalesce(tags ->> 'artist', '') || chr(10) || coalesce(tags ->> 'album', '')"
    " || chr(10) || coalesce(tags ->> 'album_artist', '') || chr(10) || coalesce(tags ->> 'genre', ''), NFC))"
)
"""What of a track is searched for a text, as SQL."""


class UnitVector(HALFVEC):
    """Numbers in half precision, to SQL; in Python they are a ``float32`` array."""

    cache_ok = True

    def result_processor(self, _dialect: Any, _type: Any) -> Callable[[str | None], NDArray[np.float32] | None]:
        return lambda words: None if words is None else np.fromstring(words[1:-1], np.float32, sep=",")


def _words(states: type[StrEnum]) -> Enum:
    """An enum kept as its words, so that a new one needs no change of type in the database."""
    return Enum(
        states, native_enum=False, length=16, values_callable=lambda members: [member.value for member in members]
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        dict[str, float]: JSONB,
        list[str]: JSONB,
        Status: _words(Status),
        Pool: _words(Pool),
        Lane: _words(Lane),
        TaskName: _words(TaskName),
        LabelState: _words(LabelState),
        UploadStatus: _words(UploadStatus),
    }


def given(row: Base) -> dict[str, Any]:
    """What is set of a new row, by column, to insert it past the session, whose ways take longer than the statement."""
    values = {attribute.columns[0].name: getattr(row, attribute.key) for attribute in inspect(type(row)).column_attrs}
    return {name: value for name, value in values.items() if value is not None}


class OwnerRow(Base):
    """The owner of rows and objects. A trigger on ``tracks`` counts what is stored, as each transaction commits.

    One with ``clips_of`` has no key: it holds the clips that the other owner searches by, while a search lasts.
    """

    __tablename__ = "owners"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    stored_tracks: Mapped[int] = mapped_column(BigInteger, server_default="0")
    stored_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    clips_of: Mapped[str | None] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), unique=True)


class KeyRow(Base):
    """An API key; of its secret only a SHA-256 is kept, and of the secret before until ``previous_until``.

    ``links_end``: the signed links that this key has asked for end with it.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    secret_sha256: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(server_default='["read", "write"]')
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    previous_sha256: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    links_end: Mapped[bool] = mapped_column(server_default="false")


class TrackRow(Base):
    """A recording, identified by its SHA-256 within its owner. A new ``link_key`` revokes all links to it.

    ``audio_track`` is the index, in ``audio_tracks``, of the one that is read when nobody chooses; the list is empty
    for recordings of earlier releases. ``words`` are file name and tags, in small letters, to search in. ``name`` and
    ``notes`` are the owner's, and ``revision`` counts their changes.
    """

    __tablename__ = "tracks"
    __table_args__ = (
        UniqueConstraint("owner_id", "sha256"),
        Index("ix_tracks_owner_id_created_at", "owner_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    sha256: Mapped[str]
    filename: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    container: Mapped[str]
    codec: Mapped[str]
    sample_rate_hz: Mapped[int]
    channels: Mapped[int]
    duration_s: Mapped[float]
    warnings: Mapped[list[str]]
    audio_track: Mapped[int] = mapped_column(server_default="0")
    audio_tracks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    tags: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    words: Mapped[str] = mapped_column(Computed(WORDS, persisted=True))
    object_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    link_key: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str | None] = mapped_column("own_name")
    notes: Mapped[str] = mapped_column("own_notes", server_default="")
    revision: Mapped[int] = mapped_column("own_revision", server_default="0")

    @property
    def shown_filename(self) -> str:
        """The file's name, or that which the owner gave the recording, with the file's ending."""
        return self.filename if self.name is None else named_file(self.name, self.filename)


class JobRow(Base):
    """What a client asked for. One without a track is about all that its owner has.

    ``key_id`` is the API key that asked, ``audio_s`` the length of the recording, ``reembeds`` the space that the job
    fills where it belongs to a reembedding, ``traceparent`` where its trace goes on.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_owner_id_created_at", "owner_id", "created_at", "id"),
        Index("ix_jobs_reembeds", "reembeds", "track_id", postgresql_where="reembeds IS NOT NULL"),
        Index("ix_jobs_open", "owner_id", "audio_s", postgresql_where="status IN ('queued', 'running')"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    track_id: Mapped[str | None] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    status: Mapped[Status]
    options: Mapped[dict[str, Any]]
    client_metadata: Mapped[dict[str, Any]] = mapped_column("metadata")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=0, server_default="0")
    webhook_url: Mapped[str | None]
    key_id: Mapped[str | None]
    audio_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    reembeds: Mapped[int | None] = mapped_column(SmallInteger)
    traceparent: Mapped[str | None]

    track: Mapped[TrackRow | None] = relationship(lazy="raise")
    tasks: Mapped[list[TaskRow]] = relationship(lazy="raise", order_by="TaskRow.position")


class TaskRow(Base):
    """One unit of work; claimed by setting a lease, ended only by the lease's holder.

    ``turn`` orders the tasks of a lane so that owners share it fairly. A task that ``waits_for`` another of its job, or
    ``follows`` the same task of another job, is not claimed. ``source_id`` is the task that made a cached result.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("job_id", "name"),
        Index("ix_tasks_queued", "pool", "lane", "turn", "id", postgresql_where="status = 'queued'"),
        Index("ix_tasks_running", "pool", "lane", "turn", postgresql_where="status = 'running'"),
        Index("ix_tasks_open", "owner_id", "pool", "lane", "turn", postgresql_where="status IN ('queued', 'running')"),
        Index(
            "ix_tasks_ended",
            "pool",
            "lane",
            "finished_at",
            postgresql_where="source_id IS NULL AND status IN ('succeeded', 'failed')",
        ),
        Index("ix_tasks_follows", "follows", postgresql_where="follows IS NOT NULL"),
        Index(
            "ix_tasks_maps",
            "owner_id",
            "finished_at",
            "id",
            postgresql_where="name = 'map' AND status = 'succeeded'",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    owner_id: Mapped[str]
    name: Mapped[TaskName]
    pool: Mapped[Pool]
    lane: Mapped[Lane]
    status: Mapped[Status]
    cost_s: Mapped[float]
    turn: Mapped[float]
    waits_for: Mapped[TaskName | None]
    follows: Mapped[str | None]
    fingerprint: Mapped[str | None] = mapped_column(index=True)
    source_id: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(default=0)
    progress: Mapped[float] = mapped_column(default=0.0)
    stage: Mapped[str] = mapped_column(default="waiting")
    device: Mapped[str | None]
    worker_id: Mapped[str | None]
    timings: Mapped[dict[str, float]] = mapped_column(default=dict)
    lease_token: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)

    result: Mapped[ResultRow | None] = relationship(lazy="raise")


class ResultRow(Base):
    """What a task found out, and which model said so."""

    __tablename__ = "results"

    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    model_name: Mapped[str | None]
    model_digest: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class TrackResultRow(Base):
    """The newest result of one task, model and variant for a track; all of them together are the track's state.

    Written in the transaction in which a task succeeds, whether it was computed, found in the ledger or followed.

    ``model`` is empty for tasks without a model. ``variant`` distinguishes results of one task and model that are kept
    together: of ``separate`` the ``two_stems`` asked for, of ``explain`` the ``label`` asked for; empty otherwise.
    The newest evidence of a stretch that was asked for is kept beside that of the whole: its variant starts with
    *stretch* and a line break. Results of another audio track than the one that is read when nobody chooses are kept
    beside those: ``audio_track`` says which, and ``variant`` starts with it and a line break.
    ``task_id`` is the task that asked last, ``produced_by`` the task that computed the result: artifacts belong to it.
    Both are of the track's own jobs, which are erased with it, so neither needs a foreign key.
    """

    __tablename__ = "track_results"

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    task: Mapped[TaskName] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str]
    produced_by: Mapped[str]
    finished_at: Mapped[datetime]
    audio_track: Mapped[int | None]

    asked_by: Mapped[TaskRow] = relationship(
        lazy="raise", viewonly=True, primaryjoin="TaskRow.id == foreign(TrackResultRow.task_id)"
    )

    @property
    def own_variant(self) -> str:
        """The variant, without the audio track and the mark of a stretch."""
        return self.variant.rpartition("\n")[2]

    @property
    def job_id(self) -> str:
        """The job that asked last. Needs ``asked_by``."""
        return self.asked_by.job_id

    @property
    def body(self) -> dict[str, Any]:
        """The result's body. Needs ``asked_by`` with its result."""
        assert self.asked_by.result is not None
        return self.asked_by.result.body

    @property
    def digest(self) -> str | None:
        """The digest of the model that gave the result. Needs ``asked_by`` with its result."""
        assert self.asked_by.result is not None
        return self.asked_by.result.model_digest


class TrackLabelsRow(Base):
    """The labels that count in a model's newest answer about a track, the most probable first; none when unknown.

    Written with the state of the track. ``position`` is that of the answer in its classification: the first one, 0,
    counts for the track; -1 is that of labels which a classifier found in kept vectors, and those count after all
    classifications. The row without a model has the labels that the owner confirmed, of the whole track or of a
    part of it; it is written with ``annotations``. ``probability`` is that of the first of ``labels``,
    0 to 1: unknown for answers of earlier releases and for labels that were found in kept vectors.
    """

    __tablename__ = "track_labels"
    __table_args__ = (Index("ix_track_labels_labels", "labels", postgresql_using="gin"),)

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    labels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    finished_at: Mapped[datetime]
    probability: Mapped[float | None] = mapped_column(REAL)


class EmbeddingRow(Base):
    """A track's unit vector under one model, or that of one of its stems; the whole track's ``stem`` is empty.

    Vectors are comparable when ``model_digest`` and ``stem`` are the same. Those of a model that took another's name
    are kept beside the other's, so that searches stay in the old space until the new one is complete. What is silent
    has no direction: its ``vector`` is null, and a trigger makes it so of zeros.
    """

    __tablename__ = "embeddings"

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    model_name: Mapped[str] = mapped_column(primary_key=True)
    model_digest: Mapped[str] = mapped_column(primary_key=True)
    stem: Mapped[str] = mapped_column(primary_key=True, default="", server_default="")
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    vector: Mapped[Any | None] = mapped_column(UnitVector(EMBEDDING_DIM), nullable=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AcousticFingerprintRow(Base):
    """A track's acoustic fingerprint, whatever the model: its words as bytes. ``duration_s`` is what was decoded."""

    __tablename__ = "acoustic_fingerprints"
    __table_args__ = (Index("ix_acoustic_fingerprints_owner_id_duration_s", "owner_id", "duration_s"),)

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    duration_s: Mapped[float]
    words: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ArtifactRow(Base):
    """An object that a task made; a recording's cover is one that no task made."""

    __tablename__ = "artifacts"

    id: Mapped[str] = mapped_column(primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    task_id: Mapped[str | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    object_key: Mapped[str] = mapped_column(unique=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
