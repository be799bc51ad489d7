"""Searches by words: what they mean as labels, or as a vector in a space that sounds and words share."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.contract import NearLabel, SearchRequest, UnderstoodQuery, WeightedLabel
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.stored import labels_named
from phonoscope.text import Meant
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.state import State

_BY_SPELLING = "words are compared with labels by their spelling: run `phonoscope models pull minilm`"
_NOTHING_WANTED = "nothing that should be heard is near to a label"


def by_text(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    """A search by words. Where no label is near to them nothing is found, and the answer says which are nearest."""
    assert request.text is not None
    meant = state.words.of(request.text)
    weights = meant.weights if meant.wanted else {}
    known = labels_named(session, {label for _, label in weights})
    ids = {label.id: weights[label.model, label.label] for label in known if (label.model, label.label) in weights}
    return Query(owner_id, request.unit, filters, _understood(meant), weights=ids)


def _understood(meant: Meant) -> UnderstoodQuery:
    labels = [
        WeightedLabel(model=model, label=label, weight=weight) for (model, label), weight in meant.weights.items()
    ]
    near = [NearLabel(label=near.label, similarity=near.similarity) for near in meant.near]
    notes = [] if meant.way == "meaning" else [_BY_SPELLING]
    return UnderstoodQuery(
        by="text",
        way=meant.way,
        labels=labels,
        near=near if meant.missing or not meant.wanted else [],
        missing=list(meant.missing),
        notes=notes if meant.wanted else [*notes, _NOTHING_WANTED],
    )
