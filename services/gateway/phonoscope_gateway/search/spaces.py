"""Spaces as a search names them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.db.library.embeddings import own_space
from phonoscope.db.search.stored import find_space, kept_spaces
from phonoscope.db.spaces.reading import reading_space
from phonoscope.errors import InvalidRequest, UnknownModel
from phonoscope.work import WHOLE_TRACK, Space
from phonoscope_gateway.state import State

_IDS = "phonoscope_space_ids"


def space_id_of(session: Session, space: Space) -> int | None:
    """The id of a space, read once a transaction; ``None`` before the first window is kept in it."""
    known: dict[Space, int | None] = session.info.setdefault(_IDS, {})
    if space not in known:
        known[space] = find_space(session, space)
    return known[space]


def named_spaces(session: Session, state: State, owner_id: str, name: str | None) -> tuple[Space, ...]:
    """The spaces of a model or a body, the one with a digest, or those of the default models: the general one first.

    Raises ``InvalidRequest`` when there is none.
    """
    if name is None:
        return state.spaces(owner_id, None, session)
    catalogue = state.catalogue_for(owner_id, session)
    try:
        return catalogue.spaces(name)
    except UnknownModel:
        kept = kept_spaces(session)
        if name in kept:
            return (kept[name],)
        served = {*catalogue.bodies, *catalogue.manifests, *kept}
        raise InvalidRequest.choice("space", f"space {name!r}", sorted(served)) from None


def read_space(session: Session, state: State, owner_id: str, name: str | None, stem: str) -> Space:
    """The first of the spaces so named; by a model's name the one that the owner's searches read now."""
    first = named_spaces(session, state, owner_id, name)[0]
    return first if name == first.digest else reading_space(session, owner_id, first, stem)


def space_of(
    session: Session, state: State, owner_id: str, track_id: str, name: str | None, stem: str = WHOLE_TRACK
) -> Space:
    """The space in which a track is compared: of those that are named the last in which it has a vector.

    By a model's name it is the one that the owner's searches read now. Raises ``InvalidRequest`` when there is no such
    space.
    """
    named = named_spaces(session, state, owner_id, name)
    return named[0] if name == named[0].digest else own_space(session, owner_id, track_id, named, stem)
