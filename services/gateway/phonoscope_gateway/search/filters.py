"""A search's filters, from names to what the database compares."""

from __future__ import annotations

from unicodedata import normalize

from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies, Vocabulary
from phonoscope.contract import LabelFilter, SearchRequest, SearchUnit
from phonoscope.db.library.collections import check_collection
from phonoscope.db.library.labels import rivals_of
from phonoscope.db.search.filters import AnyLabel, Filters
from phonoscope.db.search.said import said_labels
from phonoscope.db.search.stored import is_heard, labels_named
from phonoscope.errors import UnknownLabel
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.state import State


def filters_of(session: Session, state: State, owner_id: str, request: SearchRequest) -> Filters:
    """What a search looks at.

    Raises ``UnknownLabel`` for a label that no model has and the owner said nothing of, ``NotFound`` for a collection
    that the owner does not have.
    """
    asked = request.filters
    check_collection(session, owner_id, asked.collection)
    return Filters(
        stem=request.stem or WHOLE_TRACK,
        any_of=[_label(session, state, owner_id, index, label) for index, label in enumerate(asked.labels)],
        kinds=[str(kind) for kind in asked.kinds],
        since=asked.uploaded_since,
        until=asked.uploaded_until,
        least_s=asked.least_duration_s,
        most_s=asked.most_duration_s,
        words=asked.words,
        metadata=asked.metadata,
        collection=asked.collection,
        somewhere=request.unit is SearchUnit.TRACK,
    )


def _label(session: Session, state: State, owner_id: str, index: int, asked: LabelFilter) -> AnyLabel:
    label = normalize("NFC", asked.label)
    ids = frozenset(known.id for known in labels_named(session, [label], asked.model))
    own = _own_models(session, state, owner_id, label, asked.model)
    said = bool(said_labels(session, owner_id, [label]))
    by_owner = said and asked.model is None
    if not own and not by_owner and not _is_served(state, label, asked.model) and not is_heard(session, owner_id, ids):
        raise UnknownLabel.field(f"filters.labels.{index}.label", _unknown(label, asked.model))
    rivals = rivals_of(label, own)
    return AnyLabel(ids, asked.least_probability, label, tuple(own), rivals, said, asked.model or "")


def _own_models(session: Session, state: State, owner_id: str, label: str, model: str | None) -> Vocabularies:
    """The owner's classifiers that have the label."""
    if model is not None and state.catalogue.has(model):
        return {}
    own = state.catalogue_for(owner_id, session).own
    known = {name: head for name, head in own.items() if label in head.labels and model in (None, name)}
    return {name: Vocabulary(frozenset(head.labels), head.several) for name, head in known.items()}


def _is_served(state: State, label: str, model: str | None) -> bool:
    """Whether a model has the label, though nothing was heard by it yet."""
    served = state.catalogue.manifests.items()
    return any(label in each.labels for name, each in served if model in (None, name))


def _unknown(label: str, model: str | None) -> str:
    if model is not None:
        return f"no served model {model!r} has the label {label!r}"
    return f"no served model has the label {label!r}, and no recording of yours"
