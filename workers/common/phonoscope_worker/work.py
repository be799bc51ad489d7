"""One run of a job's tasks in one pool: claim, fetch, compute, commit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from time import monotonic, perf_counter
from typing import Any, BinaryIO, TypeAlias, cast

from pydantic import ValidationError

from phonoscope.contract import MOST_ON_MAP, JobOptions
from phonoscope.costs import time_limit_s
from phonoscope.db.access.engine import Database
from phonoscope.db.library.artifacts import artifacts_of
from phonoscope.db.library.jobs import newest_result
from phonoscope.db.library.maps import vectors_to_place
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.errors import (
    BrokerUnavailable,
    OutdatedResult,
    PhonoscopeError,
    StoreUnavailable,
    TaskFailed,
    TimedOut,
    Unavailable,
)
from phonoscope.logs import get_logger
from phonoscope.queue import Queue
from phonoscope.states import Place, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.tasks import Separate
from phonoscope.work import Claim, ClaimedTrack, Outcome
from phonoscope_worker.heartbeat import CalledOff, Heart
from phonoscope_worker.objects import Objects, objects_of
from phonoscope_worker.resources import named_shortage
from phonoscope_worker.retry import patiently

_log = get_logger(__name__)


def _nothing(_: BinaryIO) -> None:
    pass


def _none(_: str) -> dict[str, Any]:
    return {}


@dataclass
class Work:
    """What a handler is given: the claimed tasks, the recording's bytes, and a way to say how far it is.

    ``stems`` fetches those of the track's newest separation, by name; there are none before the first. ``fetch`` puts
    the recording into ``spool``, once it is asked for. ``vectors`` are those of the owner's newest tracks, by id,
    under a model.
    """

    claim: Claim
    options: JobOptions
    spool: BinaryIO
    report: Callable[[float, str], None]
    stems: Callable[[], dict[str, BinaryIO]] = dict
    fetch: Callable[[BinaryIO], None] = _nothing
    vectors: Callable[[str], dict[str, Any]] = _none
    timings: dict[str, float] = field(default_factory=dict)

    @cached_property
    def file(self) -> BinaryIO:
        """The recording. Raises ``NotFound`` or ``StoreUnavailable``."""
        with self.timed("fetch_s"):
            patiently(lambda: self.fetch(self.spool))
        return self.spool

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the seconds spent inside to ``timings``."""
        started = perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = round(self.timings.get(stage, 0.0) + perf_counter() - started, 6)


Handler: TypeAlias = Callable[[Work], dict[TaskName, Outcome]]
"""Runs all claimed tasks in one pass. A ``PhonoscopeError`` it raises fails them all."""


@dataclass(frozen=True)
class Context:
    """What a worker process holds for its whole life."""

    device: str
    database: Database
    store: ObjectStore
    queue: Queue
    heart: Heart
    handler: Handler


TURN_S = 1.0
"""After which a worker looks whether there is something in other places too."""


def run_place(context: Context, place: Place) -> None:
    """Runs what can be started in a place, until there is nothing or others have their turn; they are woken then.

    Raises ``Unavailable`` when a service went away; what ran is handed back once its lease has run out.
    """
    until = monotonic() + TURN_S
    while run_next(context, place):
        if monotonic() > until:
            _wake(context, [place])
            return


def run_next(context: Context, place: Place) -> bool:
    """Runs the tasks whose turn it is in a place; false when none can be started.

    Raises ``Unavailable``, as above.
    """
    with context.database.single() as session:
        claim = claim_next(session, place, context.device, context.heart.worker_id)
    if claim is None:
        _log.debug("task.nothing_to_do", queue=place.queue)
        return False
    work = _work(context, claim)
    limit_s = time_limit_s(claim.tasks, claim.subject.duration_s)
    free: Iterable[Place] | None = None
    with objects_of(claim, context.store, context.database) as objects:
        try:
            with work.spool, context.heart.holding(claim.token, limit_s):
                outcomes = _outcomes(context, work)
                _store(objects, outcomes, work)
            with context.database.single() as session:
                free = end_tasks(session, claim, outcomes, work.timings)
        except CalledOff:
            _give_up(context, claim, TimedOut(f"it took more than the {limit_s:.0f} s that it may"))
        except StoreUnavailable as error:
            _give_up(context, claim, error)
        if free is None:
            objects.discard()
    _log.info("task.ended" if free is not None else "task.lost", job_id=claim.job_id, timings=work.timings)
    _wake(context, free or [])
    return True


def _give_up(context: Context, claim: Claim, why: PhonoscopeError) -> None:
    """Hands the tasks back for another attempt, if there is one left. Nothing comes of it where the lease was lost."""
    _log.warning("task.given_up", job_id=claim.job_id, code=why.code, detail=why.detail)
    with context.database.transaction() as session:
        free = hand_back(session, [claim.token], why)
    _wake(context, free)


def _work(context: Context, claim: Claim) -> Work:
    options, report = JobOptions.model_validate(claim.options), context.heart.report
    if isinstance(claim.subject, ClaimedTrack):
        fetch = partial(context.store.fetch, claim.subject.object_key)
        return Work(claim, options, spool(), report, stems=partial(_fetch_stems, context, claim), fetch=fetch)
    vectors = partial(_fetch_vectors, context, claim.subject.owner_id)
    return Work(claim, options, spool(), report, vectors=vectors)


def _wake(context: Context, places: Iterable[Place]) -> None:
    try:
        context.queue.wake(places)
    except BrokerUnavailable:
        _log.warning("task.not_sent_yet", queues=[place.queue for place in places])


def _store(objects: Objects, outcomes: dict[TaskName, Outcome], work: Work) -> None:
    if any(outcome.artifacts for outcome in outcomes.values()):
        with work.timed("store_s"):
            objects.put(outcomes)


def _fetch_stems(context: Context, claim: Claim) -> dict[str, BinaryIO]:
    """Raises ``OutdatedResult`` when another version of the service made the stems, and its result cannot be read."""
    with context.database.single() as session:
        found = newest_result(session, claim.track.id, TaskName.SEPARATE)
        rows = {row.id: row for row in artifacts_of(session, found[0].source_id or found[0].id)} if found else {}
    try:
        stems = Separate.read_stored(found[1]).stems if found else []
    except ValidationError as error:
        raise OutdatedResult("the track's stems: make them again with the option no_cache") from error
    files = {}
    for stem in stems:
        files[stem.name] = spool()
        patiently(partial(context.store.fetch, rows[stem.audio.id].object_key, files[stem.name]))
    return files


def _fetch_vectors(context: Context, owner_id: str, model_name: str) -> dict[str, Any]:
    with context.database.single() as session:
        return vectors_to_place(session, owner_id, model_name, MOST_ON_MAP)


def spool() -> BinaryIO:
    """A temporary file without a name, in memory while it is small."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=8 << 20))


def _outcomes(context: Context, work: Work) -> dict[TaskName, Outcome]:
    try:
        with named_shortage():
            return context.handler(work)
    except Unavailable:
        raise
    except PhonoscopeError as error:
        problem = error.as_problem()
    except Exception:  # noqa: BLE001 - whatever a recording does to a handler, the worker lives on
        _log.exception("task.crashed", job_id=work.claim.job_id)
        problem = TaskFailed("an error that is not known to the service; the worker's log has it").as_problem()
    _log.warning("task.failed", job_id=work.claim.job_id, code=problem["code"])
    return failed(work, problem)


def outcome_of(task: Callable[[], Outcome]) -> Outcome:
    """What a task of several gives: its own failure leaves the others their results."""
    try:
        with named_shortage():
            return task()
    except Unavailable:
        raise
    except PhonoscopeError as error:
        return Outcome(problem=error.as_problem())


def failed(work: Work, problem: dict[str, Any]) -> dict[TaskName, Outcome]:
    """The same problem for every claimed task."""
    return {name: Outcome(problem=problem) for name in work.claim.tasks}
