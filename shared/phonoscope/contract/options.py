"""What can be asked of each task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from phonoscope.audio.facts import MOST_AUDIO_TRACKS
from phonoscope.requests import RequestModel
from phonoscope.states import TaskName
from phonoscope.tasks.apply import ApplyOptions
from phonoscope.tasks.classify import ClassifyOptions
from phonoscope.tasks.describe import DescribeOptions
from phonoscope.tasks.embed import EmbedOptions
from phonoscope.tasks.explain import ExplainOptions
from phonoscope.tasks.features import FeaturesOptions
from phonoscope.tasks.map import MapOptions
from phonoscope.tasks.mixdown import MixdownOptions
from phonoscope.tasks.separate import SeparateOptions
from phonoscope.tasks.teach import TeachOptions


class JobOptions(RequestModel):
    """Options by task."""

    classify: ClassifyOptions = Field(default_factory=ClassifyOptions)
    embed: EmbedOptions = Field(default_factory=EmbedOptions)
    explain: ExplainOptions = Field(default_factory=ExplainOptions)
    features: FeaturesOptions = Field(default_factory=FeaturesOptions)
    separate: SeparateOptions = Field(default_factory=SeparateOptions)
    mixdown: MixdownOptions = Field(default_factory=MixdownOptions)
    describe: DescribeOptions = Field(default_factory=DescribeOptions)
    map: MapOptions = Field(default_factory=MapOptions)
    teach: TeachOptions = Field(default_factory=TeachOptions)
    apply: ApplyOptions = Field(default_factory=ApplyOptions)
    audio_track: int | None = Field(
        None,
        ge=0,
        le=MOST_AUDIO_TRACKS - 1,
        description="the index, in the track's `audio_tracks`, of the one that all tasks read; the track's own "
        "`audio_track` when left out",
    )
    no_cache: bool = Field(False, description="compute again what the same job gave before")

    def kept(self, tasks: Iterable[TaskName]) -> dict[str, Any]:
        """The options as a job of these tasks keeps them.

        Those of tasks that the release before does not know are left out of other jobs, which its workers can run.
        """
        others = {str(name) for name in (TaskName.TEACH, TaskName.APPLY)} - {str(name) for name in tasks}
        return self.model_dump(mode="json", exclude=others)
