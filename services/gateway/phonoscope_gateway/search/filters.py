"""A search's filters, from names to what the database compares."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.contract import LabelFilter, SearchRequest
from phonoscope.db.search.filters import AnyLabel, Filters
from phonoscope.db.search.stored import is_heard, labels_named
from phonoscope.errors import UnknownLabel
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.state import State


def filters_of(session: Session, state: State, owner_id: str, request: SearchRequest) -> Filters:
    """What a search looks at. Raises ``UnknownLabel`` for a label that no model has."""
    asked = request.filters
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
    )


def _label(session: Session, state: State, owner_id: str, index: int, asked: LabelFilter) -> AnyLabel:
    known = labels_named(session, [asked.label], asked.model)
    ids = [label.id for label in known]
    if not _is_served(state, owner_id, asked, session) and not is_heard(session, owner_id, ids):
        of = "no served model" if asked.model is None else f"no served model {asked.model!r}"
        raise UnknownLabel.field(f"filters.labels.{index}.label", f"{of} has the label {asked.label!r}")
    return AnyLabel(frozenset(ids), asked.least_probability)


def _is_served(state: State, owner_id: str, asked: LabelFilter, session: Session) -> bool:
    """Whether a served model, or one of the owner's, has the label, though nothing was heard by it yet."""
    served = state.catalogue.manifests
    if any(asked.label in model.labels for name, model in served.items() if asked.model in (None, name)):
        return True
    own = state.catalogue_for(owner_id, session).own
    return any(asked.label in head.labels for name, head in own.items() if asked.model in (None, name))
