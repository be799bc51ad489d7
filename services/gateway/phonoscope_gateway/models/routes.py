"""The served models and their cards."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from phonoscope.contract import ModelCard, Page
from phonoscope.errors import NotFound
from phonoscope_gateway.state import StateDep, get_caller

router = APIRouter(prefix="/v1/models", tags=["models"], dependencies=[Depends(get_caller)])


@router.get("")
def read_models(state: StateDep) -> Page[ModelCard]:
    """Every model that jobs can name."""
    return Page(items=[manifest.card() for manifest in state.catalogue.manifests.values()])


@router.get("/{name}")
def read_model(name: str, state: StateDep) -> ModelCard:
    """What a model knows, how well, from what data, under which licence, and what it cannot do."""
    if name not in state.catalogue.manifests:
        raise NotFound(f"no model {name!r}; served: {', '.join(state.catalogue.manifests)}")
    return state.catalogue.manifests[name].card()
