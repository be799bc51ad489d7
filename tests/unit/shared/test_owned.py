"""An owner's own heads beside the served models."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from phonoscope.catalogue import Catalogue, HeadedManifest, HeadManifest, ModelCard, OwnersCatalogue
from phonoscope.errors import BodyAbsent, UnknownModel
from phonoscope.paths import bundled
from tests.own_heads import general_body, own_head


class Owner:
    """Has heads, and counts how often they are read."""

    def __init__(self, *heads: HeadManifest) -> None:
        self.heads = {head.name: head for head in heads}
        self.reads = 0

    def __call__(self) -> dict[str, HeadManifest]:
        self.reads += 1
        return self.heads

    @property
    def catalogue(self) -> OwnersCatalogue:
        return OwnersCatalogue(SERVED, self)


SERVED = Catalogue(bundled("models"))
SERVED_ONLY: dict[str, Callable[[Catalogue], object]] = {
    "a served model": lambda catalogue: catalogue.among(["environment-10", "genre-10"]),
    "what is chosen by itself": lambda catalogue: catalogue.auto.models,
    "the spaces of all": lambda catalogue: (catalogue.spaces("auto"), catalogue.spaces("mobilenet")),
    "what fills spaces": lambda catalogue: (catalogue.embedders, catalogue.served_spaces),
    "labels of a served model": lambda catalogue: catalogue.vocabularies.get("environment-50"),
    "separation models": lambda catalogue: (catalogue.separators, catalogue.best_separator),
    "why others are absent": lambda catalogue: (catalogue.absent, catalogue.unreadable, catalogue.with_text),
}


@pytest.mark.parametrize("ask", SERVED_ONLY.values(), ids=SERVED_ONLY)
def test_what_is_served_asks_for_no_heads(ask: Callable[[Catalogue], object]) -> None:
    """It is answered as for everybody, without a look at what the owner has."""
    owner = Owner(own_head()[0])
    assert ask(owner.catalogue) == ask(SERVED)
    assert owner.reads == 0


def test_an_own_head_is_a_model_like_any() -> None:
    """It is named, listed with its card and its labels, and lies in its body's space; heads are read once."""
    owner = Owner(own_head()[0])
    catalogue = owner.catalogue
    model = catalogue.get("shades")
    assert isinstance(model, HeadedManifest)
    assert (model.space, model.kind) == (general_body().space, "own")
    assert catalogue.spaces("shades") == (general_body().space,)
    card = catalogue.cards["shades"]
    assert isinstance(card, ModelCard)
    assert (card.yours, card.kind, card.metrics["accuracy"]) == (True, "own", 0.9)
    assert [name for name, each in catalogue.cards.items() if getattr(each, "yours", False)] == ["shades"]
    assert catalogue.vocabularies["shades"].labels == {"bright", "dark", "dull"}
    assert set(catalogue.vocabularies) == {*SERVED.vocabularies, "shades"}
    assert "shades" not in [*catalogue.embedders.values(), *(each.name for each in catalogue.auto.models)]
    assert owner.reads == 1


@pytest.mark.parametrize("name", ["environment-10", "mobilenet", "demucs-mini", "kinds"])
def test_a_served_name_wins(name: str) -> None:
    """Whatever kind of model has it: classifier, body or separation model."""
    catalogue = Owner(own_head(name)[0]).catalogue
    assert name not in catalogue.own
    assert catalogue.manifests == SERVED.manifests


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    """The owner's among them."""
    with pytest.raises(UnknownModel, match=r"no model 'shade'; served: .*, shades"):
        Owner(own_head()[0]).catalogue.get("shade")


def test_a_head_whose_body_is_absent_is_no_model() -> None:
    """It is not listed; when named, the error says which body it needs."""
    other = general_body().model_copy(update={"name": "elsewhere"})
    catalogue = Owner(own_head(body=other)[0]).catalogue
    assert catalogue.manifests.keys() == SERVED.manifests.keys()
    assert catalogue.cards.keys() == SERVED.cards.keys()
    with pytest.raises(BodyAbsent, match="shades needs elsewhere"):
        catalogue.get("shades")
