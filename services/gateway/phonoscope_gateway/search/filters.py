"""A search's filters, from names to what the database compares."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.contract import LabelFilter, SearchRequest
from phonoscope.db.library.collections import check_collection
from phonoscope.db.search.filters import AnyLabel, Filters
from phonoscope.db.search.stored import is_heard, labels_named
from phonoscope.errors import UnknownLabel
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.state import State


def filters_of(session: Session, state: State, owner_id: str, request: SearchRequest) -> Filters:
    """What a search looks at.

    Raises ``UnknownLabel`` for a label that no model has, ``NotFound`` for a collection that the owner does not have.
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
    )


def _label(session: Session, state: State, owner_id: str, index: int, asked: LabelFilter) -> AnyLabel:
    known = labels_named(session, [asked.label], asked.model)
    ids, own = [label.id for label in known], _own_models(session, state, owner_id, asked)
    if not own and not _is_served(state, asked) and not is_heard(session, owner_id, ids):
        of = "no served model" if asked.model is None else f"no served model {asked.model!r}"
        raise UnknownLabel.field(f"filters.labels.{index}.label", f"{of} has the label {asked.label!r}")
    return AnyLabel(frozenset(ids), asked.least_probability, asked.label, own)


def _own_models(session: Session, state: State, owner_id: str, asked: LabelFilter) -> tuple[str, ...]:
    """The owner's classifiers that have the label."""
    if asked.model is not None and state.catalogue.has(asked.model):
        return ()
    own = state.catalogue_for(owner_id, session).own
    return tuple(name for name, head in own.items() if asked.label in head.labels and asked.model in (None, name))


def _is_served(state: State, asked: LabelFilter) -> bool:
    """Whether a model has the label, though nothing was heard by it yet."""
    served = state.catalogue.manifests.items()
    return any(asked.label in model.labels for name, model in served if asked.model in (None, name))
