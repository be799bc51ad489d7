"""A track's state: what is known of it, whichever jobs asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from phonoscope.states import TaskName
from phonoscope.tasks import AnyResult


class TrackResult(BaseModel):
    """The newest result of a task, model and variant."""

    task: TaskName
    model: str | None = Field(description="null for tasks without a model")
    digest: str | None = Field(description="of that model, as its card has it")
    audio_track: int | None = Field(
        None, description="the index of the audio track that the job named; null for the track's own `audio_track`"
    )
    variant: str | None = Field(
        description="of `separate` the `two_stems` asked for, of `explain` the `label` asked for; null otherwise. "
        "The newest evidence of a stretch is kept beside that of the whole: its result says `stretch`"
    )
    job_id: str = Field(description="the job that asked last")
    task_id: str = Field(description="that job's task; another one when the same was asked again")
    finished_at: datetime
    result: AnyResult | None = Field(description="as in the job; null when this version of the service cannot read it")
    error: dict[str, Any] | None = Field(None, description="why it cannot be read: a problem (RFC 9457)")


class TrackResults(BaseModel):
    """All that is known of a track, newest first."""

    track_id: str
    items: list[TrackResult]

    def newest(
        self, task: TaskName | str, model: str | None = None, *, audio_track: int | None = None
    ) -> TrackResult | None:
        """The newest result of a task, by any model or by the one named.

        Args:
            audio_track: the audio track that jobs named; without one, results of the track's own.
        """
        of_task = (item for item in self.items if item.task == task and item.audio_track == audio_track)
        return next((item for item in of_task if model in (None, item.model)), None)
