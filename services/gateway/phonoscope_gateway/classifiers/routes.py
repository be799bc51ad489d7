"""The calls under ``/v1/classifiers`` that teach and review."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from sqlalchemy.orm import Session

from phonoscope.contract.classifiers import (
    MOST_ASKED_ABOUT,
    ClassifierCard,
    ClassifierName,
    ClassifierRequest,
    Classifiers,
    ClassifierVersions,
    ReviewQueue,
    TeachRequest,
)
from phonoscope.errors import (
    ContradictoryLabels,
    NameTaken,
    NotFound,
    OutdatedResult,
    RequestInFlight,
    SpaceGone,
    TooFewExamples,
    TooManyLabels,
    UnknownModel,
)
from phonoscope.requests import WholeText
from phonoscope_gateway.bodies import json_body, parse_model, read_json, takes
from phonoscope_gateway.classifiers.queue import read_queue
from phonoscope_gateway.classifiers.service import create, read, read_all, read_versions, remove, teach
from phonoscope_gateway.idempotency import IdempotencyDep, IdempotentAnswer, IdempotentRequest, KeepAnswer
from phonoscope_gateway.problems import KEYED, Responses, links, problems
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/classifiers", tags=["classifiers"], responses=KEYED)

NamePath = Annotated[ClassifierName, Path()]
NewBody = Annotated[ClassifierRequest, Depends(json_body(ClassifierRequest))]

_ASKS = (TooFewExamples, ContradictoryLabels, TooManyLabels, UnknownModel, RequestInFlight, NotFound, OutdatedResult)
_OF_ONE: Responses = {
    202: {
        "links": links(
            "name",
            name=("read_one_classifier", "read_classifier_versions", "read_review_queue", "delete_one_classifier"),
        )
    }
}


async def optional_body(request: Request, _caller: CallerDep) -> TeachRequest | None:
    """What a classifier is taught from, where the request says anything of it. Raises ``InvalidRequest``."""
    content = await read_json(request)
    return parse_model(TeachRequest, content) if content else None


AgainBody = Annotated[TeachRequest | None, Depends(optional_body)]


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=takes(ClassifierRequest),
    responses=_OF_ONE | problems(*_ASKS, NameTaken),
)
def create_classifier(request: NewBody, response: Response, once: IdempotencyDep) -> ClassifierCard:
    """Makes a classifier of your own: teaches it from what you confirmed and rejected, and from examples.

    It is taught from stored vectors, in seconds. Recordings without vectors are embedded first; its figures name those
    that cannot be. Read it until `state` is `ready`, or `failed`.
    """

    def make(keep: KeepAnswer[ClassifierCard]) -> IdempotentAnswer[ClassifierCard]:
        def then(session: Session, made: ClassifierCard) -> None:
            keep(session, _accepted(made))

        return _accepted(create(once.state, once.caller, request, then))

    return _answer(once, request.model_dump(mode="json", exclude_unset=True), make).write(response)


@router.get("")
def read_classifiers(state: StateDep, caller: CallerDep) -> Classifiers:
    """Your classifiers, by name, in brief: with the first 20 labels of each."""
    return Classifiers(items=read_all(state, caller))


@router.get("/{name}", responses=problems(NotFound))
def read_one_classifier(name: NamePath, state: StateDep, caller: CallerDep) -> ClassifierCard:
    """A classifier: where its newest teaching is, what it is worth, and which examples seem wrong.

    Answers of other calls leave out `doubts`, `left_out` and all labels but the first 20.
    """
    return read(state, caller, name)


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def delete_one_classifier(name: NamePath, state: StateDep, caller: CallerDep) -> None:
    """Removes a classifier with all its versions. A teaching that is under way is cancelled."""
    remove(state, caller, name)


@router.post(
    "/{name}/teach",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=takes(TeachRequest),
    responses=_OF_ONE | problems(*_ASKS, SpaceGone),
)
def teach_classifier(name: NamePath, request: AgainBody, response: Response, once: IdempotencyDep) -> ClassifierCard:
    """Teaches a classifier again, from your labels as they are now: a new version, which is served from its end on.

    What the body says takes the place of what was asked for before; what it leaves out stays. One teaching of a
    classifier is done at a time; one that is asked for meanwhile follows.
    """

    def make(keep: KeepAnswer[ClassifierCard]) -> IdempotentAnswer[ClassifierCard]:
        def then(session: Session, made: ClassifierCard) -> None:
            keep(session, _accepted(made))

        return _accepted(teach(once.state, once.caller, name, request, then))

    asked = {} if request is None else request.model_dump(mode="json", exclude_unset=True)
    return _answer(once, asked, make).write(response)


@router.get("/{name}/versions", responses=problems(NotFound))
def read_classifier_versions(name: NamePath, state: StateDep, caller: CallerDep) -> ClassifierVersions:
    """The newest 20 versions of a classifier, the newest first; results name the digest of the one that gave them.

    Versions that were taught from a recording that was erased are not kept, but for the newest one.
    """
    return ClassifierVersions(items=read_versions(state, caller, name))


@router.get("/{name}/queue", responses=problems(NotFound))
def read_review_queue(
    name: NamePath,
    state: StateDep,
    caller: CallerDep,
    limit: Annotated[WholeText, Query(ge=1, le=MOST_ASKED_ABOUT, description="windows at most")] = 10,
) -> ReviewQueue:
    """The windows whose labels would teach a classifier most, the best first, each with a link that plays just it.

    Confirm or reject the label of the window's span, or confirm another one: `POST /v1/tracks/{id}/labels`. What has
    been answered is no longer in the queue; the next teaching makes a new one.
    """
    return read_queue(state, caller, name, limit)


def _answer(once: IdempotentRequest, asked: dict[str, Any], make: Any) -> IdempotentAnswer[ClassifierCard]:
    return once.answer(ClassifierCard, partial(dict, asked), make)


def _accepted(made: ClassifierCard) -> IdempotentAnswer[ClassifierCard]:
    return IdempotentAnswer(status.HTTP_202_ACCEPTED, f"/v1/classifiers/{made.name}", made)
