"""The calls under ``/v1/classifiers/{name}`` that use a taught classifier: apply, export and import it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status

from phonoscope.contract import Job, JobOptions, JobRequest
from phonoscope.contract.classifiers import ClassifierCard, ClassifierName
from phonoscope.db.classifiers.applying import applying_job
from phonoscope.db.classifiers.heads import check_there
from phonoscope.db.classifiers.versions import read_version
from phonoscope.db.service.keys import Caller
from phonoscope.errors import (
    BodyAbsent,
    InvalidImport,
    InvalidRequest,
    NameTaken,
    NotFound,
    RequestInFlight,
    TooManyUploads,
    UnknownModel,
    UploadTooLarge,
)
from phonoscope.requests import WholeText
from phonoscope.states import TaskName
from phonoscope.tasks.apply import ApplyOptions
from phonoscope_gateway.classifiers.importing import take_import
from phonoscope_gateway.classifiers.transfer import pack
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.forms import MAX_HEAD_BYTES, read_form, takes_file
from phonoscope_gateway.idempotency import IdempotencyDep, IdempotentAnswer, KeepAnswer
from phonoscope_gateway.jobs.service import Then, submit_unless_open
from phonoscope_gateway.problems import KEYED, Responses, problems
from phonoscope_gateway.state import CallerDep, HeadDep, State, StateDep

router = APIRouter(prefix="/v1/classifiers", tags=["classifiers"], responses=KEYED)

NamePath = Annotated[ClassifierName, Path()]
VersionQuery = Annotated[
    WholeText | None, Query(ge=1, le=2**31 - 1, description="one that is kept; the newest when left out")
]
_ZIP = "application/zip"
_BYTES = {"type": "string", "format": "binary"}
_FILE = takes_file("a ZIP file as an export makes it")
_EXPORTED: Responses = {200: {"description": "The ZIP file", "content": {_ZIP: {"schema": _BYTES}}}}
_IMPORTS = problems(InvalidImport, BodyAbsent, NameTaken, UploadTooLarge, TooManyUploads)
_MADE: Responses = {201: {"model": ClassifierCard, "description": "It is a new classifier"}}


@router.post(
    "/{name}/apply",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(NotFound, UnknownModel, RequestInFlight),
)
def apply_classifier(name: NamePath, response: Response, once: IdempotencyDep) -> Job:
    """Labels your whole library by the newest version of a classifier of yours, from the vectors that are kept of it.

    Recordings without vectors in its space keep the labels that they have. While a job does so, it is the answer.
    """

    def make(keep: KeepAnswer[Job]) -> IdempotentAnswer[Job]:
        return _accepted(apply(once.state, once.caller, name, lambda session, job: keep(session, _accepted(job))))

    return once.answer(Job, dict, make).write(response)


@router.get("/{name}/export", response_class=Response, responses=_EXPORTED | problems(NotFound))
def export_classifier(
    name: NamePath, state: StateDep, caller: CallerDep, head: HeadDep, version: VersionQuery = None
) -> Response:
    """A version of your classifier as a ZIP file: `manifest.json` and `weights.safetensors`.

    It can be imported into another service that has its body. In a folder of its name among the models of a service it
    is a model for all its clients.
    """
    with state.database.transaction() as session:
        manifest, weights = read_version(session, caller.owner_id, name, version)
    headers = {
        "Content-Disposition": content_disposition("attachment", f"{name}-{manifest.version}.zip"),
        "Cache-Control": "no-store",
    }
    return Response(None if head else pack(manifest, weights), headers=headers, media_type=_ZIP)


@router.put("/{name}", responses=_MADE | _IMPORTS, openapi_extra=_FILE)
async def import_classifier(
    name: NamePath, request: Request, response: Response, state: StateDep, caller: CallerDep
) -> ClassifierCard:
    """Makes a classifier of an exported file, or the newest version of the one that you have.

    The file is checked whole before anything is kept of it; its body must be there. Of a classifier that you have, its
    space and whether several labels can hold must be the same.
    """
    form = await read_form(request, MAX_HEAD_BYTES)
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    with form.upload.file:
        if form.fields:
            raise InvalidRequest.field(min(form.fields), "not a field of this form; there is: file")
        card = await state.uploads.run(caller.owner_id, partial(take_import, state, caller, name, form.upload))
    if card.version == 1:
        response.status_code = status.HTTP_201_CREATED
    response.headers["Location"] = f"/v1/classifiers/{name}"
    return card


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
