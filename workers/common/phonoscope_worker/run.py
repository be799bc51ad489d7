"""One attempt at a job's tasks, from the claim to the commit.

Whatever happens in an attempt, its tasks do not stay ``running``: they end with results or a problem, or they are
handed back for another attempt. Only when the database is down must the lease expire first.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import monotonic

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from phonoscope.costs import time_limit_s
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.finish import end_tasks, needs_transaction
from phonoscope.db.tasks.requeue import hand_back, leases_of
from phonoscope.errors import (
    BrokerUnavailable,
    OutdatedTeaching,
    PhonoscopeError,
    StoreUnavailable,
    TaskFailed,
    TimedOut,
    Unavailable,
    UnstorableResult,
    UnsupportedTask,
)
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.states import TaskName, TaskQueue
from phonoscope.traces import Attributes, Span, current_span, root_span
from phonoscope.work import Claim, Outcome
from phonoscope_worker.context import Context
from phonoscope_worker.heartbeat import TaskInterrupted
from phonoscope_worker.inputs import work_of
from phonoscope_worker.objects import AttemptObjects, attempt_objects
from phonoscope_worker.outcomes import failed, outcomes_of, problem_of
from phonoscope_worker.resources import typed_resource_errors
from phonoscope_worker.work import Work

TURN_S = 1.0
"""Seconds after which a worker checks its other queues for work."""
_TEACHINGS = 5
"""How often a classifier is taught in one attempt, where recordings of its examples are erased meanwhile."""
_log = get_logger(__name__)


def run_queue(context: Context, queue: TaskQueue) -> None:
    """Runs the tasks of a queue until none can be started, or until other queues have their turn.

    Then it wakes a worker for the remaining tasks. Raises ``Unavailable`` when a service is down; its tasks are handed
    back when their lease has expired.
    """
    until = monotonic() + TURN_S
    while run_next(context, queue):
        if monotonic() > until:
            _wake(context, [queue])
            return


def run_next(context: Context, queue: TaskQueue) -> bool:
    """Runs the tasks of a queue whose turn it is; false when none can be started.

    Raises ``Unavailable``, as above.
    """
    try:
        with context.database.autocommit() as session:
            claim = claim_next(session, queue, context.device, context.heartbeat.worker_id)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 - such as a task that only a newer release knows
        _log.exception("task.not_claimed", queue=queue.name)
        return _hand_back_all(context, UnsupportedTask("the worker could not read the task; see the worker's log"))
    if claim is None:
        _log.debug("task.nothing_to_do", queue=queue.name)
        return False
    with _span(queue, claim):
        _attempt(context, queue, claim)
    return True


def _span(queue: TaskQueue, claim: Claim) -> Span:
    facts: Attributes = {
        "phonoscope.job.id": claim.job_id,
        "phonoscope.tasks": list(claim.tasks),
        "phonoscope.attempt": claim.attempt,
    }
    return root_span(f"attempt {queue.name}", "consumer", claim.traceparent, facts)


def _attempt(context: Context, queue: TaskQueue, claim: Claim) -> None:
    timings: dict[str, float] = {}
    began, end = monotonic(), "unfinished"
    try:
        with attempt_objects(claim, context.store, context.database) as objects:
            free = _run(context, claim, objects, timings)
            if free is None:
                objects.discard_uncommitted()
            else:
                end = "ended"
    finally:
        recorder().attempt_ended(queue.pool, queue.lane, end)
        current_span().describe({"phonoscope.attempt.end": end})
    if free is not None:
        recorder().tasks_took(list(claim.tasks), monotonic() - began, timings)
    _log.info("task.ended" if free is not None else "task.lost", job_id=claim.job_id, timings=timings)
    _wake(context, free or [])


def _run(
    context: Context, claim: Claim, objects: AttemptObjects, timings: dict[str, float]
) -> Iterable[TaskQueue] | None:
    """Runs the claim; returns where tasks can start now, or ``None`` when this attempt did not end its tasks."""
    limit_s = time_limit_s(claim.tasks, claim.subject.duration_s)
    why: PhonoscopeError
    try:
        for _ in range(_TEACHINGS):
            work = work_of(context, claim, timings)
            with work.spool:
                compute = partial(_compute, context, work, objects)
                outcomes = context.heartbeat.holding(claim.token, limit_s, compute)
            try:
                return _commit(context, claim, outcomes, timings)
            except OutdatedTeaching as error:
                _log.warning("teaching.outdated", job_id=claim.job_id, detail=error.detail)
                why = error
    except TaskInterrupted:
        why = TimedOut(f"it took more than the {limit_s:.0f} s that it may")
    except StoreUnavailable as error:
        why = error
    except UnsupportedTask as error:
        _hand_back(context, claim, error, elsewhere=True)
        return None
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - a task that stayed running would be computed twice more
        objects.discard_uncommitted()
        return _fail(context, claim, error)
    _hand_back(context, claim, why)
    return None


def _compute(context: Context, work: Work, objects: AttemptObjects) -> dict[TaskName, Outcome]:
    outcomes = outcomes_of(context.handler, work)
    if any(outcome.artifacts for outcome in outcomes.values()):
        with work.timed("store_s"), typed_resource_errors():
            objects.put(outcomes)
    return outcomes


def _commit(
    context: Context, claim: Claim, outcomes: dict[TaskName, Outcome], timings: dict[str, float]
) -> Iterable[TaskQueue] | None:
    """As ``_run``. Raises ``UnstorableResult`` when PostgreSQL refuses the end."""
    try:
        free = context.database.retrying(
            lambda session: end_tasks(session, claim, outcomes, timings), autocommit=not needs_transaction(outcomes)
        )
    except DBAPIError as error:
        _log.exception("task.not_written", job_id=claim.job_id)
        reason = str(error.orig).partition("\n")[0]
        raise UnstorableResult(f"PostgreSQL refused the result: {reason}") from error
    if free is not None:
        codes = {name: (outcome.problem or {}).get("code") for name, outcome in outcomes.items()}
        recorder().tasks_ended(codes.items())
        for code in filter(None, codes.values()):
            current_span().fail(code)
    return free


def _fail(context: Context, claim: Claim, error: Exception) -> Iterable[TaskQueue] | None:
    try:
        return _commit(context, claim, failed(claim, problem_of(error, claim)), {})
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 - such as an end that this database's tables do not take
        _log.exception("task.not_ended", job_id=claim.job_id)
    _hand_back(context, claim, TaskFailed("its end could not be written; see the worker's log"))
    return None


def _hand_back(context: Context, claim: Claim, why: PhonoscopeError, *, elsewhere: bool = False) -> None:
    """Queues the tasks for another attempt, or fails them after the last; changes nothing when the lease was lost.

    Args:
        elsewhere: as of ``hand_back``.
    """
    _log.warning("task.given_up", job_id=claim.job_id, code=why.code, detail=why.detail)
    current_span().fail(why.code)
    _wake(
        context, context.database.retrying(lambda session: hand_back(session, [claim.token], why, elsewhere=elsewhere))
    )


def _hand_back_all(context: Context, why: PhonoscopeError) -> bool:
    """The same for every task that this worker holds; false when it holds none."""

    def hand_back_held(session: Session) -> tuple[set[str], list[TaskQueue]]:
        held = leases_of(session, context.heartbeat.worker_id)
        return held, hand_back(session, held, why, elsewhere=True)

    held, free = context.database.retrying(hand_back_held)
    _wake(context, free)
    return bool(held)


def _wake(context: Context, queues: Iterable[TaskQueue]) -> None:
    try:
        context.waker.wake(queues)
    except BrokerUnavailable:
        _log.warning("task.not_sent_yet", queues=[queue.name for queue in queues])
