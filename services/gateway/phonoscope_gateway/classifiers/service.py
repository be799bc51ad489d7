"""Rules for classifiers: what is asked for is committed first, then workers are woken, or the courier does the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from sqlalchemy.orm import Session

from phonoscope.catalogue import AUTO
from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.contract.classifiers import ClassifierCard, ClassifierRequest, ClassifierVersion, TeachRequest
from phonoscope.db.classifiers import listing
from phonoscope.db.classifiers.spec import Spec, as_kept, check_said, merged, placed, taught_labels
from phonoscope.db.classifiers.teaching import (
    any_missing,
    ask_for_teaching,
    change_spec,
    delete_classifier,
    find_classifier,
    new_classifier,
)
from phonoscope.db.classifiers.versions import check_room
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.service.audit import record
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import check_held
from phonoscope.db.tasks.family import lock_subject
from phonoscope.errors import BrokerUnavailable, InvalidRequest, NameTaken, SpaceGone
from phonoscope.logs import get_logger
from phonoscope.states import TaskQueue
from phonoscope.work import Space
from phonoscope_gateway.classifiers.view import card, version
from phonoscope_gateway.state import State

Then: TypeAlias = Callable[[Session, ClassifierCard], None]
"""Called with the transaction and the classifier as it is in it."""
_log = get_logger(__name__)


def create(state: State, caller: Caller, request: ClassifierRequest, then: Then = lambda *_: None) -> ClassifierCard:
    """Makes a classifier and has it taught.

    Raises:
        NameTaken: a served model, a body or a classifier of the owner's has that name.
        TooFewExamples, TooManyLabels, ContradictoryLabels, InvalidRequest: it cannot be taught from that.
        LimitReached: the owner has as many classifiers, or as much in the queues, as may be.
    """
    if request.name == AUTO or state.catalogue.has(request.name):
        raise NameTaken(f"a model that is served is called {request.name!r}")
    space = _space(state, request)

    def make(session: Session) -> tuple[ClassifierCard, list[TaskQueue]]:
        lock_subject(session, caller.owner_id)
        kept = as_kept(placed(session, caller.owner_id, request), state.catalogue.embedders.get(space, ""))
        row = new_classifier(session, caller.actor, request.name, space, kept)
        return _ask(state, caller, session, row, then)

    return _committed(state, make)


def teach(
    state: State, caller: Caller, name: str, request: TeachRequest | None, then: Then = lambda *_: None
) -> ClassifierCard:
    """Has a classifier taught again; what the request says takes the place of what was asked for before.

    Raises:
        NotFound: the owner has no such classifier.
        SpaceGone: the body in whose space it was taught is no longer served, that space was named, and the request
            names no other one.
        TooFewExamples, TooManyLabels, ContradictoryLabels, InvalidRequest, LimitReached: as ``create`` does.
    """

    def make(session: Session) -> tuple[ClassifierCard, list[TaskQueue]]:
        lock_subject(session, caller.owner_id)
        before = find_classifier(session, caller.owner_id, name)
        given = placed(session, caller.owner_id, request or TeachRequest(), before.spec)
        row = find_classifier(session, caller.owner_id, name, to_change=True)
        space = _space(state, given) if "space" in given.model_fields_set else _served_now(state, row)
        whole = merged(row.spec, given, row.model)
        change_spec(session, caller.actor, row, space, as_kept(whole, state.catalogue.embedders.get(space, "")))
        record(session, caller.actor, "classifier.teaching_asked", row.id, name=name)
        return _ask(state, caller, session, row, then)

    return _committed(state, make)


def read(state: State, caller: Caller, name: str) -> ClassifierCard:
    """Raises ``NotFound``."""
    with state.database.transaction() as session:
        return card(state, listing.see(session, find_classifier(session, caller.owner_id, name)))


def read_all(state: State, caller: Caller) -> list[ClassifierCard]:
    """The owner's classifiers, by name, without doubts."""
    with state.database.transaction() as session:
        return [card(state, seen) for seen in listing.list_classifiers(session, caller.owner_id)]


def read_versions(state: State, caller: Caller, name: str) -> list[ClassifierVersion]:
    """The versions that are kept, the newest first. Raises ``NotFound``."""
    with state.database.transaction() as session:
        return [version(row) for row in listing.list_versions(session, find_classifier(session, caller.owner_id, name))]


def remove(state: State, caller: Caller, name: str) -> None:
    """Cancels a classifier's jobs and removes it with its versions and its labels. Raises ``NotFound``."""

    def body(session: Session) -> list[TaskQueue]:
        lock_subject(session, caller.owner_id)
        row = find_classifier(session, caller.owner_id, name)
        return delete_classifier(session, caller.actor, row, keeps_labels=state.catalogue.has(name))

    _wake(state, state.database.retrying(body))


def _ask(
    state: State, caller: Caller, session: Session, row: ClassifierRow, then: Then
) -> tuple[ClassifierCard, list[TaskQueue]]:
    spec = Spec.of(row.spec, row.created_at)
    labels = taught_labels(session, caller.owner_id, spec)
    check_said(session, caller.owner_id, spec, labels)
    check_room(session, caller.owner_id, len(labels), row)
    if not spec.embedder and any_missing(session, row):
        raise InvalidRequest.field("space", "examples have no vectors in it, and no served model embeds there")
    queues = ask_for_teaching(session, row)
    session.refresh(row)
    # What is kept for a repetition of the request names no recording.
    made = card(state, listing.see(session, row, whole=False))
    then(session, made)
    check_held(session, caller.owner_id, state.limits, new_job=bool(queues))
    return made, queues


def _space(state: State, request: TeachRequest) -> Space:
    """The space of the body that a head can be served on; where none is named that of the default model.

    Raises ``InvalidRequest`` and ``UnknownModel``.
    """
    bodies = {body.space: name for name, body in state.catalogue.bodies.items() if body.architecture in ARCHITECTURES}
    if request.space is not None and request.space not in _names(state):
        raise InvalidRequest.choice("space", f"space {request.space!r}", sorted(bodies.values()))
    name = state.settings.default_model if request.space in {None, AUTO} else request.space
    found = next((space for space in state.catalogue.spaces(name) if space in bodies), None)
    if found is None:
        raise InvalidRequest.field(
            "space",
            f"no classifier can be served on {name!r}, which has no body or one that only embeds; there are "
            f"{', '.join(sorted(bodies.values()))}",
        )
    return found


def _names(state: State) -> Collection[str]:
    return {AUTO, *state.catalogue.bodies, *state.catalogue.manifests}


def _served_now(state: State, row: ClassifierRow) -> Space:
    """The space of its body as that is served now, which may be another than before.

    Raises ``SpaceGone`` when it is not; of one that chooses its space that of the default model counts then.
    """
    body = state.catalogue.bodies.get(row.model)
    if body is None and Spec.of(row.spec, row.created_at).chooses:
        return _space(state, TeachRequest())
    if body is None:
        raise SpaceGone.field("space", f"the body {row.model!r} is no longer served: name another one")
    return body.space


def _committed(state: State, make: Callable[[Session], tuple[ClassifierCard, list[TaskQueue]]]) -> ClassifierCard:
    made, queues = state.database.retrying(make)
    _wake(state, queues)
    _log.info("classifier.asked", classifier_id=made.id, state=made.state)
    return made


def _wake(state: State, queues: Collection[TaskQueue]) -> None:
    """The sweeper does so where the broker is away."""
    try:
        state.waker.wake(queues)
    except BrokerUnavailable:
        _log.warning("classifier.not_sent_yet")
