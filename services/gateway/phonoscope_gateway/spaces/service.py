"""An owner's spaces: what they hold, filling new ones, dropping old ones."""

from __future__ import annotations

from phonoscope.contract import ReembeddingProgress, SpaceCard
from phonoscope.db.service.keys import Caller
from phonoscope.db.spaces.dropping import drop_space
from phonoscope.db.spaces.listing import Held, list_spaces
from phonoscope.db.spaces.reembedding import ask, cancel
from phonoscope.errors import BrokerUnavailable, NotFound
from phonoscope.logs import get_logger
from phonoscope_gateway.state import State

_log = get_logger(__name__)


def read_spaces(state: State, caller: Caller) -> list[SpaceCard]:
    """The spaces that hold something of the owner's."""
    with state.database.transaction() as session:
        found = list_spaces(session, state.catalogue.served_spaces, caller.owner_id)
    return [_card(held) for held in found]


def ask_for_reembedding(state: State, caller: Caller, model: str | None) -> list[SpaceCard]:
    """Has what is missing of the owner's tracks embedded in the background; the spaces in which something was missing.

    Raises ``UnknownModel`` when no such model is served.
    """
    wanted = None if model is None else state.spaces(caller.owner_id, model)[0].model
    with state.database.transaction() as session:
        asked = {row.id for row in ask(session, state.catalogue.embedders, caller.actor, wanted)}
    return [card for card in read_spaces(state, caller) if card.id in asked]


def cancel_reembedding(state: State, caller: Caller, space_id: int) -> None:
    """Cancels the owner's reembedding into a space; what it has embedded stays. Raises ``NotFound``."""
    queues = cancel(state.database, space_id, caller.actor)
    try:
        state.waker.wake(queues)
    except BrokerUnavailable:
        _log.warning("reembedding.not_sent_yet", space_id=space_id)


def drop(state: State, caller: Caller, space_id: int) -> None:
    """Erases the owner's vectors in a space. Raises ``NotFound`` and ``SpaceInUse``."""
    if space_id not in {card.id for card in read_spaces(state, caller)}:
        raise NotFound(f"no space {space_id} has vectors of yours")
    dropped = drop_space(state.database, space_id, state.catalogue.served_spaces, caller.actor)
    _log.info("space.dropped", space_id=space_id, rows=dropped)


def _card(held: Held) -> SpaceCard:
    progress = held.reembedding
    return SpaceCard(
        id=held.row.id,
        model=held.row.model,
        digest=held.row.digest,
        kind=held.row.kind,
        state=held.state,
        read=held.read,
        tracks=held.tracks,
        windows=held.windows,
        total=held.total,
        missing=held.missing,
        reembedding=None if progress is None else ReembeddingProgress(**progress._asdict()),
        created_at=held.row.created_at,
        recall=held.row.recall,
        recall_sample=held.row.recall_sample,
        recall_at=held.row.recall_at,
    )
