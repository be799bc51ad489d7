"""What a handler takes: the claimed tasks, the recording's bytes and a way to report progress."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.catalogue import OwnHead
from phonoscope.contract import JobOptions
from phonoscope.db.classifiers.applying import Labelling
from phonoscope.errors import NotFound, UnknownModel
from phonoscope.states import TaskName
from phonoscope.traces import current_span
from phonoscope.work import Claim, Outcome, Space
from phonoscope_worker.store_retry import retrying_store

if TYPE_CHECKING:
    from phonoscope.db.classifiers.examples import Lesson
    from phonoscope.db.classifiers.trials import Trials

_IN_MEMORY_BYTES = 8 << 20


def _fetch_nothing(_: BinaryIO) -> None:
    pass


def _no_vectors(space: Space) -> tuple[Space, dict[str, Any]]:
    return space, {}


def _no_lesson(name: str, _space: Space | None = None) -> Lesson:
    raise NotFound(f"no classifier {name!r}")


def _no_trials(_name: str, _spaces: Collection[Space]) -> Trials | None:
    return None


def _no_labelling(name: str) -> Labelling:
    raise UnknownModel(f"no classifier {name!r}")


def _no_head(_: str) -> OwnHead | None:
    return None


@dataclass
class Work:
    """The tasks of one claim, with access to their inputs.

    Args:
        spool: the file that ``fetch`` writes the recording to, at the first use of ``file``.
        report: reports the progress, from 0 to 1, and the stage.
        stems: fetches the stems of the track's newest separation, by name; empty before the first one.
        vectors: in the place of a served space the one that the owner's searches read, and the vectors of the newest
            tracks there by track id.
        lesson: what a classifier of the owner's is taught from, by its name, in a space or in its own.
        trials: some of that in each of several spaces; ``None`` where its maker named its space.
        own_head: reads the newest head of the owner's own classifier of a name; ``None`` where there is none.
        labelling: begins to label the owner's library by a classifier, or goes on.
        timings: seconds by stage.
    """

    claim: Claim
    options: JobOptions
    spool: BinaryIO
    report: Callable[[float, str], None]
    stems: Callable[[], dict[str, BinaryIO]] = dict
    fetch: Callable[[BinaryIO], None] = _fetch_nothing
    vectors: Callable[[Space], tuple[Space, dict[str, Any]]] = _no_vectors
    lesson: Callable[[str, Space | None], Lesson] = _no_lesson
    trials: Callable[[str, Collection[Space]], Trials | None] = _no_trials
    own_head: Callable[[str], OwnHead | None] = _no_head
    labelling: Callable[[str], Labelling] = _no_labelling
    timings: dict[str, float] = field(default_factory=dict)

    @cached_property
    def file(self) -> BinaryIO:
        """The recording, fetched at its first use. Raises ``NotFound`` or ``StoreUnavailable``."""
        with self.timed("fetch_s"):
            retrying_store(lambda: self.fetch(self.spool))
        return self.spool

    def recording(self) -> ConfinedRecording:
        """The audio track to read, opened for one pass. Raises as ``file`` and ``ConfinedRecording`` do."""
        return ConfinedRecording(self.file, self.claim.track.owner_id, self.options.audio_track)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the seconds spent inside to ``timings``, and a span to the attempt's trace."""
        started = perf_counter()
        try:
            with current_span().child(f"stage {stage.removesuffix('_s')}"):
                yield
        finally:
            self.timings[stage] = round(self.timings.get(stage, 0.0) + perf_counter() - started, 6)


Handler: TypeAlias = Callable[[Work], dict[TaskName, Outcome]]
"""Runs all claimed tasks in one pass. A ``PhonoscopeError`` that it raises fails them all."""


def spool() -> BinaryIO:
    """A temporary file without a name, in memory up to 8 MiB."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))
