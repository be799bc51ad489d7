"""The calls under ``/v1/models``."""

from __future__ import annotations

from fastapi import APIRouter

from phonoscope.contract import AnyModelCard, Page
from phonoscope.errors import NotFound
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/models", tags=["models"], responses=KEYED)


@router.get("")
def read_models(state: StateDep, caller: CallerDep) -> Page[AnyModelCard]:
    """Every model that your jobs can name: those that classify and embed, your own classifiers too, and those that take
    recordings apart.
    """
    return Page(items=[*state.catalogue_for(caller.owner_id).cards.values()])


@router.get("/{name}", responses=problems(NotFound))
def read_model(name: str, state: StateDep, caller: CallerDep) -> AnyModelCard:
    """A model's card: its labels or stems, its figures, its data, its licence and its limits."""
    cards = state.catalogue_for(caller.owner_id).cards
    if name not in cards:
        raise NotFound(f"no model {name!r}; served: {', '.join(cards)}")
    return cards[name]
