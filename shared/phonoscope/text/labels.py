"""The labels of the served heads, and the phrases by which each is recognised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from phonoscope.catalogue import Catalogue, Classifier, HeadedManifest

_ASIDE = re.compile(r"\s*\(([^)]*)\)")
_OWNERS = {"mtt"}
"""Asides that say who gave a tag, not what it means."""


@dataclass(frozen=True, order=True)
class Label:
    """A label of a model.

    Args:
        body: the first of the model's bodies: probabilities of labels with one body are of the same windows.
    """

    model: str
    label: str
    body: str

    @property
    def key(self) -> tuple[str, str]:
        """The model and the label."""
        return self.model, self.label

    @property
    def phrases(self) -> tuple[str, ...]:
        """What it is called: the whole name, then each of the names in it, in small letters.

        >>> Label("audioset-527", "Vehicle horn, car horn, honking", "mn04").phrases
        ('vehicle horn, car horn, honking', 'vehicle horn', 'car horn', 'honking')
        >>> Label("audioset-527", "Whimper (dog)", "mn04").phrases
        ('whimper (dog)', 'dog whimper')
        >>> Label("music-100", "guitar (MTT)", "musicnn").phrases
        ('guitar',)
        """
        name = self.label.replace("_", " ").lower().strip()
        asides = [aside for aside in _ASIDE.findall(name) if aside not in _OWNERS]
        bare = _ASIDE.sub("", name)
        parts = [part for part in re.split(r",\s*(?:and )?", bare) if part and part != "etc."]
        if asides:
            parts = [f"{asides[0]} {part}" for part in parts]
        whole = name if asides else bare
        return tuple(dict.fromkeys([whole, *parts]))


def labels_of(catalogue: Catalogue) -> tuple[Label, ...]:
    """The labels of all classifying models that can be served, in order."""
    models = catalogue.manifests.items()
    return tuple(Label(name, label, _body_of(model)) for name, model in models for label in model.labels)


def _body_of(model: Classifier) -> str:
    return model.bodies[0].name if isinstance(model, HeadedManifest) else model.name
