"""The served models in their folders."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from phonoscope.catalogue.cards import AnyModelCard
from phonoscope.catalogue.manifests import MANIFEST, Manifest, StemManifest, check_weights, read_manifest
from phonoscope.errors import UnknownModel

_PREFERRED = ("htdemucs", "demucs-mini")


class Catalogue:
    """The models in folders, each in a folder of its own: ``<name>/{manifest.json,weights.safetensors}``.

    Args:
        folders: the first folder with a name counts; a folder that does not exist is empty.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """The manifests of classifying models, by name. Raises ``InvalidManifest``, naming the file and the field."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, Manifest)}

    @cached_property
    def separators(self) -> dict[str, StemManifest]:
        """The manifests of separation models, by name. Raises ``InvalidManifest``."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, StemManifest)}

    @property
    def best_separator(self) -> str:
        """The name of the default separation model; of one to pull when there is none."""
        there = self.separators
        return next((known for known in (*_PREFERRED, *there) if known in there), _PREFERRED[0])

    @cached_property
    def models(self) -> dict[str, Manifest | StemManifest]:
        """The manifests of all models, by name. Raises ``InvalidManifest``."""
        return {name: read_manifest(folder / MANIFEST) for name, folder in sorted(self._places.items())}

    @cached_property
    def _places(self) -> dict[str, Path]:
        found = (path.parent for folder in reversed(self._folders) for path in folder.glob(f"*/{MANIFEST}"))
        return {place.name: place for place in found}

    @property
    def cards(self) -> dict[str, AnyModelCard]:
        """The cards of all models, by name, classifying models first. Raises ``InvalidManifest``."""
        served: list[Manifest | StemManifest] = [*self.manifests.values(), *self.separators.values()]
        return {manifest.name: manifest.card() for manifest in served}

    def folder(self, name: str) -> Path:
        """The folder of a model in the catalogue."""
        return self._places[name]

    def check(self, name: str) -> None:
        """Checks a model's weights. Raises ``WeightsMismatch`` when a file is missing or differs from the manifest."""
        check_weights(self.models[name], self.folder(name))

    def get(self, name: str) -> Manifest:
        """A classifying model's manifest. Raises ``UnknownModel``, which lists the models there are."""
        if name not in self.manifests:
            known = ", ".join(self.manifests) or "none"
            raise UnknownModel(f"no model {name!r}; served: {known}", errors=[{"field": "model", "message": known}])
        return self.manifests[name]
