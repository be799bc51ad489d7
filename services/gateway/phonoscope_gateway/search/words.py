"""Searches by words: what they mean as labels, or as a vector in a space that sounds and words share."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.orm import Session

from phonoscope.contract import NearLabel, SearchRequest, UnderstoodQuery, WeightedLabel
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.stored import covered_by_windows, labels_named
from phonoscope.errors import BodyAbsent, InvalidRequest, ModelError
from phonoscope.tasks.spec import ModelRef
from phonoscope.text import Meant
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of
from phonoscope_gateway.state import State

_BY_SPELLING = "words are compared with labels by their spelling: run `phonoscope models pull minilm`"
_NOTHING_WANTED = "nothing that should be heard is near to a label"


def by_text(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    """A search by words: by CLAP where it is there and all that is embedded has windows in its space, else by labels.

    By labels, where none is near to the words nothing is found, and the answer says which are nearest.

    Raises:
        InvalidRequest: CLAP is asked for and is not there; the error names the command that fetches it.
        WeightsMismatch, UnreadableWeights: CLAP is asked for, and its text tower cannot be used.
    """
    assert request.text is not None
    if request.way == "clap":
        return _by_clap(state, owner_id, request, filters)
    if request.way is None and _all_in_sentences_space(session, state, owner_id, filters.stem):
        with suppress(ModelError, InvalidRequest):
            return _by_clap(state, owner_id, request, filters)
    return _by_labels(session, state, owner_id, request, filters)


def _by_clap(state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    assert request.text is not None
    try:
        space, vector = state.text_tower.vector(request.text)
    except BodyAbsent as error:
        raise InvalidRequest.field("way", error.detail) from error
    understood = UnderstoodQuery(by="text", way="clap", space=ModelRef(name=space.model, digest=space.digest))
    return Query(owner_id, request.unit, filters, understood, space, (vector,), windows=True)


def _all_in_sentences_space(session: Session, state: State, owner_id: str, stem: str) -> bool:
    space = state.text_tower.space
    space_id = None if space is None else space_id_of(session, space)
    if space_id is None:
        return False
    key = owner_id, space, stem, True
    found = state.coverages.of(key, lambda: covered_by_windows(session, owner_id, space_id, stem))
    return 0 < found.tracks == found.embedded


def _by_labels(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    assert request.text is not None
    meant = state.words.current.of(request.text)
    weights = meant.weights if meant.wanted else {}
    known = labels_named(session, {label for _, label in weights})
    ids = {label.id: weights[label.model, label.label] for label in known if (label.model, label.label) in weights}
    wanted = {label.id: label for label in known if ids.get(label.id, 0.0) > 0.0}
    things = [
        {
            label.id: thing.weights[label.model, label.label]
            for label in known
            if (label.model, label.label) in thing.weights
        }
        for thing in meant.together
    ]
    return Query(owner_id, request.unit, filters, _understood(meant), weights=ids, wanted=wanted, things=things)


def _understood(meant: Meant) -> UnderstoodQuery:
    labels = [
        WeightedLabel(model=model, label=label, weight=weight) for (model, label), weight in meant.weights.items()
    ]
    nearest = {near.label: near.similarity for near in reversed(meant.near)}
    near = [NearLabel(label=label, similarity=similarity) for label, similarity in reversed(nearest.items())]
    notes = [] if meant.way == "meaning" else [_BY_SPELLING]
    return UnderstoodQuery(
        by="text",
        way=meant.way,
        labels=labels,
        together=[thing.words for thing in meant.together],
        near=near if meant.missing or not meant.wanted else [],
        missing=list(meant.missing),
        notes=notes if meant.wanted else [*notes, _NOTHING_WANTED],
    )
