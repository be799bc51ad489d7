"""What a reader should know of a search's answer."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.contract import SearchUnit
from phonoscope.db.search.stored import is_heard
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of


def unheard_labels(session: Session, query: Query) -> list[str]:
    """Of the labels that a moment must have, those that no window of its space has: heads of other spaces hear them."""
    if query.space is None or query.unit is not SearchUnit.MOMENT:
        return []
    heard = [label for label in query.filters.any_of if not label.said and not label.models]
    if not heard or (space_id := space_id_of(session, query.space)) is None:
        return []
    return [
        f"no window in the space of {query.space.model!r} has the label {label.name!r}, and no moment there is found "
        "by it; recordings are, with the unit `track`, in whichever space it is heard"
        for label in heard
        if not is_heard(session, query.owner_id, label.ids, space_id)
    ]
