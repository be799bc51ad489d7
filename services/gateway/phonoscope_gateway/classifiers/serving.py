"""The calls under ``/v1/classifiers/{name}`` that use a taught classifier."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response, status

from phonoscope.contract import Job, JobOptions, JobRequest
from phonoscope.contract.classifiers import ClassifierName
from phonoscope.db.classifiers.applying import applying_job
from phonoscope.db.classifiers.heads import check_there
from phonoscope.db.service.keys import Caller
from phonoscope.errors import NotFound, RequestInFlight, UnknownModel
from phonoscope.states import TaskName
from phonoscope.tasks.apply import ApplyOptions
from phonoscope_gateway.idempotency import IdempotencyDep, IdempotentAnswer, IdempotentRequest, KeepAnswer
from phonoscope_gateway.jobs.service import Then, submit_unless_open
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import State

router = APIRouter(prefix="/v1/classifiers", tags=["classifiers"], responses=KEYED)


@router.post(
    "/{name}/apply",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(NotFound, UnknownModel, RequestInFlight),
)
def apply_classifier(name: ClassifierName, response: Response, once: IdempotencyDep) -> Job:
    """Labels your whole library by the newest version of a classifier of yours, from the vectors that are kept of it.

    Recordings without vectors in its space keep the labels that they have. While a job does so, it is the answer.
    """
    return _applied(once, name).write(response)


def _applied(once: IdempotentRequest, name: str) -> IdempotentAnswer[Job]:
    def make(keep: KeepAnswer[Job]) -> IdempotentAnswer[Job]:
        return _accepted(apply(once.state, once.caller, name, lambda session, job: keep(session, _accepted(job))))

    return once.answer(Job, dict, make)


def apply(state: State, caller: Caller, name: str, then: Then = lambda *_: None) -> Job:
    """The job that labels the owner's library by a classifier: one that is open, or a new one.

    Raises:
        NotFound: the owner has no such classifier.
        UnknownModel: it was not taught yet, or a served model has its name.
        LimitReached: the owner has as much in the queues as may be.
    """
    with state.database.autocommit() as session:
        check_there(session, caller.owner_id, name)
    find = partial(applying_job, owner_id=caller.owner_id, name=name)
    options = JobOptions(apply=ApplyOptions(classifier=name))
    return submit_unless_open(state, caller, JobRequest(tasks=[TaskName.APPLY], options=options), find, then)


def _accepted(job: Job) -> IdempotentAnswer[Job]:
    return IdempotentAnswer(status.HTTP_202_ACCEPTED, f"/v1/jobs/{job.id}", job)
