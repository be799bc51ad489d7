"""Spaces as a search names them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.db.search.stored import kept_spaces
from phonoscope.errors import InvalidRequest, UnknownModel
from phonoscope.work import Space
from phonoscope_gateway.state import State


def named_spaces(session: Session, state: State, name: str | None) -> tuple[Space, ...]:
    """The spaces of a model or a body, the one with a digest, or those of the default models: the general one first.

    Raises ``InvalidRequest`` when there is none.
    """
    if name is None:
        return state.spaces(None)
    try:
        return state.spaces(name)
    except UnknownModel:
        kept = kept_spaces(session)
        if name in kept:
            return (kept[name],)
        served = {*state.catalogue.bodies, *state.catalogue.manifests, *kept}
        raise InvalidRequest.choice("space", f"space {name!r}", sorted(served)) from None
