"""The calls under ``/v1/models``."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from phonoscope.contract import AnyModelCard, Page
from phonoscope.errors import NotFound
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import StateDep, get_caller

router = APIRouter(prefix="/v1/models", tags=["models"], responses=KEYED, dependencies=[Depends(get_caller)])


@router.get("")
def read_models(state: StateDep) -> Page[AnyModelCard]:
    """Every model that jobs can name: those that classify and embed, and those that take recordings apart."""
    return Page(items=[*state.catalogue.cards.values()])


@router.get("/{name}", responses=problems(NotFound))
def read_model(name: str, state: StateDep) -> AnyModelCard:
    """A model's card: its labels or stems, its figures, its data, its licence and its limits."""
    cards = state.catalogue.cards
    if name not in cards:
        raise NotFound(f"no model {name!r}; served: {', '.join(cards)}")
    return cards[name]
