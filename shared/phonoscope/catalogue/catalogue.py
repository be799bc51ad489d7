"""The served models in folders."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from phonoscope.catalogue.cards import AnyModelCard
from phonoscope.catalogue.manifests import MANIFEST, Manifest, StemManifest, check_weights, read_manifest
from phonoscope.errors import UnknownModel

PULLABLE = ("htdemucs", "htdemucs_ft", "htdemucs_6s")
"""Separation models that are fetched once, with ``phonoscope models pull``."""

_PREFERRED = ("htdemucs", "demucs-mini")


class Catalogue:
    """The models in folders, each in its own: ``<name>/{manifest.json,weights.safetensors}``.

    Args:
        folders: where a name is in several, the first counts; one that does not exist is empty.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """Those that classify, by name. Raises ``InvalidManifest``, which names the file and the field."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, Manifest)}

    @cached_property
    def separators(self) -> dict[str, StemManifest]:
        """Those that take recordings apart, by name. Raises ``InvalidManifest``."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, StemManifest)}

    @property
    def best_separator(self) -> str:
        """The name of the one that is used where none is named; of one to be pulled where there is none."""
        there = self.separators
        return next((known for known in (*_PREFERRED, *there) if known in there), PULLABLE[0])

    @cached_property
    def models(self) -> dict[str, Manifest | StemManifest]:
        """All of them, by name. Raises ``InvalidManifest``."""
        return {name: read_manifest(folder / MANIFEST) for name, folder in sorted(self._places.items())}

    @cached_property
    def _places(self) -> dict[str, Path]:
        found = (path.parent for folder in reversed(self._folders) for path in folder.glob(f"*/{MANIFEST}"))
        return {place.name: place for place in found}

    @property
    def cards(self) -> dict[str, AnyModelCard]:
        """Of all of them, by name: first those that classify. Raises ``InvalidManifest``."""
        served: list[Manifest | StemManifest] = [*self.manifests.values(), *self.separators.values()]
        return {manifest.name: manifest.card() for manifest in served}

    def folder(self, name: str) -> Path:
        """Where a model lies that the catalogue has."""
        return self._places[name]

    def check(self, name: str) -> None:
        """Raises ``WeightsMismatch`` when a file of the model's weights is missing or not the manifest's."""
        check_weights(self.models[name], self.folder(name))

    def get(self, name: str) -> Manifest:
        """Raises ``UnknownModel``, which lists the models there are."""
        if name not in self.manifests:
            known = ", ".join(self.manifests) or "none"
            raise UnknownModel(f"no model {name!r}; served: {known}", errors=[{"field": "model", "message": known}])
        return self.manifests[name]
